using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Ear;
using Strongroom.Bytes;
using static Strongroom.Tests.Attestation.Ear.TestEar;

namespace Strongroom.Tests.Attestation.Ear;

/// <summary>Tokens that are right in all but one step of spec/ear.md.</summary>
public sealed class EarTokenTests : IDisposable
{
    private readonly TestEar ear = new();

    public void Dispose() => ear.Dispose();

    [Theory]
    [InlineData("1.2.840.10045.3.1.7", "ES256")]
    [InlineData("1.3.132.0.34", "ES384")]
    public void A_token_that_is_right_verifies(string curve, string algorithm)
    {
        using var key = ECDsa.Create(ECCurve.CreateFromValue(curve));
        var token = EarToken.Issue(Result(), Claims, key);
        var result = ear.Verify(token, expected => expected with { Keys = Encoding.UTF8.GetBytes(EarToken.KeySet(key).ToJsonString()) });
        Assert.Empty(Failed(result));
        Assert.Equal((Outcome.Verified, algorithm), (result.Outcome, (string)Decode(token.Split('.')[0])["alg"]!));
        Assert.Equal("07", (string)Submodule(result.Claims)[EarToken.ResultClaim]!["claims"]!["measurement"]!);
        Assert.Equal("affirming", (string)Submodule(result.Claims)["ear.status"]!);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("HS256")]
    [InlineData("RS256")]
    [InlineData("ES512")]
    [InlineData("es256")]
    public void Check_1_rejects_every_other_algorithm(string algorithm)
    {
        var header = Decode(ear.Issue().Split('.')[0]);
        header["alg"] = algorithm;
        Assert.Equal(["ear.1"], Failed(ear.Verify(ear.SignText(header.ToJsonString(), Payload()))));
    }

