using System.Globalization;
using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>Text forms of which each value has exactly one, so that no line of a note or proof can change without changing its meaning.</summary>
internal static class OneSpelling
{
    /// <summary>RFC 4648 section 4: padded, no white space, unused bits zero.</summary>
    internal static byte[] Base64(ReadOnlySpan<char> text, string what)
    {
        var bytes = new byte[text.Length];
        if (!Convert.TryFromBase64Chars(text, bytes, out var length) || !text.SequenceEqual(Convert.ToBase64String(bytes, 0, length)))
            throw new MalformedException(-1, $"{what} is not base64");
        return bytes[..length];
    }

    internal static Digest Hash(ReadOnlySpan<char> text, string what) => Digest.From(Base64(text, what));

    /// <summary>ASCII decimal without sign or leading zeros, at most 2^63 - 1.</summary>
    internal static long Decimal(ReadOnlySpan<char> text, string what)
    {
        if (text.IsEmpty || (text.Length > 1 && text[0] == '0') || !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
            throw new MalformedException(-1, $"{what} is not a decimal number without leading zeros");
        return value;
    }
}
