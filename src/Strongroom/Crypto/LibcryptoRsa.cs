using System.Runtime.InteropServices;

namespace Strongroom.Crypto;

/// <summary>openssl/rsa.h of OpenSSL 3, and what of evp.h and crypto.h only an RSA public key needs.</summary>
internal static unsafe partial class Libcrypto
{
    internal const int RsaOaep = 4; // RSA_PKCS1_OAEP_PADDING
    internal const int RsaPss = 6; // RSA_PKCS1_PSS_PADDING
    internal const int RsaSaltLengthAuto = -2; // RSA_PSS_SALTLEN_AUTO

    [LibraryImport(Name)]
    internal static partial int EVP_PKEY_encrypt_init(nint context);

    [LibraryImport(Name)]
    internal static partial int EVP_PKEY_encrypt(nint context, byte* output, nuint* outputLength, byte* input, nuint inputLength);

    [LibraryImport(Name)]
    internal static partial int EVP_PKEY_verify_init(nint context);

    [LibraryImport(Name)]
    internal static partial int EVP_PKEY_verify(nint context, byte* signature, nuint signatureLength, byte* hash, nuint hashLength);

    [LibraryImport(Name)]
    internal static partial int EVP_PKEY_CTX_set_rsa_padding(nint context, int padding);

    [LibraryImport(Name)]
    internal static partial int EVP_PKEY_CTX_set_rsa_pss_saltlen(nint context, int length);

    [LibraryImport(Name)]
    internal static partial int EVP_PKEY_CTX_set_rsa_oaep_md(nint context, nint digest);

    [LibraryImport(Name)]
    internal static partial int EVP_PKEY_CTX_set_rsa_mgf1_md(nint context, nint digest);

    [LibraryImport(Name)]
    internal static partial int EVP_PKEY_CTX_set_signature_md(nint context, nint digest);

    /// <summary>The context takes the label over and frees it by OPENSSL_free.</summary>
    [LibraryImport(Name)]
    internal static partial int EVP_PKEY_CTX_set0_rsa_oaep_label(nint context, byte* label, int length);

    [LibraryImport(Name)]
    internal static partial byte* CRYPTO_malloc(nuint size, byte* file, int line);

    [LibraryImport(Name, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint EVP_get_digestbyname(string name);
}
