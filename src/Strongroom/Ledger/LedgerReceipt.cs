using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>
/// Proof, already checked, that an entry stands in a witnessed ledger. Only <see cref="Check"/> and <see cref="LedgerStore"/> can make one, so
/// code that asks for a receipt cannot be reached without the check.
/// </summary>
public sealed class LedgerReceipt
{
    private readonly Lazy<string> proof;

    /// <param name="proved">Under the same head as <paramref name="head"/>.</param>
    /// <param name="head">Signed and cosigned.</param>
    internal LedgerReceipt(ProvedEntry proved, WitnessedCheckpoint head) : this(proved.Index, proved.Entry, proved.LeafHash, head, () => proved)
    {
    }

    /// <param name="leaf">Appended by this process, which made the head's tree of it: the proof is for others, so it is made and checked when one asks.</param>
    /// <param name="head">Signed and cosigned.</param>
    /// <param name="prove">The check of that leaf under that head.</param>
    internal LedgerReceipt(LedgerLeaf leaf, WitnessedCheckpoint head, Func<ProvedEntry> prove) : this(leaf.Index, leaf.Entry, leaf.Hashes[0], head, prove)
    {
    }

    private LedgerReceipt(long index, ReadOnlyMemory<byte> entry, Digest leafHash, WitnessedCheckpoint head, Func<ProvedEntry> prove)
    {
        (Index, Entry, LeafHash, Checkpoint, Cosignatures) = (index, entry, leafHash, head.Checkpoint, head.Cosignatures);
        proof = new(() => prove() is { } proved && proved.Head == head.Checkpoint
            ? new LedgerProof(proved.Index, proved.Hashes, head.Note).ToString()
            : throw new InvalidOperationException("the entry was proved under another head"));
    }

    public long Index { get; }

    /// <summary>The bytes that were appended.</summary>
    public ReadOnlyMemory<byte> Entry { get; }

    /// <summary>RFC 6962 leaf hash of <see cref="Entry"/>.</summary>
    public Digest LeafHash { get; }

    public Checkpoint Checkpoint { get; }

    public IReadOnlyList<Cosignature> Cosignatures { get; }

    /// <summary>The text that convinces others (C2SP tlog-proof).</summary>
    /// <exception cref="LedgerBrokenException">The store's own entry does not prove.</exception>
    public string Proof => proof.Value;

    /// <exception cref="MalformedException">The text is no proof.</exception>
    /// <exception cref="RefusedException">Origin, signature, a cosignature or the inclusion proof is wrong.</exception>
    public static LedgerReceipt Check(ReadOnlyMemory<byte> entry, string proof, LedgerTrust trust)
    {
        var parsed = LedgerProof.Parse(proof);
        var head = trust.Check(parsed.Checkpoint);
        return new(ProvedEntry.Check(entry, parsed.Index, parsed.Hashes, head.Checkpoint), head);
    }
}
