using Strongroom.Bytes;

namespace Strongroom.Crypto;

/// <summary>scrypt (RFC 7914): a key from a passphrase, made slow and large on purpose.</summary>
public static unsafe class Scrypt
{
    /// <param name="passphrase">UTF-8 bytes of the passphrase.</param>
    /// <param name="salt">Random, at least 16 bytes.</param>
    /// <param name="logN">Base-2 logarithm of the cost N, 1 to 22; memory is 128 * r * N bytes.</param>
    /// <param name="r">Block size, 1 to 32.</param>
    /// <param name="p">Parallelisation, 1 to 16.</param>
    /// <param name="length">Length of the derived key in bytes.</param>
    public static Secret Derive(ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt, int logN, int r, int p, int length)
    {
        if (logN is < 1 or > 22) throw new ArgumentOutOfRangeException(nameof(logN));
        if (r is < 1 or > 32) throw new ArgumentOutOfRangeException(nameof(r));
        if (p is < 1 or > 16) throw new ArgumentOutOfRangeException(nameof(p));
        var key = new Secret(length);
        var n = 1UL << logN;
        var memory = (128UL * (ulong)r * (n + (ulong)p)) + (1 << 20); // RFC 7914 section 6, and a little for libcrypto itself
        fixed (byte* phrase = passphrase, s = salt, k = key.Span)
            Libcrypto.Require(Libcrypto.EVP_PBE_scrypt(phrase, (nuint)passphrase.Length, s, (nuint)salt.Length, n, (ulong)r, (ulong)p, memory, k, (nuint)length));
        return key;
    }
}
