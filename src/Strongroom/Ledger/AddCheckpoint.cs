using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>The body of a witness's <c>add-checkpoint</c> request (C2SP tlog-witness).</summary>
/// <param name="OldSize">Size of the last checkpoint that the witness is thought to have cosigned.</param>
/// <param name="Proof">RFC 6962 section 2.1.2 from that size to the checkpoint's.</param>
/// <param name="Checkpoint">Signed by the ledger.</param>
public sealed record AddCheckpoint(long OldSize, IReadOnlyList<Digest> Proof, SignedNote Checkpoint)
{
    public const int MaxSizeInBytes = SignedNote.MaxSizeInBytes + 8192;

    private const string OldLabel = "old ";

    /// <exception cref="MalformedException">Any other form.</exception>
    public static AddCheckpoint Parse(string text)
    {
        var blank = text.IndexOf("\n\n", StringComparison.Ordinal);
        if (blank < 0) throw new MalformedException(-1, "the request is an old size, hashes, a blank line and a checkpoint");
        var lines = text[..blank].Split('\n');
        if (!lines[0].StartsWith(OldLabel, StringComparison.Ordinal)) throw new MalformedException(0, "the old size line is missing");
        if (lines.Length > 1 + MerkleTree.MaxProofLength) throw new MalformedException(-1, $"a proof has {MerkleTree.MaxProofLength} hashes at most");
        return new(
            OneSpelling.Decimal(lines[0].AsSpan(OldLabel.Length), "the old size"),
            [.. lines.Skip(1).Select(line => OneSpelling.Hash(line, "a hash of the proof"))],
            SignedNote.Parse(text[(blank + 2)..]));
    }

    public override string ToString()
    {
        var text = new StringBuilder(OldLabel).Append(OldSize).Append('\n');
        foreach (var hash in Proof) text.Append(Convert.ToBase64String(hash.Span)).Append('\n');
        return text.Append('\n').Append(Checkpoint).ToString();
    }
}
