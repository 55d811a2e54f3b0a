using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Weights.Models;

/// <summary>What happens to a text before its pieces are merged: a prefix for its first word, a stand-in for spaces, and the split into words.</summary>
/// <param name="Prefix">Put before the first word of a document; empty for none.</param>
/// <param name="PrefixUnlessSpace">Only where the text does not begin with a space already.</param>
/// <param name="Space">Stands for a space.</param>
/// <param name="Words">How words are cut; null: the whole text is one.</param>
internal sealed record TextForm(byte[] Prefix, bool PrefixUnlessSpace, byte[] Space, WordRule? Words)
{
    /// <summary>The prefix comes at the start of the whole prompt only, not after each control token.</summary>
    public bool PrefixOnce { get; init; }

    /// <summary>The text must be in Unicode's normal form C.</summary>
    public bool MustBeComposed { get; init; }

    /// <summary>SentencePiece's stand-in for a space, U+2581.</summary>
    public static byte[] Underline => "▁"u8.ToArray();

    public static byte[] PlainSpace => " "u8.ToArray();

    /// <summary>A SentencePiece token as it is shown: with real spaces.</summary>
    public static byte[] WithSpaces(byte[] piece) => Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(piece).Replace('▁', ' '));

    public int MaxBytes(int utf8Bytes) => Prefix.Length + (utf8Bytes * Space.Length);

    /// <returns>Bytes written.</returns>
    /// <exception cref="MalformedException">The text must be in normal form C and is not known to be.</exception>
    public int Normalise(ReadOnlySpan<byte> utf8, Span<byte> to, bool start)
    {
        if (MustBeComposed) NormalFormC.Require(utf8);
        var written = 0;
        if (start && !(PrefixUnlessSpace && utf8[0] == ' '))
        {
            Prefix.CopyTo(to);
            written = Prefix.Length;
        }
        foreach (var b in utf8)
        {
            if (b == ' ')
            {
                Space.CopyTo(to[written..]);
                written += Space.Length;
            }
            else
            {
                to[written++] = b;
            }
        }
        return written;
    }

    /// <summary>Length in bytes of the first word.</summary>
    public int NextWord(ReadOnlySpan<byte> text) => Words?.Length(text) ?? text.Length;
}
