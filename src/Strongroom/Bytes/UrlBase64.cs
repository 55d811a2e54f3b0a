using System.Buffers.Text;

namespace Strongroom.Bytes;

/// <summary>Base64url as tokens and keys of JOSE have it, in the one form that counts (RFC 7515 section 2): no padding, no white space, unused bits zero.</summary>
internal static class UrlBase64
{
    /// <summary>The framework's decoder is more generous, so the bytes are written again.</summary>
    /// <param name="text">What came.</param>
    /// <param name="what">Its name, for the error.</param>
    /// <exception cref="MalformedException">Any other spelling.</exception>
    public static byte[] Decode(ReadOnlySpan<char> text, string what)
    {
        var bytes = new byte[Base64Url.GetMaxDecodedLength(text.Length)];
        try
        {
            if (Base64Url.TryDecodeFromChars(text, bytes, out var size) && text.SequenceEqual(Base64Url.EncodeToString(bytes.AsSpan(0, size)))) return bytes[..size];
        }
        catch (FormatException)
        {
        }
        throw new MalformedException(-1, $"{what} is not base64url without padding");
    }
}
