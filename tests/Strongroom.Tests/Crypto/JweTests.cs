using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Tests.Crypto;

/// <summary>Messages to guests (spec/kbs.md, "The answer"), and the keys that are none of those.</summary>
public sealed class JweTests
{
    private const string Resource = "storyteller/1/request-00000000000000000000000000000001";
    private static readonly byte[] Content = [.. Enumerable.Range(0, 96).Select(i => (byte)i)];

    [Fact]
    public void Another_implementation_opens_messages_to_each_kind_of_key()
    {
        GuestKey[] keys = [GuestKey.Rsa(), GuestKey.Rsa(3072), .. Enumerable.Range(0, 8).SelectMany(_ => (GuestKey[])[GuestKey.Ec(), GuestKey.Ec("P-521")])]; // eight: coordinates and secrets that begin with zeros
        var answers = Jwcrypto.Open([.. keys.Select(key => (key, Jwe.Encrypt(key.Public, Resource, Content)))]);
        Assert.Equal(keys.Length, answers.Count);
        foreach (var answer in answers)
        {
            Assert.True(answer.TryGetProperty("content", out var content), answer.ToString());
            Assert.Equal(Convert.ToHexStringLower(Content), content.GetString());
            Assert.Equal(Resource, answer.GetProperty("resource").GetString());
        }
        foreach (var key in keys) key.Dispose();
    }

