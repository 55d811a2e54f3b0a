using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>Is shown every entry, in order; answers with the digests of the blobs that it refers to.</summary>
public delegate ValueTask<IReadOnlyList<Digest>> LedgerEntryReader(long index, ReadOnlyMemory<byte> entry, CancellationToken cancel);

/// <summary>
/// Reads a whole ledger and believes none of it: every leaf and node is hashed anew from the entries, the head must be signed and cosigned, must
/// extend an older head that the auditor kept, and every blob that an entry refers to must be there, unchanged.
/// </summary>
/// <remarks>What the entries mean is audited elsewhere; here they are bytes.</remarks>
public sealed class LedgerAudit
{
    private const int MaxFindings = 100;

    private readonly LedgerReader reader;
    private readonly List<string> findings = [];
    private readonly List<List<Digest>> rows = []; // for each level of tiles the hashes of its tile that is not full yet

    private LedgerAudit(LedgerReader reader) => this.reader = reader;

    /// <summary>Everything that is wrong; empty when the ledger is sound. The first 100 only.</summary>
    public IReadOnlyList<string> Findings => findings;

    /// <summary>The head that was audited; null when there was none to read.</summary>
    public Checkpoint? Checkpoint { get; private set; }

    /// <summary>When and by whom the head was cosigned, of the witnesses asked for.</summary>
    public IReadOnlyList<Cosignature> Cosignatures { get; private set; } = [];

    /// <summary>Blobs that were referred to, there and unchanged.</summary>
    public int Blobs { get; private set; }

    /// <param name="source">The ledger.</param>
    /// <param name="ledger">Its key; the key's name is its origin.</param>
    /// <param name="witnesses">Each must have cosigned the head; with none, nothing shows that other readers see the same ledger.</param>
    /// <param name="since">A head that the auditor kept from earlier, or null.</param>
    /// <param name="entry">Called with every entry.</param>
    /// <param name="cancel">Ends the audit.</param>
    /// <exception cref="MalformedException"><paramref name="since"/> is no checkpoint.</exception>
    public static async Task<LedgerAudit> RunAsync(
        LedgerSource source, VerifierKey ledger, IReadOnlyList<VerifierKey> witnesses, SignedNote? since,
        LedgerEntryReader entry, CancellationToken cancel = default)
    {
        var audit = new LedgerAudit(new(source));
        var kept = since is null ? null : audit.Head(since, ledger, [], "the kept checkpoint");
        try
        {
            var note = await audit.reader.CheckpointAsync(cancel).ConfigureAwait(false);
            audit.Checkpoint = audit.Head(note, ledger, witnesses, "the checkpoint");
            audit.Cosignatures = [.. witnesses.Where(note.IsSignedBy).Select(key => Cosignature.FromVerified(note.Signatures.First(key.Made)))];
            await audit.ReadAsync(audit.Checkpoint, kept, entry, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is RefusedException or MalformedException)
        {
            audit.Find(e.Message);
        }
        return audit;
    }

    private Checkpoint Head(SignedNote note, VerifierKey ledger, IReadOnlyList<VerifierKey> witnesses, string which)
    {
        var checkpoint = Ledger.Checkpoint.Parse(note.Text);
        foreach (var reason in LedgerTrust.Reasons(note, checkpoint, ledger, witnesses)) Find($"{which}: {reason}");
        return checkpoint;
    }

    private async Task ReadAsync(Checkpoint head, Checkpoint? kept, LedgerEntryReader entry, CancellationToken cancel)
    {
        if (kept?.Size > head.Size) Find($"the ledger has shrunk from {kept.Size} entries to {head.Size}");
        var edge = new TreeEdge();
        RequireKept(kept, edge);
        foreach (var bundle in TilePath.Of(head.Size).TakeWhile(tile => tile.Level is null))
        {
            foreach (var bytes in await reader.EntriesAsync(bundle, cancel).ConfigureAwait(false))
            {
                await RequireBlobsAsync(edge.Size, await entry(edge.Size, bytes, cancel).ConfigureAwait(false), cancel).ConfigureAwait(false);
                var leaf = MerkleTree.LeafHash(bytes.Span);
                edge.Append(leaf);
                await AddAsync(0, edge.Size - 1, leaf, cancel).ConfigureAwait(false);
                RequireKept(kept, edge);
            }
        }
        for (var level = 0; level < rows.Count; level++)
        {
            if (rows[level].Count > 0) await CompareAsync(level, (edge.Size >> (TilePath.Height * level)) / TilePath.FullWidth, cancel).ConfigureAwait(false);
        }
        if (edge.Root != head.Root) Find($"the {head.Size} entries are not those that the checkpoint was signed for");
    }

    /// <summary>Puts a hash into the row of its level; a full row is compared with its tile and becomes one hash of the level above.</summary>
    private async Task AddAsync(int level, long index, Digest hash, CancellationToken cancel)
    {
        if (rows.Count == level) rows.Add([]);
        rows[level].Add(hash);
        if (rows[level].Count < TilePath.FullWidth) return;
        var tile = index / TilePath.FullWidth;
        await CompareAsync(level, tile, cancel).ConfigureAwait(false);
        var whole = new TreeEdge();
        foreach (var each in rows[level]) whole.Append(each);
        rows[level].Clear();
        await AddAsync(level + 1, tile, whole.Root, cancel).ConfigureAwait(false);
    }

    private async Task CompareAsync(int level, long index, CancellationToken cancel)
    {
        var tile = new TilePath(level, index, rows[level].Count);
        try
        {
            var served = await reader.HashesAsync(tile, cancel).ConfigureAwait(false);
            for (var i = 0; i < served.Count; i++)
            {
                if (served[i] != rows[level][i]) Find($"hash {index * TilePath.FullWidth + i} of level {TilePath.Height * level}, in {tile}, is not that of the entries");
            }
        }
        catch (RefusedException e)
        {
            Find(e.Message);
        }
    }

    private void RequireKept(Checkpoint? kept, TreeEdge edge)
    {
        if (kept?.Size == edge.Size && kept.Root != edge.Root) Find($"the first {kept.Size} entries are not those of the kept checkpoint: history was rewritten");
    }

    private async Task RequireBlobsAsync(long index, IReadOnlyList<Digest> digests, CancellationToken cancel)
    {
        foreach (var digest in digests)
        {
            try
            {
                if (await reader.BlobAsync(digest, cancel).ConfigureAwait(false) is null) Find($"entry {index} refers to blob {digest}, which is missing");
                else Blobs++;
            }
            catch (RefusedException e)
            {
                Find($"entry {index}: {e.Message}");
            }
        }
    }

    private void Find(string what)
    {
        if (findings.Count < MaxFindings) findings.Add(what);
    }
}
