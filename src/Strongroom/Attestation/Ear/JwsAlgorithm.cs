using System.Security.Cryptography;

namespace Strongroom.Attestation.Ear;

/// <summary>The allow list (RFC 7518 section 3.4): ECDSA, each hash with its own curve. Neither <c>none</c> nor HMAC nor RSA is on it, and no option puts them there.</summary>
internal sealed record JwsAlgorithm(string Name, string Curve, ECCurve NamedCurve, HashAlgorithmName Hash, int NumberSizeInBytes)
{
    private static readonly JwsAlgorithm[] All =
    [
        new("ES256", "P-256", ECCurve.NamedCurves.nistP256, HashAlgorithmName.SHA256, 32),
        new("ES384", "P-384", ECCurve.NamedCurves.nistP384, HashAlgorithmName.SHA384, 48),
    ];

    public static JwsAlgorithm? Named(string name) => All.SingleOrDefault(each => each.Name == name);

    public static JwsAlgorithm? OfCurve(string curve) => All.SingleOrDefault(each => each.Curve == curve);

    public static JwsAlgorithm? Of(ECDsa key)
    {
        var curve = key.ExportParameters(false).Curve;
        return curve.IsNamed ? All.SingleOrDefault(each => each.NamedCurve.Oid.Value == curve.Oid.Value) : null;
    }
}
