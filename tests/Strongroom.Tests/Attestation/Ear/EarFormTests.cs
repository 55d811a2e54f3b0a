using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Ear;
using Strongroom.Bytes;
using static Strongroom.Tests.Attestation.Ear.TestEar;

namespace Strongroom.Tests.Attestation.Ear;

/// <summary>What is no token at all, or could be read in two ways.</summary>
public sealed class EarFormTests : IDisposable
{
    private const string Header = """{"alg":"ES256","kid":"k"}""";

    private readonly TestEar ear = new();

    public void Dispose() => ear.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("e30.e30")]
    [InlineData("e30.e30.")]
    [InlineData("e30.e30.AA.AA")]
    [InlineData("{\"payload\":\"\",\"signatures\":[]}")]
    public void Refuses_what_has_not_three_parts(string token) => Assert.Throws<MalformedException>(() => ear.Verify(token));

    [Fact]
    public void Refuses_every_other_spelling_of_base64url()
    {
        var token = ear.Issue();
        var last = token[^1];
        var twin = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"; // the last of 86 characters carries two bits that mean nothing
        string[] spellings = [token + "=", token + "==", token + "\n", " " + token, token.Insert(10, "\n"), token.Insert(10, " "), token[..^1] + twin[twin.IndexOf(last) ^ 1], token[..^1] + "+", token[..^1] + "/"];
        Assert.All(spellings, each => Assert.Throws<MalformedException>(() => ear.Verify(each)));
    }

    [Theory]
    [InlineData("""{"iss":"a","iss":"b"}""")]
    [InlineData("""{"iss":"a","\u0069ss":"b"}""")]
    [InlineData("""{"submods":{"cpu":{"ear.status":"warning","ear.status":"affirming"}}}""")]
    [InlineData("""{"iss":"a",}""")]
    [InlineData("""{"iss":"a"} """ + "x")]
    [InlineData("""{"iss":1}""")]
    [InlineData("""{"iss":"\ud800"}""")]
    [InlineData("""{"more":["\ud800"]}""")]
    [InlineData("""{"exp":1.5}""")]
    [InlineData("""{"exp":"1"}""")]
    [InlineData("""{"exp":9223372036854775807}""")]
    [InlineData("""{"aud":[1]}""")]
    [InlineData("""{"submods":[]}""")]
    [InlineData("""{"submods":{"cpu":1}}""")]
    [InlineData("""{"submods":{"cpu":{}}}""")]
    [InlineData("""{"submods":{"cpu":{"ear.status":"Affirming"}}}""")]
    [InlineData("""{"submods":{"cpu":{"ear.status":"affirming","ear.trustworthiness-vector":{"hardware":"2"}}}}""")]
    [InlineData("""{"submods":{"cpu":{"ear.status":"affirming","ear.trustworthiness-vector":{"hardware":128}}}}""")]
    [InlineData("""{"submods":{"cpu":{"ear.status":"affirming","ear.trustworthiness-vector":{"software":2}}}}""")]
    [InlineData("[]")]
    [InlineData("null")]
    public void Refuses_claims_that_are_not_of_their_form(string payload) => Assert.Throws<MalformedException>(() => ear.Verify(ear.SignText(Header, payload)));

    [Theory]
    [InlineData("""{"alg":"ES256","alg":"ES256"}""")]
    [InlineData("""{"alg":"none","\u0061lg":"ES256"}""")]
    [InlineData("""{"alg":1}""")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"alg":"ES256","jwk":1}""")]
    [InlineData("""{"alg":"ES256","jwk":{"kty":"oct","k":"AA"}}""")]
    [InlineData("""{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}""")]
    [InlineData("""{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}""")]
    public void Refuses_a_header_that_is_not_of_its_form(string header) => Assert.Throws<MalformedException>(() => ear.Verify(ear.SignText(header, "{}")));

    [Fact]
    public void Refuses_a_certificate_that_is_none() => Assert.Throws<MalformedException>(() => ear.Verify(ear.Sign(header: header =>
    {
        Bringing(ear.Key)(header);
        header["jwk"]!["x5c"] = new JsonArray("AAAA");
    })));

    [Theory]
    [InlineData("use", "enc")]
    [InlineData("alg", "ES384")]
    [InlineData("d", "AA")]
    [InlineData("kty", "oct")]
    public void Refuses_a_pinned_key_that_is_not_for_this(string member, string value)
    {
        var keys = EarToken.KeySet(ear.Key);
        keys["keys"]![0]![member] = value;
        Assert.Throws<MalformedException>(() => ear.Verify(ear.Issue(), expected => expected with { Keys = Encoding.UTF8.GetBytes(keys.ToJsonString()) }));
    }

    [Fact]
    public void Refuses_two_pinned_keys_with_one_name()
    {
        var keys = EarToken.KeySet(ear.Key);
        keys["keys"]!.AsArray().Add(keys["keys"]![0]!.DeepClone());
        Assert.Throws<MalformedException>(() => ear.Verify(ear.Issue(), expected => expected with { Keys = Encoding.UTF8.GetBytes(keys.ToJsonString()) }));
    }

    [Fact]
    public void Never_verifies_a_token_with_any_byte_changed_or_cut_off()
    {
        var good = Encoding.ASCII.GetBytes(ear.Issue());
        for (var at = 0; at < good.Length; at++)
        {
            var changed = good.ToArray();
            changed[at] ^= 1;
            Assert.False(Verifies(changed), $"byte {at} changed");
            Assert.False(Verifies(good.AsSpan(0, at)), $"cut off at {at}");
        }
        Assert.True(Verifies(good));

        bool Verifies(ReadOnlySpan<byte> token)
        {
            try
            {
                return EarToken.Verify(token, ear.Expected, At).Outcome == Strongroom.Attestation.Appraisal.Outcome.Verified;
            }
            catch (MalformedException)
            {
                return false;
            }
        }
    }

    [Fact]
    public void Refuses_a_token_of_more_than_a_mebibyte() => Assert.Throws<MalformedException>(() => ear.Verify(new('A', 1024 * 1024 + 1)));
}
