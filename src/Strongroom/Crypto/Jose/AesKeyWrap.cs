using System.Buffers.Binary;
using System.Security.Cryptography;
using Strongroom.Bytes;

namespace Strongroom.Crypto;

/// <summary>AES key wrap (RFC 3394 section 2.2.1), which the framework has only in its padded form (RFC 5649).</summary>
internal static class AesKeyWrap
{
    private const int Half = 8, Rounds = 6;
    private const ulong InitialValue = 0xA6A6A6A6A6A6A6A6; // section 2.2.3.1

    /// <param name="key">16, 24 or 32 bytes.</param>
    /// <param name="secret">Two or more times 8 bytes: of a single one the RFC knows no wrapping.</param>
    /// <returns>8 bytes more than <paramref name="secret"/>.</returns>
    public static byte[] Wrap(ReadOnlySpan<byte> key, ReadOnlySpan<byte> secret)
    {
        if (secret.Length < 2 * Half || secret.Length % Half != 0) throw new ArgumentException("two or more times 8 bytes are wrapped", nameof(secret));
        using var aes = Aes.Create();
        aes.SetKey(key);
        using var block = new Secret(2 * Half); // A | R[i]
        using var wrapped = new Secret(Half + secret.Length);
        BinaryPrimitives.WriteUInt64BigEndian(wrapped.Span, InitialValue);
        secret.CopyTo(wrapped.Span[Half..]);
        var t = 0UL;
        for (var round = 0; round < Rounds; round++)
        {
            for (var at = Half; at < wrapped.Length; at += Half)
            {
                wrapped.Span[..Half].CopyTo(block.Span);
                wrapped.Span.Slice(at, Half).CopyTo(block.Span[Half..]);
                aes.EncryptEcb(block.Span, block.Span, PaddingMode.None);
                BinaryPrimitives.WriteUInt64BigEndian(wrapped.Span, BinaryPrimitives.ReadUInt64BigEndian(block.Span) ^ ++t);
                block.Span[Half..].CopyTo(wrapped.Span[at..]);
            }
        }
        return wrapped.Span.ToArray();
    }
}
