using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Strongroom.Crypto;

/// <summary>openssl/evp.h of OpenSSL 3: the libcrypto that .NET has already loaded. One file for each C header.</summary>
internal static unsafe partial class Libcrypto
{
    /// <summary>The shared object's name on every Debian with OpenSSL 3.0 to 3.5.</summary>
    internal const string Name = "libcrypto.so.3";

    internal const int Ed25519 = 1087; // NID_ED25519, openssl/obj_mac.h
    internal const int X25519 = 1034; // NID_X25519

    [LibraryImport(Name)]
    internal static partial nint EVP_PKEY_new_raw_private_key(int type, nint engine, byte* key, nuint length);

    [LibraryImport(Name)]
    internal static partial nint EVP_PKEY_new_raw_public_key(int type, nint engine, byte* key, nuint length);

    [LibraryImport(Name)]
    internal static partial int EVP_PKEY_get_raw_public_key(nint key, byte* bytes, nuint* length);

    [LibraryImport(Name)]
    internal static partial void EVP_PKEY_free(nint key);

    [LibraryImport(Name)]
    internal static partial nint EVP_MD_CTX_new();

    [LibraryImport(Name)]
    internal static partial void EVP_MD_CTX_free(nint context);

    [LibraryImport(Name)]
    internal static partial int EVP_DigestSignInit(nint context, nint* keyContext, nint digest, nint engine, nint key);

    [LibraryImport(Name)]
    internal static partial int EVP_DigestSign(nint context, byte* signature, nuint* signatureLength, byte* message, nuint messageLength);

    [LibraryImport(Name)]
    internal static partial int EVP_DigestVerifyInit(nint context, nint* keyContext, nint digest, nint engine, nint key);

    [LibraryImport(Name)]
    internal static partial int EVP_DigestVerify(nint context, byte* signature, nuint signatureLength, byte* message, nuint messageLength);

    [LibraryImport(Name)]
    internal static partial nuint ERR_get_error();

    [LibraryImport(Name)]
    internal static partial void ERR_clear_error();

    /// <summary>For calls that fail only when memory or the library is at fault.</summary>
    internal static nint Require(nint handle) => handle != 0 ? handle : throw Failure();

    internal static void Require(int result)
    {
        if (result != 1) throw Failure();
    }

    private static CryptographicException Failure()
    {
        var code = ERR_get_error();
        ERR_clear_error();
        return new($"libcrypto failed with error {code:x}");
    }
}
