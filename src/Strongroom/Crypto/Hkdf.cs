using System.Security.Cryptography;
using Strongroom.Bytes;

namespace Strongroom.Crypto;

/// <summary>HKDF (RFC 5869) whose intermediate blocks live in <see cref="Secret"/>, and whose key may be shorter than the hash.</summary>
/// <remarks>The framework's <see cref="HKDF.Expand(HashAlgorithmName, byte[], int, byte[])"/> refuses a 32-byte key with SHA-512, which Cobblestone-256 uses.</remarks>
public static class Hkdf
{
    /// <summary>Section 2.2. <paramref name="pseudorandomKey"/> has the hash's length.</summary>
    public static void Extract(HashAlgorithmName hash, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> inputKey, Span<byte> pseudorandomKey)
    {
        if (pseudorandomKey.Length != HashSizeInBytes(hash)) throw new ArgumentException("as long as the hash", nameof(pseudorandomKey));
        CryptographicOperations.HmacData(hash, salt, inputKey, pseudorandomKey);
    }

    /// <summary>Section 2.3: fills <paramref name="output"/>, at most 255 hashes long.</summary>
    public static void Expand(HashAlgorithmName hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> info, Span<byte> output)
    {
        var size = HashSizeInBytes(hash);
        if (output.Length > 255 * size) throw new ArgumentException("at most 255 hashes", nameof(output));
        using var input = new Secret(size + info.Length + 1); // T(i-1) | info | i
        using var block = new Secret(size);
        info.CopyTo(input.Span[size..]);
        for (var i = 1; output.Length > 0; i++)
        {
            input.Span[^1] = (byte)i;
            CryptographicOperations.HmacData(hash, key, i == 1 ? input.Span[size..] : input.Span, block.Span);
            block.Span.CopyTo(input.Span);
            var taken = Math.Min(size, output.Length);
            block.Span[..taken].CopyTo(output);
            output = output[taken..];
        }
    }

    private static int HashSizeInBytes(HashAlgorithmName hash) => hash.Name switch
    {
        "SHA256" => SHA256.HashSizeInBytes,
        "SHA512" => SHA512.HashSizeInBytes,
        _ => throw new ArgumentException("SHA-256 or SHA-512", nameof(hash)),
    };
}
