using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Strongroom.Crypto;

namespace Strongroom.Tests.Crypto;

/// <summary>A guest's key, both halves, as JWKs of kinds that are taken and of kinds that are not.</summary>
internal sealed class GuestKey : IDisposable
{
    private readonly RSA? rsa;
    private readonly ECDiffieHellman? ec;

    private GuestKey(RSA? rsa, ECDiffieHellman? ec, JsonObject jwk) => (this.rsa, this.ec, Jwk) = (rsa, ec, jwk);

    /// <summary>The public half; a test may change it.</summary>
    public JsonObject Jwk { get; }

    public JweKey Public => JweKey.Parse(System.Text.Encoding.UTF8.GetBytes(Jwk.ToJsonString()));

    public static GuestKey Rsa(int bits = 2048, string algorithm = "RSA-OAEP-256")
    {
        var key = RSA.Create(bits);
        var parameters = key.ExportParameters(false);
        return new(key, null, new() { ["alg"] = algorithm, ["e"] = Text(parameters.Exponent!), ["kty"] = "RSA", ["n"] = Text(parameters.Modulus!) });
    }

    public static GuestKey Ec(string curve = "P-256", string algorithm = "ECDH-ES+A256KW")
    {
        var key = ECDiffieHellman.Create(ECCurve.CreateFromFriendlyName("nist" + curve.Replace("-", "", StringComparison.Ordinal)));
        var point = key.ExportParameters(false).Q;
        return new(null, key, new() { ["alg"] = algorithm, ["crv"] = curve, ["kty"] = "EC", ["x"] = Text(point.X!), ["y"] = Text(point.Y!) });
    }

    /// <summary>Both halves, for a reader that others wrote.</summary>
    public JsonObject PrivateJwk()
    {
        var jwk = (JsonObject)Jwk.DeepClone();
        if (rsa?.ExportParameters(true) is { } r)
        {
            foreach (var (name, value) in (ReadOnlySpan<(string, byte[])>)[("d", r.D!), ("p", r.P!), ("q", r.Q!), ("dp", r.DP!), ("dq", r.DQ!), ("qi", r.InverseQ!)]) jwk[name] = Text(value);
        }
        else jwk["d"] = Text(ec!.ExportParameters(true).D!);
        return jwk;
    }

    public void Dispose()
    {
        rsa?.Dispose();
        ec?.Dispose();
    }

    private static string Text(byte[] bytes) => Base64Url.EncodeToString(bytes);
}
