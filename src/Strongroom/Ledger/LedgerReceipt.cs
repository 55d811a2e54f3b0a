using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>
/// Proof, already checked, that an entry stands in a witnessed ledger. Only <see cref="Check"/> and <see cref="LedgerStore"/> can make one, so
/// code that asks for a receipt cannot be reached without the check.
/// </summary>
public sealed class LedgerReceipt
{
    private readonly Lazy<string> proof;

    private LedgerReceipt(ReadOnlyMemory<byte> entry, Digest leafHash, LedgerProof proof, WitnessedCheckpoint head)
    {
        (Index, Entry, LeafHash, Checkpoint, Cosignatures) = (proof.Index, entry, leafHash, head.Checkpoint, head.Cosignatures);
        this.proof = new(proof.ToString);
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
        return Check(entry, parsed, trust.Check(parsed.Checkpoint));
    }

    /// <param name="head">Must be what <see cref="LedgerTrust.Check"/> made of the proof's own checkpoint.</param>
    internal static LedgerReceipt Check(ReadOnlyMemory<byte> entry, LedgerProof proof, WitnessedCheckpoint head)
    {
        var leafHash = MerkleTree.LeafHash(entry.Span);
        if (!MerkleTree.Includes(head.Checkpoint.Root, head.Checkpoint.Size, proof.Index, leafHash, proof.Hashes))
            throw new RefusedException($"the ledger of {head.Checkpoint.Size} entries does not have this one at index {proof.Index}");
        return new(entry, leafHash, proof, head);
    }
}
