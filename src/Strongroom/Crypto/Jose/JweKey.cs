using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Strongroom.Bytes;

namespace Strongroom.Crypto;

/// <summary>
/// A public key that a guest made for one conversation, as a JWK (RFC 7517): RSA for <c>RSA-OAEP-256</c>, P-256 or P-521 for <c>ECDH-ES+A256KW</c>. No other algorithm is
/// known here, RSA1_5 in particular, and the key does not choose: each kind of key has one algorithm, and must name it.
/// </summary>
[JsonConverter(typeof(Json))]
public sealed class JweKey : IEquatable<JweKey>
{
    public const string RsaOaep256 = "RSA-OAEP-256";
    public const string EcdhEsA256Kw = "ECDH-ES+A256KW";

    private readonly JwkMembers members;
    private readonly byte[] canonical;
    private readonly RSAParameters rsa;
    private readonly ECParameters ec;

    private JweKey(JwkMembers members, RSAParameters rsa, ECParameters ec)
    {
        (this.members, this.rsa, this.ec) = (members, rsa, ec);
        canonical = CanonicalJson.Serialize(members, JoseJson.Default.JwkMembers);
    }

    /// <summary><see cref="RsaOaep256"/> or <see cref="EcdhEsA256Kw"/>.</summary>
    public string Algorithm => members.Alg;

    /// <summary>Canonical JSON (RFC 8785) of the JWK: there is one spelling of a key.</summary>
    public ReadOnlySpan<byte> Utf8 => canonical;

    /// <exception cref="MalformedException">Not JSON of a key that this class is for: see there.</exception>
    public static JweKey Parse(ReadOnlySpan<byte> utf8) => From(CanonicalJson.Read(utf8, JoseJson.Default.JwkMembers));

    public bool Equals(JweKey? other) => other is not null && Utf8.SequenceEqual(other.Utf8);

    public override bool Equals(object? obj) => Equals(obj as JweKey);

    public override int GetHashCode() => Digest.Of(canonical).GetHashCode();

    public override string ToString() => System.Text.Encoding.UTF8.GetString(canonical);

    /// <summary>Wraps a content key (RFC 7516 section 5.1).</summary>
    /// <param name="contentKey">32 bytes.</param>
    /// <returns>The encrypted key, and the ephemeral key for the header's <c>epk</c> where the algorithm has one.</returns>
    internal (byte[] Wrapped, JsonNode? Ephemeral) Wrap(Secret contentKey) => Algorithm == RsaOaep256 ? (WrapRsa(contentKey), null) : WrapEc(contentKey);

    /// <summary>Concat KDF (RFC 7518 section 4.6.2) in one round of SHA-256, without party info: 32 bytes.</summary>
    internal static Secret ConcatKdf(ReadOnlySpan<byte> agreed, ReadOnlySpan<byte> algorithm)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData([0, 0, 0, 1]); // the round
        hash.AppendData(agreed);
        hash.AppendData([0, 0, 0, (byte)algorithm.Length, .. algorithm, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]); // AlgorithmID, PartyUInfo, PartyVInfo, 256 bits
        var key = new Secret(SHA256.HashSizeInBytes);
        hash.GetHashAndReset(key.Span);
        return key;
    }

    private byte[] WrapRsa(Secret contentKey)
    {
        using var key = RSA.Create(rsa);
        return key.Encrypt(contentKey.Span, RSAEncryptionPadding.OaepSHA256);
    }

    private (byte[], JsonNode) WrapEc(Secret contentKey)
    {
        using var ephemeral = ECDiffieHellman.Create(ec.Curve);
        using var theirs = ECDiffieHellman.Create(ec);
        using var recipient = theirs.PublicKey;
        using var agreed = Secret.Take(ephemeral.DeriveRawSecretAgreement(recipient));
        using var wrapping = ConcatKdf(agreed.Span, System.Text.Encoding.ASCII.GetBytes(EcdhEsA256Kw));
        var point = ephemeral.ExportParameters(false).Q;
        JsonObject epk = new() { ["crv"] = members.Crv, ["kty"] = members.Kty, ["x"] = Base64Url.EncodeToString(point.X), ["y"] = Base64Url.EncodeToString(point.Y) };
        return (AesKeyWrap.Wrap(wrapping.Span, contentKey.Span), epk);
    }

    private static JweKey From(JwkMembers members) => members switch
    {
        { Kty: "RSA", Alg: RsaOaep256, N: { } n, E: { } e, Crv: null, X: null, Y: null } => Rsa(members, n, e),
        { Kty: "EC", Alg: EcdhEsA256Kw, Crv: { } curve, X: { } x, Y: { } y, N: null, E: null } => Ec(members, curve, x, y),
        _ => throw new MalformedException(-1, $"the key is neither RSA for {RsaOaep256} nor EC for {EcdhEsA256Kw}, with their members and no others"),
    };

    private static JweKey Rsa(JwkMembers members, string n, string e)
    {
        var modulus = UrlBase64.Decode(n, "n");
        if (modulus.Length is not (256 or 384 or 512) || modulus[0] < 0x80) throw new MalformedException(-1, "an RSA key has 2048, 3072 or 4096 bits");
        if ((modulus[^1] & 1) == 0) throw new MalformedException(-1, "the RSA modulus is even");
        if (e != "AQAB") throw new MalformedException(-1, "the exponent of an RSA key is 65537");
        return new(members, new RSAParameters { Modulus = modulus, Exponent = [1, 0, 1] }, default);
    }

    private static JweKey Ec(JwkMembers members, string curve, string x, string y)
    {
        var (named, size) = curve switch
        {
            "P-256" => (ECCurve.NamedCurves.nistP256, 32),
            "P-521" => (ECCurve.NamedCurves.nistP521, 66),
            _ => throw new MalformedException(-1, "an EC key is of P-256 or P-521"),
        };
        var point = new ECPoint { X = UrlBase64.Decode(x, "x"), Y = UrlBase64.Decode(y, "y") };
        if (point.X.Length != size || point.Y.Length != size) throw new MalformedException(-1, $"a coordinate of {curve} has {size} bytes");
        var parameters = new ECParameters { Curve = named, Q = point };
        try
        {
            ECDiffieHellman.Create(parameters).Dispose(); // a point elsewhere would give away bits of the ephemeral key
        }
        catch (CryptographicException)
        {
            throw new MalformedException(-1, $"the point is not on {curve}");
        }
        return new(members, default, parameters);
    }

    internal sealed class Json : JsonConverter<JweKey>
    {
        public override JweKey Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            From(JsonSerializer.Deserialize(ref reader, JoseJson.Default.JwkMembers) ?? throw new MalformedException(-1, "a key cannot be null"));

        public override void Write(Utf8JsonWriter writer, JweKey value, JsonSerializerOptions options) => writer.WriteRawValue(value.canonical);
    }
}

/// <summary>The members of the two kinds of JWK that are read, and no others.</summary>
internal sealed record JwkMembers(string Alg, string Kty, string? Crv = null, string? E = null, string? N = null, string? X = null, string? Y = null);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, AllowDuplicateProperties = false, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JwkMembers))]
[JsonSerializable(typeof(Jwe))]
internal sealed partial class JoseJson : JsonSerializerContext;
