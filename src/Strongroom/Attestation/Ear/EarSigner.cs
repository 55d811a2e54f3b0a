using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Ear;

/// <summary>Steps 1 to 4 of spec/ear.md: whose key it is, and whether it signed.</summary>
internal static class EarSigner
{
    private static readonly string[] Headers = ["alg", "typ", "kid", "jwk"];

    public static void Check(Jws jws, EarExpectations expected, DateTimeOffset at, Findings findings)
    {
        var isListed = findings.Check("ear.1", "the algorithm is ES256 or ES384", JwsAlgorithm.Named(jws.Algorithm) is not null, $"found {jws.Algorithm}");
        var strange = jws.Header.EnumerateObject().Select(member => member.Name).Except(Headers).ToList();
        var type = StrictJson.Text(jws.Header, "typ");
        findings.Check("ear.2", "the header has nothing that would change its meaning", strange.Count == 0 && type is null or "JWT" or "eat+jwt", strange.Count > 0 ? $"found {string.Join(", ", strange)}" : $"typ is {type ?? "absent"}");
        var key = jws.Header.TryGetProperty("jwk", out var jwk) ? Brought(Jwk.Parse(jwk), expected.Roots, at, findings) : Pinned(jws.Header, expected, findings);
        if (isListed && key is not null) findings.Check("ear.4", "that key signed the token, by its own algorithm", jws.IsSignedBy(key), key.Algorithm == jws.Algorithm ? null : $"the key is for {key.Algorithm ?? "nothing here"}, the header says {jws.Algorithm}");
    }

    private static Jwk? Pinned(JsonElement header, EarExpectations expected, Findings findings)
    {
        var id = StrictJson.Text(header, "kid");
        var key = expected.Keys.IsEmpty ? null : Jwk.ParseSet(expected.Keys.Span).SingleOrDefault(each => each.KeyId == id);
        findings.Check("ear.3.pinned", "the token names a key that is pinned", key is not null, $"kid is {id ?? "absent"}");
        return key;
    }

    /// <summary>A key in the token's own header is a stranger's until a configured root vouches for it.</summary>
    internal static Jwk? Brought(Jwk key, IReadOnlyList<X509Certificate2> roots, DateTimeOffset at, Findings findings)
    {
        if (!findings.Check("ear.3.certificate", "the key that the token brings has certificates", key.Certificates.Count > 0)) return null;
        var leaf = key.Certificates[0];
        var isSame = findings.Check("ear.3.leaf", "the first certificate is for that very key", leaf.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.SubjectPublicKeyInfo), leaf.Subject);
        var maySign = findings.Check("ear.3.usage", "the certificate is for signatures", leaf.Extensions.OfType<X509KeyUsageExtension>().All(each => each.KeyUsages.HasFlag(X509KeyUsageFlags.DigitalSignature)));
        var path = Path(key.Certificates, roots, at, out var reason);
        if (!findings.Check("ear.3.path", "the certificates lead to a configured root", path is not null, reason)) return null;
        var late = path!.NotValidAt(at);
        var isValid = findings.Check("ear.3.validity", "every certificate of the path is valid", late is null, late is null ? null : $"{late.Subject} is valid from {late.NotBefore:u} to {late.NotAfter:u}");
        return isSame && maySign && isValid ? key : null;
    }

    /// <summary>Each root by itself: one that is of no use must not hide the one that is.</summary>
    private static CertificatePath? Path(IReadOnlyList<X509Certificate2> certificates, IReadOnlyList<X509Certificate2> roots, DateTimeOffset at, out string reason)
    {
        const string Root = "ear";
        List<string> reasons = [];
        foreach (var root in roots)
        {
            var pin = new VendorRoots(new Dictionary<string, Digest> { [Root] = Digest.Of(root.PublicKey.ExportSubjectPublicKeyInfo()) });
            if (new CertificatePaths(pin).Find(certificates[0], [root, .. certificates.Skip(1)], Root, at, out var why) is { } path)
            {
                reason = "";
                return path;
            }
            reasons.Add($"{root.Subject}: {why}");
        }
        reason = reasons.Count == 0 ? "no root is configured" : string.Join("; ", reasons);
        return null;
    }
}
