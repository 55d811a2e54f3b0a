using System.Security.Cryptography;

namespace Strongroom.Crypto;

/// <summary>The two RSA operations of RFC 8017 that .NET has only without the parameter that TPMs need.</summary>
internal sealed unsafe class RsaPublicKey : IDisposable
{
    private readonly int sizeInBytes;
    private nint key;

    /// <exception cref="CryptographicException">No RSA public key.</exception>
    internal RsaPublicKey(RSAParameters parameters)
    {
        using var rsa = RSA.Create(parameters);
        sizeInBytes = rsa.KeySize / 8;
        var info = rsa.ExportSubjectPublicKeyInfo();
        fixed (byte* der = info)
        {
            var next = der;
            key = Libcrypto.Require(Libcrypto.d2i_PUBKEY(null, &next, info.Length));
        }
    }

    ~RsaPublicKey() => Libcrypto.EVP_PKEY_free(key);

    /// <summary>RSAES-OAEP (section 7.1.1) with a label, and the same hash for label and mask.</summary>
    internal byte[] EncryptOaep(ReadOnlySpan<byte> message, ReadOnlySpan<byte> label, HashAlgorithmName hash)
    {
        var context = Libcrypto.Require(Libcrypto.EVP_PKEY_CTX_new(key, 0));
        try
        {
            var digest = Libcrypto.EVP_get_digestbyname(hash.Name!);
            Libcrypto.Require(Libcrypto.EVP_PKEY_encrypt_init(context));
            Libcrypto.Require(Libcrypto.EVP_PKEY_CTX_set_rsa_padding(context, Libcrypto.RsaOaep));
            Libcrypto.Require(Libcrypto.EVP_PKEY_CTX_set_rsa_oaep_md(context, digest));
            Libcrypto.Require(Libcrypto.EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest));
            var owned = Libcrypto.CRYPTO_malloc((nuint)label.Length, null, 0);
            Libcrypto.Require((nint)owned);
            label.CopyTo(new(owned, label.Length));
            Libcrypto.Require(Libcrypto.EVP_PKEY_CTX_set0_rsa_oaep_label(context, owned, label.Length));
            var encrypted = new byte[sizeInBytes];
            var length = (nuint)encrypted.Length;
            fixed (byte* e = encrypted, m = message) Libcrypto.Require(Libcrypto.EVP_PKEY_encrypt(context, e, &length, m, (nuint)message.Length));
            return encrypted;
        }
        finally
        {
            Libcrypto.EVP_PKEY_CTX_free(context);
        }
    }

    /// <summary>RSASSA-PSS (section 8.1.2) of a hash, with a salt of any length.</summary>
    internal bool VerifyPss(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> signature, HashAlgorithmName algorithm)
    {
        var context = Libcrypto.Require(Libcrypto.EVP_PKEY_CTX_new(key, 0));
        try
        {
            Libcrypto.Require(Libcrypto.EVP_PKEY_verify_init(context));
            Libcrypto.Require(Libcrypto.EVP_PKEY_CTX_set_rsa_padding(context, Libcrypto.RsaPss));
            Libcrypto.Require(Libcrypto.EVP_PKEY_CTX_set_signature_md(context, Libcrypto.EVP_get_digestbyname(algorithm.Name!)));
            Libcrypto.Require(Libcrypto.EVP_PKEY_CTX_set_rsa_pss_saltlen(context, Libcrypto.RsaSaltLengthAuto));
            fixed (byte* s = signature, h = hash) return Libcrypto.EVP_PKEY_verify(context, s, (nuint)signature.Length, h, (nuint)hash.Length) == 1;
        }
        finally
        {
            Libcrypto.EVP_PKEY_CTX_free(context);
            Libcrypto.ERR_clear_error();
        }
    }

    public void Dispose()
    {
        Libcrypto.EVP_PKEY_free(key);
        key = 0;
        GC.SuppressFinalize(this);
    }
}
