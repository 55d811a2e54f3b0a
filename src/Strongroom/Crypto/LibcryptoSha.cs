using System.Runtime.InteropServices;

namespace Strongroom.Crypto;

/// <summary>
/// openssl/sha.h of OpenSSL 3: SHA-256 without the algorithm look-up that every call through EVP pays, which for the 65 bytes of a tree node is
/// four fifths of the time.
/// </summary>
internal static unsafe partial class LibcryptoSha
{
    private const int ContextSizeInBytes = 112; // sizeof(SHA256_CTX): eleven 32-bit words and one block

    /// <summary>SHA-256 (FIPS 180-4) of <paramref name="prefix"/> followed by <paramref name="data"/>.</summary>
    internal static void Sha256(byte prefix, ReadOnlySpan<byte> data, Span<byte> hash)
    {
        var context = stackalloc byte[ContextSizeInBytes + sizeof(ulong)];
        fixed (byte* d = data, h = hash)
        {
            Libcrypto.Require(SHA256_Init(context));
            Libcrypto.Require(SHA256_Update(context, &prefix, 1));
            Libcrypto.Require(SHA256_Update(context, d, (nuint)data.Length));
            Libcrypto.Require(SHA256_Final(h, context));
        }
    }

    [LibraryImport(Libcrypto.Name)]
    private static partial int SHA256_Init(byte* context);

    [LibraryImport(Libcrypto.Name)]
    private static partial int SHA256_Update(byte* context, byte* data, nuint length);

    [LibraryImport(Libcrypto.Name)]
    private static partial int SHA256_Final(byte* hash, byte* context);
}