    [Fact]
    public void Another_implementation_refuses_a_message_that_was_relabelled_for_another_resource()
    {
        using var key = GuestKey.Ec();
        var message = Jwe.Encrypt(key.Public, Resource, Content);
        var header = JsonNode.Parse(Base64Url.DecodeFromChars(message.Protected))!;
        header["resource"] = "storyteller/2/request-00000000000000000000000000000002";
        var answers = Jwcrypto.Open((key, message), (key, message with { Protected = Base64Url.EncodeToString(CanonicalJson.Write(header)) }));
        Assert.True(answers[0].TryGetProperty("content", out _), answers[0].ToString());
        Assert.Contains("InvalidTag", answers[1].GetProperty("refused").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void No_two_messages_share_a_key_or_a_nonce()
    {
        using var key = GuestKey.Ec();
        var (one, other) = (Jwe.Encrypt(key.Public, Resource, Content), Jwe.Encrypt(key.Public, Resource, Content));
        Assert.NotEqual(one.EncryptedKey, other.EncryptedKey);
        Assert.NotEqual(one.Iv, other.Iv);
        Assert.NotEqual(one.Ciphertext, other.Ciphertext);
        Assert.NotEqual(one.Protected, other.Protected); // the ephemeral key
    }

    /// <summary>Guests read the header into alg, enc and a sorted map of the rest, and authenticate what they write again from that.</summary>
    [Fact]
    public void The_header_is_what_a_guest_writes_again()
    {
        foreach (var key in (GuestKey[])[GuestKey.Rsa(), GuestKey.Ec(), GuestKey.Ec("P-521")])
        {
            var header = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(Jwe.Encrypt(key.Public, Resource, Content).Protected));
            var members = JsonElement.Parse(header).EnumerateObject().Select(member => member.Name).ToList();
            Assert.Equal(["alg", "enc", .. members.Skip(2).Order(StringComparer.Ordinal)], members);
            Assert.DoesNotContain('\\', header);
            Assert.DoesNotContain(' ', header);
            key.Dispose();
        }
    }

    [Theory]
    [InlineData("RSA1_5")]
    [InlineData("RSA-OAEP")]
    [InlineData("RSA-OAEP-512")]
    [InlineData("none")]
    [InlineData("ECDH-ES+A256KW")]
    public void Refuses_an_RSA_key_for_another_algorithm(string algorithm) => Refused(GuestKey.Rsa(algorithm: algorithm));

    [Theory]
    [InlineData("ECDH-ES")]
    [InlineData("ECDH-ES+A128KW")]
    [InlineData("dir")]
    [InlineData("RSA-OAEP-256")]
    public void Refuses_an_EC_key_for_another_algorithm(string algorithm) => Refused(GuestKey.Ec(algorithm: algorithm));

    [Fact]
    public void Refuses_a_curve_that_is_not_on_the_list() => Refused(GuestKey.Ec("P-384"));

    [Fact]
    public void Refuses_a_short_RSA_key() => Refused(GuestKey.Rsa(1024));

    [Theory]
    [InlineData("Aw")] // 3
    [InlineData("AQ")] // 1: the content key would travel in clear
    [InlineData("AAEAAQ")] // 65537 with a zero in front: a second spelling
    public void Refuses_an_RSA_key_with_another_exponent(string exponent) => Refused(GuestKey.Rsa(), jwk => jwk["e"] = exponent);

    [Fact]
    public void Refuses_an_RSA_modulus_with_zeros_in_front_or_one_that_is_even()
    {
        Refused(GuestKey.Rsa(), jwk => jwk["n"] = Base64Url.EncodeToString([0, .. Modulus(jwk)[..^1]]));
        Refused(GuestKey.Rsa(), jwk => jwk["n"] = Base64Url.EncodeToString([.. Modulus(jwk)[..^1], 2]));
    }

    [Fact]
    public void Refuses_a_point_that_is_not_on_its_curve()
    {
        Refused(GuestKey.Ec(), jwk => jwk["y"] = jwk["x"]!.GetValue<string>());
        Refused(GuestKey.Ec("P-521"), jwk => jwk["y"] = jwk["x"]!.GetValue<string>());
        Refused(GuestKey.Ec(), jwk => (jwk["x"], jwk["y"]) = (Base64Url.EncodeToString(new byte[32]), Base64Url.EncodeToString(new byte[32])));
    }

    [Fact]
    public void Refuses_a_coordinate_that_is_cut_or_padded()
    {
        Refused(GuestKey.Ec(), jwk => jwk["x"] = Base64Url.EncodeToString([0, .. Base64Url.DecodeFromChars(jwk["x"]!.GetValue<string>())]));
        Refused(GuestKey.Ec(), jwk => jwk["x"] = Base64Url.EncodeToString(Base64Url.DecodeFromChars(jwk["x"]!.GetValue<string>()).AsSpan(1)));
        Refused(GuestKey.Ec(), jwk => jwk["x"] = jwk["x"]!.GetValue<string>() + "=");
    }

    [Fact]
    public void Refuses_a_key_with_members_that_it_should_not_have()
    {
        Refused(GuestKey.Ec(), jwk => jwk["d"] = "AA");
        Refused(GuestKey.Ec(), jwk => jwk["kid"] = "mine");
        Refused(GuestKey.Ec(), jwk => jwk["n"] = "AA");
        Refused(GuestKey.Rsa(), jwk => jwk["crv"] = "P-256");
        Refused(GuestKey.Ec(), jwk => jwk["kty"] = "oct");
        Refused(GuestKey.Ec(), jwk => jwk["alg"] = null);
        Refused(GuestKey.Ec(), jwk => jwk.Remove("y"));
        Assert.Throws<MalformedException>(() => JweKey.Parse("""{"alg":"ECDH-ES+A256KW","alg":"ECDH-ES+A256KW","crv":"P-256","kty":"EC","x":"","y":""}"""u8));
    }

    /// <summary>Of 256-bit keys, those valid; two and more blocks: a single one is refused, as NIST SP 800-38F does.</summary>
    [Fact]
    public void Key_wrap_agrees_with_every_published_vector()
    {
        var run = 0;
        foreach (var (group, test) in Wycheproof.Read("aes_wrap_test.json"))
        {
            if (test.Text("result") != "valid" || test.Text("msg").Length < 32) continue;
            Assert.Equal(test.Hex("ct"), AesKeyWrap.Wrap(test.Hex("key"), test.Hex("msg")));
            run++;
        }
        Assert.True(run >= 20, $"only {run} vectors ran");
        Assert.Throws<ArgumentException>(() => AesKeyWrap.Wrap(new byte[32], new byte[8]));
        Assert.Throws<ArgumentException>(() => AesKeyWrap.Wrap(new byte[32], new byte[17]));
    }

    private static byte[] Modulus(JsonObject jwk) => Base64Url.DecodeFromChars(jwk["n"]!.GetValue<string>());

    private static void Refused(GuestKey key, Action<JsonObject>? change = null)
    {
        change?.Invoke(key.Jwk);
        Assert.Throws<MalformedException>(() => key.Public);
        key.Dispose();
    }
}
