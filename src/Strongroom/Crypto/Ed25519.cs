using System.Text.Json;
using System.Text.Json.Serialization;
using Strongroom.Bytes;

namespace Strongroom.Crypto;

/// <summary>An Ed25519 signing key (RFC 8032 section 5.1): seed of 32 bytes, signatures of 64.</summary>
public sealed unsafe class Ed25519PrivateKey : IDisposable
{
    public const int SeedSizeInBytes = 32;
    public const int SignatureSizeInBytes = 64;

    private nint key;

    private Ed25519PrivateKey(nint key, Ed25519PublicKey publicKey) => (this.key, PublicKey) = (key, publicKey);

    ~Ed25519PrivateKey() => Free();

    public Ed25519PublicKey PublicKey { get; }

    /// <param name="seed">32 bytes; copied, the caller still owns and wipes its own.</param>
    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    public static Ed25519PrivateKey FromSeed(ReadOnlySpan<byte> seed)
    {
        if (seed.Length != SeedSizeInBytes) throw new ArgumentException("an Ed25519 seed has 32 bytes", nameof(seed));
        fixed (byte* p = seed)
        {
            var key = Libcrypto.Require(Libcrypto.EVP_PKEY_new_raw_private_key(Libcrypto.Ed25519, 0, p, (nuint)seed.Length));
            Span<byte> publicKey = stackalloc byte[Ed25519PublicKey.SizeInBytes];
            var length = (nuint)publicKey.Length;
            fixed (byte* q = publicKey) Libcrypto.Require(Libcrypto.EVP_PKEY_get_raw_public_key(key, q, &length));
            return new(key, Ed25519PublicKey.From(publicKey));
        }
    }

    /// <summary>The signature of <paramref name="message"/>, 64 bytes.</summary>
    public byte[] Sign(ReadOnlySpan<byte> message)
    {
        ObjectDisposedException.ThrowIf(key == 0, this);
        var signature = new byte[SignatureSizeInBytes];
        var length = (nuint)signature.Length;
        var context = Libcrypto.Require(Libcrypto.EVP_MD_CTX_new());
        try
        {
            Libcrypto.Require(Libcrypto.EVP_DigestSignInit(context, null, 0, 0, key));
            fixed (byte* s = signature, m = message) Libcrypto.Require(Libcrypto.EVP_DigestSign(context, s, &length, m, (nuint)message.Length));
            return signature;
        }
        finally
        {
            Libcrypto.EVP_MD_CTX_free(context);
        }
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        Libcrypto.EVP_PKEY_free(key); // wipes the private key (crypto/ec/ecx_key.c, OPENSSL_secure_clear_free)
        key = 0;
    }
}

/// <summary>An Ed25519 verification key (RFC 8032 section 5.1.5), 32 bytes; in JSON standard base64.</summary>
[JsonConverter(typeof(Json))]
public sealed unsafe class Ed25519PublicKey : IEquatable<Ed25519PublicKey>
{
    public const int SizeInBytes = 32;

    private readonly byte[] bytes;

    private Ed25519PublicKey(byte[] bytes) => this.bytes = bytes;

    public ReadOnlySpan<byte> Span => bytes;

    /// <exception cref="MalformedException">Not 32 bytes, not the one spelling of its point, or a point of small order.</exception>
    public static Ed25519PublicKey From(ReadOnlySpan<byte> bytes) =>
        Ed25519Encoding.Fault(bytes) is { } fault ? throw new MalformedException(-1, fault) : new(bytes.ToArray());

    /// <exception cref="MalformedException">Not the standard, padded base64 of 32 bytes, or as for <see cref="From"/>.</exception>
    public static Ed25519PublicKey Parse(string base64)
    {
        var bytes = new byte[SizeInBytes + 1];
        if (!Convert.TryFromBase64String(base64, bytes, out var length) || Convert.ToBase64String(bytes.AsSpan(0, length)) != base64)
            throw new MalformedException(-1, "an Ed25519 public key is written in base64");
        return From(bytes.AsSpan(0, length));
    }

    /// <summary>False for a wrong signature, a signature that is not 64 bytes, and a key that is no point of the curve.</summary>
    /// <remarks>libcrypto's rule: S below the group's order, and [S]B - [k]A, encoded, equal to R byte for byte. There is no cofactor in it (RFC 8032 section 5.1.7
    /// allows both), so whoever verifies with one may take a signature that is refused here, but only one that its key's holder made so on purpose.</remarks>
    public bool Verify(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        if (signature.Length != Ed25519PrivateKey.SignatureSizeInBytes) return false;
        fixed (byte* k = bytes, m = message, s = signature)
        {
            var key = Libcrypto.EVP_PKEY_new_raw_public_key(Libcrypto.Ed25519, 0, k, SizeInBytes);
            if (key == 0) return false;
            var context = Libcrypto.Require(Libcrypto.EVP_MD_CTX_new());
            try
            {
                return Libcrypto.EVP_DigestVerifyInit(context, null, 0, 0, key) == 1
                    && Libcrypto.EVP_DigestVerify(context, s, (nuint)signature.Length, m, (nuint)message.Length) == 1;
            }
            finally
            {
                Libcrypto.EVP_MD_CTX_free(context);
                Libcrypto.EVP_PKEY_free(key);
                Libcrypto.ERR_clear_error();
            }
        }
    }

    public bool Equals(Ed25519PublicKey? other) => other is not null && Span.SequenceEqual(other.Span);

    public override bool Equals(object? obj) => Equals(obj as Ed25519PublicKey);

    public override int GetHashCode() => BitConverter.ToInt32(bytes);

    public override string ToString() => Convert.ToBase64String(bytes);

    internal sealed class Json : JsonConverter<Ed25519PublicKey>
    {
        public override Ed25519PublicKey Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Parse(reader.GetString() ?? throw new MalformedException(-1, "a key cannot be null"));

        public override void Write(Utf8JsonWriter writer, Ed25519PublicKey value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
    }
}
