using Strongroom.Bytes;
using Strongroom.Facts;

namespace Strongroom.Cli.Commands;

/// <summary>Reads entries as records while the ledger under them is verified.</summary>
internal sealed class RecordAudit
{
    private readonly List<string> findings = [];

    internal IReadOnlyList<string> Findings => findings;

    internal int Decisions { get; private set; }

    /// <summary>The blobs that an entry refers to.</summary>
    internal static IEnumerable<Digest> BlobsOf(ReadOnlyMemory<byte> entry) => LedgerRecord.Parse(entry.Span) switch
    {
        ReleaseDecided decided => [decided.Evidence],
        RenewalDecided decided => [decided.Evidence],
        _ => [],
    };

    internal ValueTask<IReadOnlyList<Digest>> ReadAsync(long index, ReadOnlyMemory<byte> entry, CancellationToken cancel)
    {
        try
        {
            Digest[] blobs = [.. BlobsOf(entry)];
            Decisions += blobs.Length;
            return new(blobs);
        }
        catch (MalformedException e)
        {
            findings.Add($"entry {index} is no record: {e.Message}");
            return new([]);
        }
    }
}
