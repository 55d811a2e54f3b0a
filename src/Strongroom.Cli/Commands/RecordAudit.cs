using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Ledger;
using Strongroom.Policy;

namespace Strongroom.Cli.Commands;

/// <summary>Judges what the entries mean while the ledger under them is verified: that it was founded for this key, and every record after that.</summary>
internal sealed class RecordAudit(LedgerReader reader, VerifierKey ledger, ReleasePolicy? candidate, Func<ReadOnlyMemory<byte>, RecordedEndorsements>? endorsements)
{
    private readonly DecisionAudit decisions = new(async (digest, cancel) => await reader.BlobAsync(digest, cancel), candidate, endorsements);
    private readonly List<string> findings = [];
    private bool ended;

    internal IEnumerable<string> Findings => findings.Concat(decisions.Deviations.Select(each => $"entry {each.Index}: {each.What}"));

    internal DecisionAudit Decisions => decisions;

    /// <summary>The blobs that an entry refers to; none for what is no record.</summary>
    internal static IReadOnlyList<Digest> BlobsOf(ReadOnlyMemory<byte> entry)
    {
        try
        {
            return LedgerRecord.Parse(entry.Span).Blobs;
        }
        catch (MalformedException)
        {
            return [];
        }
    }

    internal async ValueTask<IReadOnlyList<Digest>> ReadAsync(long index, ReadOnlyMemory<byte> entry, CancellationToken cancel)
    {
        if (!ended) ended = !await decisions.ReadAsync(entry, cancel);
        if (index == 0 && decisions.State.Founding is { } founding && founding.LedgerKey != ledger.ToString())
            findings.Add($"entry 0: the ledger was founded for the key {founding.LedgerKey}, not for {ledger}");
        return BlobsOf(entry);
    }
}