    [Fact]
    public void Check_1_rejects_a_token_that_is_authenticated_with_the_public_key_as_a_secret()
    {
        var header = Decode(ear.Issue().Split('.')[0]);
        header["alg"] = "HS256";
        var text = $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header.ToJsonString()))}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(Payload()))}";
        var mac = HMACSHA256.HashData(ear.Key.ExportSubjectPublicKeyInfo(), Encoding.ASCII.GetBytes(text));
        Assert.Equal(["ear.1"], Failed(ear.Verify($"{text}.{Base64Url.EncodeToString(mac)}")));
    }

    [Fact]
    public void Check_2_rejects_a_header_that_changes_what_a_token_means()
    {
        Assert.Equal(["ear.2"], Failed(ear.Verify(ear.Sign(header: head => head["crit"] = new JsonArray("b64")))));
        Assert.Equal(["ear.2"], Failed(ear.Verify(ear.Sign(header: head => head["jku"] = "https://elsewhere.example"))));
        Assert.Equal(["ear.2"], Failed(ear.Verify(ear.Sign(header: head => head["typ"] = "at+jwt"))));
    }

    [Fact]
    public void Check_3_rejects_a_key_that_nobody_pinned()
    {
        Assert.Equal(["ear.3.pinned"], Failed(ear.Verify(ear.Sign(header: head => head["kid"] = "another"))));
        Assert.Equal(["ear.3.pinned"], Failed(ear.Verify(ear.Sign(header: head => head.Remove("kid")))));
        Assert.Equal(["ear.3.pinned"], Failed(ear.Verify(ear.Issue(), expected => expected with { Keys = default })));
    }

    [Fact]
    public void Check_3_accepts_a_key_with_a_path_to_a_configured_root_and_no_other()
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (root, decoy) = (Root(rootKey), Root(stranger));
        var leaf = Leaf(ear.Key, root);
        EarExpectations Rooted(EarExpectations expected) => expected with { Keys = default, Roots = [decoy, root] };

        Assert.Empty(Failed(ear.Verify(ear.Sign(header: Bringing(ear.Key, leaf)), Rooted)));
        Assert.Equal(["ear.3.certificate"], Failed(ear.Verify(ear.Sign(header: Bringing(ear.Key)), Rooted)));
        Assert.Equal(["ear.3.certificate"], Failed(ear.Verify(ear.Sign(header: Bringing(ear.Key))))); // that it is pinned, too, does not help: the token chose to bring it
        Assert.Equal(["ear.3.leaf"], Failed(ear.Verify(ear.Sign(header: Bringing(stranger, leaf), key: stranger), Rooted)));
        Assert.Equal(["ear.3.path"], Failed(ear.Verify(ear.Sign(header: Bringing(ear.Key, leaf)), expected => Rooted(expected) with { Roots = [decoy] })));
        Assert.Equal(["ear.3.path"], Failed(ear.Verify(ear.Sign(header: Bringing(ear.Key, leaf, root)), expected => Rooted(expected) with { Roots = [] })));
        Assert.Equal(["ear.3.usage"], Failed(ear.Verify(ear.Sign(header: Bringing(ear.Key, Leaf(ear.Key, root, X509KeyUsageFlags.KeyEncipherment))), Rooted)));
        Assert.Equal(["ear.3.validity"], Failed(ear.Verify(ear.Sign(header: Bringing(ear.Key, Leaf(ear.Key, root, days: -1))), Rooted)));
    }

    [Fact]
    public void Check_4_rejects_a_strangers_signature()
    {
        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Assert.Equal(["ear.4"], Failed(ear.Verify(ear.Sign(key: stranger))));
        Assert.Equal(["ear.4"], Failed(ear.Verify(ear.Sign(key: other)))); // the pinned key is for ES256 and the header says ES384
    }

    [Fact]
    public void Check_4_rejects_a_changed_payload()
    {
        var parts = ear.Issue().Split('.');
        Assert.Equal(["ear.4"], Failed(ear.Verify($"{parts[0]}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(Payload(claims => claims["more"] = 1)))}.{parts[2]}")));
    }

    [Fact]
    public void Check_5_rejects_another_profile()
    {
        Assert.Equal(["ear.5"], Failed(ear.Verify(ear.Sign(claims => claims["eat_profile"] = EarToken.Profile + "1"))));
        Assert.Equal(["ear.5"], Failed(ear.Verify(ear.Sign(claims => claims.Remove("eat_profile")))));
    }

    [Fact]
    public void Check_6_rejects_another_issuer()
    {
        Assert.Equal(["ear.6"], Failed(ear.Verify(ear.Sign(claims => claims["iss"] = "https://verifier.example/"))));
        Assert.Equal(["ear.6"], Failed(ear.Verify(ear.Sign(claims => claims.Remove("iss")))));
    }

    [Fact]
    public void Check_7_rejects_a_token_for_somebody_else()
    {
        Assert.Equal(["ear.7"], Failed(ear.Verify(ear.Sign(claims => claims["aud"] = "vault2"))));
        Assert.Equal(["ear.7"], Failed(ear.Verify(ear.Sign(claims => claims.Remove("aud")))));
        Assert.Empty(Failed(ear.Verify(ear.Sign(claims => claims["aud"] = new JsonArray("other", "vault")))));
    }

    [Fact]
    public void A_token_that_names_nobody_is_taken_only_where_its_verifier_never_names_anybody()
    {
        var nobodys = ear.Sign(claims => { claims.Remove("iss"); claims.Remove("aud"); });
        var result = ear.Verify(nobodys, expected => expected with { Issuer = null, Audience = null });
        Assert.Empty(Failed(result));
        Assert.Equal(2, result.NotChecked.Count(each => each.StartsWith("issuer: ", StringComparison.Ordinal) || each.StartsWith("audience: ", StringComparison.Ordinal)));
        Assert.Equal(["ear.6", "ear.7"], Failed(ear.Verify(nobodys)));
        Assert.Equal(["ear.6", "ear.7"], Failed(ear.Verify(ear.Issue(), expected => expected with { Issuer = null, Audience = null })));
        Assert.Equal(["ear.7"], Failed(ear.Verify(ear.Sign(claims => claims["aud"] = new JsonArray()), expected => expected with { Audience = null })));
    }

    [Fact]
    public void Check_8_rejects_a_token_out_of_its_time()
    {
        Assert.Equal(["ear.8.exp"], Failed(ear.Verify(ear.Issue(), at: At.AddMinutes(5))));
        Assert.Equal(["ear.8.exp"], Failed(ear.Verify(ear.Sign(claims => claims.Remove("exp")))));
        Assert.Equal(["ear.8.nbf"], Failed(ear.Verify(ear.Sign(claims => claims["nbf"] = At.AddSeconds(61).ToUnixTimeSeconds()))));
        Assert.Equal(["ear.8.iat"], Failed(ear.Verify(ear.Issue(), at: At.AddSeconds(-61))));
        Assert.Equal(["ear.8.iat"], Failed(ear.Verify(ear.Sign(claims => claims.Remove("iat")))));
        Assert.Empty(Failed(ear.Verify(ear.Issue(), at: At.AddSeconds(-60))));
        Assert.Empty(Failed(ear.Verify(ear.Issue(), at: At.AddSeconds(299))));
    }

    [Fact]
    public void Check_9_rejects_a_token_for_another_challenge()
    {
        Assert.Equal(["ear.9"], Failed(ear.Verify(ear.Issue(), expected => expected with { Nonce = Nonce.AsMemory(0, 31) })));
        Assert.Equal(["ear.9"], Failed(ear.Verify(ear.Sign(claims => claims.Remove("eat_nonce")))));
        Assert.Equal(["ear.9"], Failed(ear.Verify(ear.Sign(claims => claims["eat_nonce"] = new JsonArray((JsonNode)Base64Url.EncodeToString(Nonce), "AAAAAAAAAAA")))));
    }

    [Fact]
    public void Check_10_rejects_a_token_without_the_expected_submodules()
    {
        Assert.Equal(["ear.10"], Failed(ear.Verify(ear.Issue(), expected => expected with { Submodules = [Kind, "nvidia-gpu"] })));
        Assert.Equal(["ear.10"], Failed(ear.Verify(ear.Sign(claims => claims["submods"] = new JsonObject()), expected => expected with { Submodules = [] })));
    }

    [Theory]
    [InlineData("affirming", 96)]
    [InlineData("affirming", 32)]
    [InlineData("affirming", -2)]
    public void Check_11_rejects_a_status_that_is_better_than_its_claims(string status, int hardware) => Assert.Equal(["ear.11.sev-snp"], Failed(ear.Verify(ear.Sign(claims =>
    {
        Submodule(claims)["ear.status"] = status;
        Submodule(claims)["ear.trustworthiness-vector"]!["hardware"] = hardware;
    }))));

    [Fact]
    public void Check_11_rejects_a_status_with_no_claims_at_all() =>
        Assert.Equal(["ear.11.sev-snp"], Failed(ear.Verify(ear.Sign(claims => Submodule(claims).Remove("ear.trustworthiness-vector")), expected => expected with { NeededClaims = [] })));

    [Theory]
    [InlineData("none", 2)]
    [InlineData("warning", 32)]
    [InlineData("contraindicated", 97)]
    public void Check_12_rejects_what_is_not_affirmed(string status, int hardware) => Assert.Equal(["ear.12.sev-snp"], Failed(ear.Verify(ear.Sign(claims =>
    {
        Submodule(claims)["ear.status"] = status;
        Submodule(claims)["ear.trustworthiness-vector"]!["hardware"] = hardware;
    }))));

    [Fact]
    public void Check_12_rejects_one_submodule_among_many_that_is_not_affirmed() => Assert.Equal(["ear.12.gpu1"], Failed(ear.Verify(ear.Sign(claims =>
    {
        var other = Submodule(claims).DeepClone();
        other["ear.status"] = "none";
        claims["submods"]!["gpu1"] = other;
    }))));

    [Fact]
    public void Check_13_rejects_an_affirmed_submodule_whose_software_nobody_looked_at() =>
        Assert.Equal(["ear.13.sev-snp"], Failed(ear.Verify(ear.Sign(claims => Submodule(claims)["ear.trustworthiness-vector"]!["executables"] = 0))));

    [Fact]
    public void Check_14_rejects_another_policy() => Assert.Equal(["ear.14.sev-snp"], Failed(ear.Verify(ear.Issue(), expected => expected with { PolicyId = EarToken.PolicyId("{ }"u8) })));

    [Fact]
    public void Says_what_the_caller_must_still_decide()
    {
        var result = ear.Verify(ear.Issue(), expected => expected with { Nonce = null, PolicyId = null, Submodules = [] });
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.Equal(["freshness", "policy", "submodules"], result.NotChecked.Select(each => each[..each.IndexOf(':')]));
    }

    [Fact]
    public void A_token_is_not_issued_with_what_could_not_be_checked()
    {
        Assert.Throws<ArgumentException>(() => EarToken.Issue(Result(), Claims with { Nonce = new byte[7] }, ear.Key));
        Assert.Throws<ArgumentException>(() => EarToken.Issue(Result(), Claims with { Expires = At }, ear.Key));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP521);
        Assert.Throws<ArgumentException>(() => EarToken.Issue(Result(), Claims, key));
    }

    private string Payload(Action<JsonObject>? change = null)
    {
        var claims = Decode(ear.Issue().Split('.')[1]);
        change?.Invoke(claims);
        return claims.ToJsonString();
    }
}
