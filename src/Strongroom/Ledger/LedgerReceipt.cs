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
    internal LedgerReceipt(ProvedEntry proved, WitnessedCheckpoint head)
    {
        if (proved.Head != head.Checkpoint) throw new ArgumentException("the entry was proved under another head", nameof(head));
        (Index, Entry, LeafHash, Checkpoint, Cosignatures) = (proved.Index, proved.Entry, proved.LeafHash, head.Checkpoint, head.Cosignatures);
        proof = new(() => new LedgerProof(proved.Index, proved.Hashes, head.Note).ToString());
    }

    public long Index { get; }

    /// <summary>The bytes that were appended.</summary>
    public ReadOnlyMemory<byte> Entry { get; }

    /// <summary>RFC 6962 leaf hash of <see cref="Entry"/>.</summary>
    public Digest LeafHash { get; }

    public Checkpoint Checkpoint { get; }

    public IReadOnlyList<Cosignature> Cosignatures { get; }

    /// <summary>The text that convinces others (C2SP tlog-proof).</summary>
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
