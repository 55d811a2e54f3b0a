using System.Runtime.InteropServices;

namespace Strongroom.Crypto;

/// <summary>
/// openssl/sha.h of OpenSSL 3: SHA-256 without the algorithm look-up that every call through EVP pays, which for the 65 bytes of a tree node is
/// four fifths of the time. A PCR's extension has 64.
/// </summary>
internal static unsafe partial class LibcryptoSha
{
    private const int ContextSizeInBytes = 112; // sizeof(SHA256_CTX): eleven 32-bit words and one block

    /// <summary>SHA-256 (FIPS 180-4) of one after the other; <paramref name="hash"/> may be one of them.</summary>
    internal static void Sha256(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> hash)
    {
        var context = stackalloc byte[ContextSizeInBytes + sizeof(ulong)];
        fixed (byte* one = first, two = second, h = hash)
        {
            Libcrypto.Require(SHA256_Init(context));
            Libcrypto.Require(SHA256_Update(context, one, (nuint)first.Length));
            Libcrypto.Require(SHA256_Update(context, two, (nuint)second.Length));
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
