using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>A claim that some entry stands at an index of a ledger, in the text form of C2SP tlog-proof. Parsing checks nothing of it.</summary>
/// <param name="Index">Zero-based.</param>
/// <param name="Hashes">RFC 6962 section 2.1.1, the leaf's sibling first.</param>
/// <param name="Checkpoint">The signed and cosigned head that the proof leads to.</param>
public sealed record LedgerProof(long Index, IReadOnlyList<Digest> Hashes, SignedNote Checkpoint)
{
    private const string Header = "c2sp.org/tlog-proof@v1";
    private const string IndexLabel = "index ";

    /// <remarks>The <c>extra</c> line of tlog-proof is authenticated by nothing and means nothing here, so it is refused.</remarks>
    /// <exception cref="MalformedException">Any other form.</exception>
    public static LedgerProof Parse(string text)
    {
        if (text.Length > SignedNote.MaxSizeInBytes) throw new MalformedException(SignedNote.MaxSizeInBytes, "the proof is too long");
        var blank = text.IndexOf("\n\n", StringComparison.Ordinal);
        if (blank < 0) throw new MalformedException(-1, "a proof is a header, an index, hashes, a blank line and a checkpoint");
        var lines = text[..blank].Split('\n');
        if (lines[0] != Header) throw new MalformedException(0, $"a proof begins with {Header}");
        if (lines.Length < 2 || !lines[1].StartsWith(IndexLabel, StringComparison.Ordinal)) throw new MalformedException(Header.Length + 1, "the index line is missing");
        if (lines.Length > 2 + MerkleTree.MaxProofLength) throw new MalformedException(-1, $"a proof has {MerkleTree.MaxProofLength} hashes at most");
        return new(
            OneSpelling.Decimal(lines[1].AsSpan(IndexLabel.Length), "the index"),
            [.. lines.Skip(2).Select(line => OneSpelling.Hash(line, "a hash of the proof"))],
            SignedNote.Parse(text[(blank + 2)..]));
    }

    public override string ToString()
    {
        var text = new StringBuilder(Header).Append('\n').Append(IndexLabel).Append(Index).Append('\n');
        foreach (var hash in Hashes) text.Append(Convert.ToBase64String(hash.Span)).Append('\n');
        return text.Append('\n').Append(Checkpoint).ToString();
    }
}
