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
    internal const int Ec = 408; // NID_X9_62_id_ecPublicKey
    internal const int AeadGetTag = 0x10; // EVP_CTRL_AEAD_GET_TAG
    internal const int AeadSetTag = 0x11; // EVP_CTRL_AEAD_SET_TAG

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
    internal static partial int EVP_PKEY_get_raw_private_key(nint key, byte* bytes, nuint* length);

    [LibraryImport(Name)]
    internal static partial nint d2i_PrivateKey(int type, nint* key, byte** der, nint length);

    [LibraryImport(Name)]
    internal static partial nint EVP_PKEY_CTX_new(nint key, nint engine);

    [LibraryImport(Name)]
    internal static partial void EVP_PKEY_CTX_free(nint context);

    [LibraryImport(Name)]
    internal static partial int EVP_PKEY_derive_init(nint context);

    [LibraryImport(Name)]
    internal static partial int EVP_PKEY_derive_set_peer(nint context, nint peer);

    [LibraryImport(Name)]
    internal static partial int EVP_PKEY_derive(nint context, byte* secret, nuint* length);

    [LibraryImport(Name)]
    internal static partial nint EVP_aes_256_gcm();

    [LibraryImport(Name)]
    internal static partial nint EVP_CIPHER_CTX_new();

    [LibraryImport(Name)]
    internal static partial void EVP_CIPHER_CTX_free(nint context);

    [LibraryImport(Name)]
    internal static partial int EVP_CipherInit_ex(nint context, nint cipher, nint engine, byte* key, byte* nonce, int encrypt);

    [LibraryImport(Name)]
    internal static partial int EVP_CipherUpdate(nint context, byte* output, int* outputLength, byte* input, int inputLength);

    [LibraryImport(Name)]
    internal static partial int EVP_CipherFinal_ex(nint context, byte* output, int* outputLength);

    [LibraryImport(Name)]
    internal static partial int EVP_CIPHER_CTX_ctrl(nint context, int type, int argument, byte* pointer);

    [LibraryImport(Name)]
    internal static partial int EVP_PBE_scrypt(
        byte* password, nuint passwordLength, byte* salt, nuint saltLength, ulong n, ulong r, ulong p, ulong maxMemory, byte* key, nuint keyLength);

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
