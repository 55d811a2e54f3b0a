using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>The head of a ledger: its first <paramref name="Size"/> entries have this RFC 6962 root (C2SP tlog-checkpoint).</summary>
/// <param name="Origin">The ledger's name for ever; also the name of its key.</param>
/// <param name="Size">Number of entries.</param>
/// <param name="Root">Merkle tree hash; of an empty ledger the SHA-256 of nothing.</param>
public sealed record Checkpoint(string Origin, long Size, Digest Root)
{
    /// <summary>The text of the note: three lines.</summary>
    public string Text => $"{Origin}\n{Size}\n{Convert.ToBase64String(Root.Span)}\n";

    /// <remarks>Extension lines are allowed by tlog-checkpoint but no auditor can check what they say, so they are refused.</remarks>
    /// <exception cref="MalformedException">Not exactly origin, size and root, each on its line.</exception>
    public static Checkpoint Parse(string text)
    {
        var lines = text.Split('\n');
        if (lines.Length != 4 || lines[3].Length != 0) throw new MalformedException(-1, "a checkpoint is three lines: origin, size, root");
        VerifierKey.RequireName(lines[0]);
        return new(lines[0], OneSpelling.Decimal(lines[1], "a tree size"), OneSpelling.Hash(lines[2], "a root hash"));
    }
}
