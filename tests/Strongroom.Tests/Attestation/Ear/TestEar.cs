using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Ear;

namespace Strongroom.Tests.Attestation.Ear;

/// <summary>A verifier of the tests: tokens that are right in all but what a test changes.</summary>
internal sealed class TestEar : IDisposable
{
    public const string Kind = "sev-snp";

    public static readonly DateTimeOffset At = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    public static readonly byte[] Nonce = [.. Enumerable.Range(1, 32).Select(each => (byte)each)];
    public static readonly string[] Passing = ["snp.1.version", "snp.3", "snp.4", "snp.6", "snp.7", "snp.9", "snp.11", "snp.12.debug", "snp.15", "snp.15.measurement"];

    public ECDsa Key { get; } = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public void Dispose() => Key.Dispose();

    public EarExpectations Expected => new("https://verifier.example", "vault")
    {
        Keys = Encoding.UTF8.GetBytes(EarToken.KeySet(Key).ToJsonString()), Nonce = Nonce, PolicyId = EarToken.PolicyId("{}"u8), Submodules = [Kind],
    };

    public static EarClaims Claims => new("https://verifier.example", At, At.AddMinutes(5), "{}"u8.ToArray()) { Audience = "vault", Nonce = Nonce };

    /// <summary>A result whose checks passed but for those that the test says.</summary>
    public static AttestationResult Result(string kind = Kind, IEnumerable<string>? passing = null, CheckGroup? without = null, Action<Findings>? also = null)
    {
        var findings = new Findings(kind, At, without is { } group ? new HashSet<CheckGroup> { group } : new HashSet<CheckGroup>()) { Claims = new JsonObject { ["measurement"] = "07" } };
        foreach (var id in passing ?? Passing) findings.Check(id, "a check", true);
        also?.Invoke(findings);
        return findings.Result();
    }

    public string Issue() => EarToken.Issue(Result(), Claims, Key);

    /// <summary>The claims of a token that is right, changed and signed again.</summary>
    public string Sign(Action<JsonObject>? change = null, Action<JsonObject>? header = null, ECDsa? key = null)
    {
        var parts = Issue().Split('.');
        var (claims, head) = (Decode(parts[1]), Decode(parts[0]));
        change?.Invoke(claims);
        header?.Invoke(head);
        return Jws.Sign(head, Encoding.UTF8.GetBytes(claims.ToJsonString()), key ?? Key);
    }

    /// <summary>Any text at all as header and payload, signed as ES256.</summary>
    public string SignText(string header, string payload)
    {
        var text = $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header))}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(payload))}";
        return $"{text}.{Base64Url.EncodeToString(Key.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256))}";
    }

    public AttestationResult Verify(string token, Func<EarExpectations, EarExpectations>? change = null, DateTimeOffset? at = null) =>
        EarToken.Verify(Encoding.ASCII.GetBytes(token), change is null ? Expected : change(Expected), at ?? At);

    public static string[] Failed(AttestationResult result) => [.. result.Failures.Select(check => check.Id)];

    public static JsonObject Decode(string part) => JsonNode.Parse(Base64Url.DecodeFromChars(part))!.AsObject();

    public static JsonObject Submodule(JsonObject claims) => claims["submods"]![Kind]!.AsObject();

    public static X509Certificate2 Root(ECDsa key, string name = "CN=root")
    {
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        return request.CreateSelfSigned(At.AddYears(-1), At.AddYears(10));
    }

    public static X509Certificate2 Leaf(ECDsa key, X509Certificate2 root, X509KeyUsageFlags usage = X509KeyUsageFlags.DigitalSignature, int days = 30)
    {
        var request = new CertificateRequest("CN=verifier", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(usage, true));
        return request.Create(root, At.AddDays(-30), At.AddDays(days), [1, 2, 3]);
    }

    /// <summary>The header of a token that brings its key.</summary>
    public static Action<JsonObject> Bringing(ECDsa key, params X509Certificate2[] certificates) => header =>
    {
        header.Remove("kid");
        header["jwk"] = Jwk.Of(key);
        if (certificates.Length > 0) header["jwk"]!["x5c"] = new JsonArray([.. certificates.Select(each => (JsonNode)Convert.ToBase64String(each.RawData))]);
    };
}
