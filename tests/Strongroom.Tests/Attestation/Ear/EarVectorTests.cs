using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Ear;
using Strongroom.Bytes;
using static Strongroom.Tests.Attestation.Ear.TestEar;

namespace Strongroom.Tests.Attestation.Ear;

/// <summary>What others published.</summary>
public sealed class EarVectorTests
{
    /// <summary>Their keys are RSA, by which no token is signed here: the endorsement of a key is what they show.</summary>
    [Theory]
    [InlineData("01", "")]
    [InlineData("02", "ear.3.leaf")]
    [InlineData("03", "ear.3.certificate")]
    [InlineData("04", "ear.3.path")]
    [InlineData("05", "")]
    [InlineData("06", "")]
    [InlineData("07", "")]
    public void A_key_that_a_token_brings_is_endorsed_or_not(string scenario, string failing)
    {
        var path = SharedFiles.Require($"vectors/ear-eat/jwk-endorsement/scenario{scenario}-jwk.json");
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile(path.Replace("-jwk.json", "-trust.pem", StringComparison.Ordinal));
        var at = new DateTimeOffset(2026, 6, 1, 0, 0, 0, TimeSpan.Zero);
        var findings = new Findings("ear", at, new HashSet<CheckGroup>());
        var key = EarSigner.Brought(Jwk.Parse(StrictJson.Object(File.ReadAllBytes(path), "the key")), [.. roots], at, findings);
        Assert.Equal(failing, string.Join(' ', Failed(findings.Result())));
        Assert.Equal(failing.Length == 0, key is not null);
    }

    [Fact]
    public void A_published_token_is_refused_as_contraindicated()
    {
        using var ear = new TestEar();
        var payload = File.ReadAllText(SharedFiles.Require("vectors/ear-eat/example.token.json"));
        var token = ear.SignText(Header(ear), payload);
        var result = ear.Verify(token, expected => expected with { Profile = "tag:github.com,2024:confidential-containers/Trustee", Nonce = null, PolicyId = "default", Submodules = ["cpu0"], NeededClaims = ["executables", "hardware"] }, DateTimeOffset.FromUnixTimeSeconds(1760426200));
        Assert.Equal(["ear.6", "ear.7", "ear.12.cpu0"], Failed(result)); // it names neither issuer nor audience
        var trustees = ear.Verify(token, expected => new(null, null) { Keys = expected.Keys, Profile = "tag:github.com,2024:confidential-containers/Trustee", PolicyId = "default", Submodules = ["cpu0"], NeededClaims = ["executables", "hardware"] }, DateTimeOffset.FromUnixTimeSeconds(1760426200));
        Assert.Equal(["ear.12.cpu0"], Failed(trustees));
        var better = ear.Verify(ear.SignText(Header(ear), payload.Replace("\"contraindicated\"", "\"affirming\"", StringComparison.Ordinal)), expected => expected with { NeededClaims = [] });
        Assert.Contains("ear.11.cpu0", Failed(better));
    }

    [Fact]
    public void A_published_key_set_is_read()
    {
        var path = SharedFiles.Require("vectors/ear-eat/as-jwks/expected-jwks.json");
        var key = Assert.Single(Jwk.ParseSet(File.ReadAllBytes(path)));
        using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(path.Replace("expected-jwks.json", "cert-chain.pem", StringComparison.Ordinal)));
        Assert.Equal(certificate.PublicKey.ExportSubjectPublicKeyInfo(), key.SubjectPublicKeyInfo);
        Assert.Equal(43, key.KeyId.Length);
    }

    [Fact]
    public void Wycheproof_signatures_of_ES256_and_ES384_get_their_verdict()
    {
        var root = JsonNode.Parse(File.ReadAllText(SharedFiles.Require("vectors/wycheproof/json_web_signature_test.json")))!;
        var seen = 0;
        foreach (var group in root["testGroups"]!.AsArray().Where(group => (string?)(group!["public"] ?? group["private"])!["crv"] is "P-256" or "P-384"))
        {
            foreach (var test in group!["tests"]!.AsArray())
            {
                Assert.True(Verifies(group["public"]!, test!["jws"]!) == ((string)test["result"]! == "valid"), $"test {test["tcId"]}, {test["comment"]}");
                seen++;
            }
        }
        Assert.Equal(41, seen);
    }

    /// <summary>Of every other algorithm none verifies, valid as it may be.</summary>
    [Fact]
    public void Wycheproof_signatures_of_every_other_algorithm_are_refused()
    {
        var root = JsonNode.Parse(File.ReadAllText(SharedFiles.Require("vectors/wycheproof/json_web_signature_test.json")))!;
        foreach (var group in root["testGroups"]!.AsArray().Where(group => (string?)(group!["public"] ?? group["private"])!["crv"] is not ("P-256" or "P-384")))
        {
            foreach (var test in group!["tests"]!.AsArray()) Assert.False(Verifies(group["public"] ?? group["private"]!, test!["jws"]!), $"test {test!["tcId"]}, {test["comment"]}");
        }
    }

    private static string Header(TestEar ear) => new JsonObject { ["alg"] = "ES256", ["kid"] = (string)Jwk.Of(ear.Key)["kid"]! }.ToJsonString();

    private static bool Verifies(JsonNode key, JsonNode token)
    {
        if (token.GetValueKind() != JsonValueKind.String) return false; // the JSON form
        try
        {
            return Jws.Parse(Encoding.UTF8.GetBytes((string)token!)).IsSignedBy(Jwk.Parse(StrictJson.Object(Encoding.UTF8.GetBytes(key.ToJsonString()), "the key")));
        }
        catch (MalformedException)
        {
            return false;
        }
    }
}
