using System.Text.Json;
using System.Text.Json.Serialization;
using Strongroom.Bytes;

namespace Strongroom.Crypto;

/// <summary>A key to seal to (RFC 9180 section 7.1): X25519, 32 bytes, or P-256, 65 bytes uncompressed; in JSON <c>x25519:BASE64</c> or <c>p256:BASE64</c>.</summary>
[JsonConverter(typeof(Json))]
public sealed class HpkePublicKey : IEquatable<HpkePublicKey>
{
    private readonly byte[] bytes;

    private HpkePublicKey(Dhkem kem, byte[] bytes) => (KeyEncapsulation, this.bytes) = (kem, bytes);

    /// <summary><c>x25519</c> or <c>p256</c>.</summary>
    public string Kem => KeyEncapsulation.Name;

    /// <summary>The bytes of SerializePublicKey.</summary>
    public ReadOnlySpan<byte> Span => bytes;

    internal Dhkem KeyEncapsulation { get; }

    /// <exception cref="MalformedException">An unknown kind, the wrong length, no point of the curve, or for X25519 not the one spelling of its point or a point of small order.</exception>
    public static HpkePublicKey From(string kem, ReadOnlySpan<byte> bytes)
    {
        var kind = Dhkem.Named(kem);
        var key = kind.LoadPublic(bytes);
        if (key == 0) Libcrypto.ERR_clear_error();
        Libcrypto.EVP_PKEY_free(key);
        if (key == 0) throw new MalformedException(-1, $"not an {kem} public key");
        return kind.Fault(bytes) is { } fault ? throw new MalformedException(-1, fault) : new(kind, bytes.ToArray());
    }

    /// <exception cref="MalformedException">Not <c>kind:BASE64</c>, or no key of that kind.</exception>
    public static HpkePublicKey Parse(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0) throw new MalformedException(-1, "an HPKE key is written x25519:BASE64 or p256:BASE64");
        var base64 = text[(colon + 1)..];
        var bytes = new byte[base64.Length];
        if (!Convert.TryFromBase64String(base64, bytes, out var length) || Convert.ToBase64String(bytes.AsSpan(0, length)) != base64)
            throw new MalformedException(colon + 1, "an HPKE key is written in base64");
        return From(text[..colon], bytes.AsSpan(0, length));
    }

    public bool Equals(HpkePublicKey? other) => other is not null && Kem == other.Kem && Span.SequenceEqual(other.Span);

    public override bool Equals(object? obj) => Equals(obj as HpkePublicKey);

    public override int GetHashCode() => BitConverter.ToInt32(bytes, 1);

    public override string ToString() => $"{Kem}:{Convert.ToBase64String(bytes)}";

    internal static HpkePublicKey Of(Dhkem kem, nint key) => new(kem, kem.PublicBytes(key));

    internal sealed class Json : JsonConverter<HpkePublicKey>
    {
        public override HpkePublicKey Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Parse(reader.GetString() ?? throw new MalformedException(-1, "a key cannot be null"));

        public override void Write(Utf8JsonWriter writer, HpkePublicKey value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
    }
}

/// <summary>The private half; its bytes live in libcrypto's key and are wiped with it.</summary>
public sealed class HpkePrivateKey : IDisposable
{
    public const int SizeInBytes = 32;

    private HpkePrivateKey(Dhkem kem, nint handle) => (Handle, PublicKey) = (handle, HpkePublicKey.Of(kem, handle));

    ~HpkePrivateKey() => Free();

    public HpkePublicKey PublicKey { get; }

    internal nint Handle { get; private set; }

    /// <param name="kem"><c>x25519</c> or <c>p256</c>.</param>
    public static HpkePrivateKey Generate(string kem = "x25519")
    {
        using var seed = Secret.Random(SizeInBytes);
        return Derive(Dhkem.Named(kem), seed.Span);
    }

    /// <summary>A new key as SerializePrivateKey writes it, for <see cref="From"/> and for a key file.</summary>
    public static Secret GenerateBytes(string kem)
    {
        using var seed = Secret.Random(SizeInBytes);
        return Dhkem.Named(kem).DeriveKey(seed.Span);
    }

    /// <param name="kem"><c>x25519</c> or <c>p256</c>.</param>
    /// <param name="bytes">32 bytes as SerializePrivateKey writes them; copied, the caller still owns and wipes its own.</param>
    /// <exception cref="MalformedException">An unknown kind, the wrong length, or for P-256 a scalar out of range.</exception>
    public static HpkePrivateKey From(string kem, ReadOnlySpan<byte> bytes)
    {
        var kind = Dhkem.Named(kem);
        var handle = kind.LoadPrivate(bytes);
        return handle != 0 ? new(kind, handle) : throw new MalformedException(-1, $"not an {kem} private key");
    }

    /// <summary>RFC 9180 section 7.1.3; the seed is as good as the key.</summary>
    internal static HpkePrivateKey Derive(Dhkem kem, ReadOnlySpan<byte> seed)
    {
        using var bytes = kem.DeriveKey(seed);
        return new(kem, Libcrypto.Require(kem.LoadPrivate(bytes.Span)));
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        Libcrypto.EVP_PKEY_free(Handle);
        Handle = 0;
    }
}
