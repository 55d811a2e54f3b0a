using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Ear;

/// <summary>A public key as a JWK (RFC 7517), of P-256 or P-384; RSA keys are read so that they can be compared with a certificate's, and verify nothing here.</summary>
/// <param name="KeyId">Its <c>kid</c>, or else its thumbprint (RFC 7638).</param>
/// <param name="Algorithm">The one algorithm that the key is for; null for RSA.</param>
/// <param name="SubjectPublicKeyInfo">DER.</param>
/// <param name="Certificates">Its <c>x5c</c>, leaf first; nobody has looked at them.</param>
internal sealed record Jwk(string KeyId, string? Algorithm, byte[] SubjectPublicKeyInfo, IReadOnlyList<X509Certificate2> Certificates)
{
    private const int MaxCertificates = 8;

    /// <exception cref="MalformedException">Another kind of key, a private key, or one that is not for verifying signatures.</exception>
    public static Jwk Parse(JsonElement jwk)
    {
        if (jwk.ValueKind != JsonValueKind.Object) throw new MalformedException(-1, "a JWK is a JSON object");
        if (jwk.TryGetProperty("d", out _)) throw new MalformedException(-1, "the JWK has its private key with it");
        if (StrictJson.Text(jwk, "use") is not (null or "sig")) throw new MalformedException(-1, "the JWK is not for signatures (use)");
        if (jwk.TryGetProperty("key_ops", out _) && !StrictJson.Texts(jwk, "key_ops").Contains("verify")) throw new MalformedException(-1, "the JWK is not for verifying (key_ops)");
        var (algorithm, key) = StrictJson.RequiredText(jwk, "kty") switch
        {
            "EC" => Ec(jwk),
            "RSA" => (null, Rsa(jwk)),
            var other => throw new MalformedException(-1, $"keys of kind {other} do not count here"),
        };
        if (algorithm is not null && StrictJson.Text(jwk, "alg") is { } stated && stated != algorithm) throw new MalformedException(-1, $"the JWK is of a curve for {algorithm} and says {stated}");
        return new(StrictJson.Text(jwk, "kid") ?? Thumbprint(jwk), algorithm, key, X5c(jwk));
    }

    /// <summary>A JWK set (RFC 7517 section 5).</summary>
    /// <exception cref="MalformedException">Not one, a key in it is none, or two have one name.</exception>
    public static IReadOnlyList<Jwk> ParseSet(ReadOnlySpan<byte> utf8)
    {
        if (!StrictJson.Object(utf8, "the JWK set").TryGetProperty("keys", out var keys) || keys.ValueKind != JsonValueKind.Array) throw new MalformedException(-1, "a JWK set has an array keys");
        List<Jwk> all = [.. keys.EnumerateArray().Select(Parse)];
        return all.DistinctBy(each => each.KeyId).Count() == all.Count ? all : throw new MalformedException(-1, "two keys of the JWK set have one name");
    }

    /// <summary>The public half, with its thumbprint as <c>kid</c>.</summary>
    /// <exception cref="ArgumentException">Not of P-256 or P-384.</exception>
    public static JsonObject Of(ECDsa key)
    {
        var algorithm = JwsAlgorithm.Of(key) ?? throw new ArgumentException("the key is not of P-256 or P-384", nameof(key));
        var point = key.ExportParameters(false).Q;
        var jwk = new JsonObject { ["kty"] = "EC", ["crv"] = algorithm.Curve, ["x"] = Base64Url.EncodeToString(point.X), ["y"] = Base64Url.EncodeToString(point.Y) };
        jwk["kid"] = Thumbprint(JsonElement.Parse(jwk.ToJsonString()));
        jwk["alg"] = algorithm.Name;
        jwk["use"] = "sig";
        return jwk;
    }

    private static (string, byte[]) Ec(JsonElement jwk)
    {
        var algorithm = JwsAlgorithm.OfCurve(StrictJson.RequiredText(jwk, "crv")) ?? throw new MalformedException(-1, "the JWK is not of P-256 or P-384");
        var point = new ECPoint { X = Coordinate("x"), Y = Coordinate("y") };
        try
        {
            using var key = ECDsa.Create(new ECParameters { Curve = algorithm.NamedCurve, Q = point });
            return (algorithm.Name, key.ExportSubjectPublicKeyInfo());
        }
        catch (CryptographicException)
        {
            throw new MalformedException(-1, "the JWK's point is not on its curve");
        }

        byte[] Coordinate(string member) => StrictJson.Base64(StrictJson.RequiredText(jwk, member), member) is var bytes && bytes.Length == algorithm.NumberSizeInBytes
            ? bytes : throw new MalformedException(-1, $"{member} of the JWK has {algorithm.NumberSizeInBytes} bytes");
    }

    private static byte[] Rsa(JsonElement jwk)
    {
        try
        {
            using var key = RSA.Create(new RSAParameters { Modulus = StrictJson.Base64(StrictJson.RequiredText(jwk, "n"), "n"), Exponent = StrictJson.Base64(StrictJson.RequiredText(jwk, "e"), "e") });
            return key.ExportSubjectPublicKeyInfo();
        }
        catch (CryptographicException)
        {
            throw new MalformedException(-1, "the JWK is no RSA key");
        }
    }

    private static string Thumbprint(JsonElement jwk)
    {
        string[] members = StrictJson.RequiredText(jwk, "kty") == "EC" ? ["crv", "kty", "x", "y"] : ["e", "kty", "n"]; // in this order: RFC 7638 section 3.3
        var text = $"{{{string.Join(',', members.Select(each => $"\"{each}\":\"{StrictJson.RequiredText(jwk, each)}\""))}}}";
        return Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(text)));
    }

    private static IReadOnlyList<X509Certificate2> X5c(JsonElement jwk)
    {
        var all = StrictJson.Texts(jwk, "x5c");
        if (all.Count > MaxCertificates) throw new MalformedException(-1, $"x5c has {MaxCertificates} certificates at most");
        try
        {
            return [.. all.Select(each => X509CertificateLoader.LoadCertificate(Convert.FromBase64String(each)))];
        }
        catch (Exception e) when (e is CryptographicException or FormatException)
        {
            throw new MalformedException(-1, "x5c has something that is no certificate");
        }
    }
}
