using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Weights.Models;

/// <summary>
/// Tells that a text is in Unicode's normal form C already, from characters that no composition touches. The framework's own normalisation needs
/// tables that this program runs without, so a text with any other character is refused rather than encoded wrongly.
/// </summary>
internal static class NormalFormC
{
    // Ranges in which every character is its own composed form and never combines with one before it (UAX #15, NFC_Quick_Check=Yes, ccc=0).
    private static readonly (int First, int Last)[] Safe =
    [
        (0x0000, 0x02ff), (0x0388, 0x0482), (0x048a, 0x052f), (0x0531, 0x0588), (0x10d0, 0x10ff), (0x1e00, 0x1eff), (0x2002, 0x20cf), (0x2100, 0x2125), (0x2127, 0x2129),
        (0x212c, 0x2328), (0x232b, 0x2adb), (0x2add, 0x2bff), (0x3000, 0x3029), (0x3030, 0x3098), (0x309b, 0x312f), (0x3131, 0x318e), (0x3400, 0x9fff),
        (0xac00, 0xd7a3), (0xfe00, 0xfe0f), (0xfe30, 0xfe6b), (0xff01, 0xffee), (0x1f000, 0x1fbff), (0x20000, 0x2f7ff),
    ];

    /// <exception cref="MalformedException">A character that may not be in normal form C.</exception>
    public static void Require(ReadOnlySpan<byte> utf8)
    {
        for (var at = 0; at < utf8.Length;)
        {
            if (utf8[at] < 0x80)
            {
                at++;
                continue;
            }
            Rune.DecodeFromUtf8(utf8[at..], out var rune, out var width);
            if (!Array.Exists(Safe, range => rune.Value >= range.First && rune.Value <= range.Last))
                throw new MalformedException(at, $"the model's tokenizer wants text in normal form C, which cannot be checked for U+{rune.Value:X4}");
            at += width;
        }
    }
}
