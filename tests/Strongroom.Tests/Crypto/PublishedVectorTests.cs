using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Tests.Crypto;

/// <summary>Our use of libcrypto against Project Wycheproof: the traps of each primitive, hundreds of them.</summary>
public sealed class PublishedVectorTests
{
    [Fact]
    public void Aes_256_gcm_agrees_with_every_published_verdict()
    {
        var run = 0;
        foreach (var (group, test) in Wycheproof.Read("aes_gcm_test.json"))
        {
            if (group.GetProperty("keySize").GetInt32() != 256 || group.GetProperty("ivSize").GetInt32() != 96) continue;
            if (test.Text("aad").Length > 0 || group.GetProperty("tagSize").GetInt32() != 128) continue; // the chunk format has no AAD
            using var cipher = new Aes256Gcm(test.Hex("key"));
            byte[] input = [.. test.Hex("ct"), .. test.Hex("tag")];
            var plaintext = new byte[input.Length - 16];
            var expected = test.Hex("msg");
            var valid = test.Text("result") == "valid";
            Assert.True(valid == cipher.TryDecrypt(test.Hex("iv"), input, plaintext), test.GetProperty("tcId").ToString());
            Assert.Equal(valid ? expected : new byte[plaintext.Length], plaintext);
            if (!valid) continue;
            var output = new byte[input.Length];
            cipher.Encrypt(test.Hex("iv"), expected, output); // the same context turns from one direction to the other
            Assert.Equal(input, output);
            run++;
        }
        Assert.True(run > 20, $"only {run} vectors ran");
    }

    [Fact]
    public void X25519_agrees_with_every_published_verdict()
    {
        var run = 0;
        foreach (var (_, test) in Wycheproof.Read("x25519_test.json"))
        {
            using var agreed = Dhkem.X25519.DiffieHellman(test.Hex("private"), test.Hex("public"));
            var zero = test.HasFlag("ZeroSharedSecret");
            Assert.True(zero == agreed is null, $"{test.GetProperty("tcId")}: an all-zero secret is refused (RFC 9180 section 7.1.4), nothing else is");
            if (agreed is not null) Assert.Equal(test.Hex("shared"), agreed.Span);
            run++;
        }
        Assert.True(run > 400, $"only {run} vectors ran");
    }

    [Fact]
    public void P256_agrees_with_every_published_verdict()
    {
        var run = 0;
        foreach (var (_, test) in Wycheproof.Read("ecdh_secp256r1_ecpoint_test.json"))
        {
            var scalar = test.Hex("private");
            byte[] padded = [.. new byte[Math.Max(0, 32 - scalar.Length)], .. scalar.AsSpan(Math.Max(0, scalar.Length - 32))];
            using var agreed = Dhkem.P256.DiffieHellman(padded, test.Hex("public"));
            var accepted = test.Text("result") == "valid";
            Assert.True(accepted == agreed is not null, $"{test.GetProperty("tcId")} {test.Text("comment")}");
            if (agreed is not null) Assert.Equal(test.Hex("shared"), agreed.Span);
            run++;
        }
        Assert.True(run > 300, $"only {run} vectors ran");
    }

    [Fact]
    public void Hkdf_agrees_with_every_published_output()
    {
        foreach (var (_, test) in Wycheproof.Read("hkdf_sha256_test.json"))
        {
            var key = new byte[32];
            Hkdf.Extract(HashAlgorithmName.SHA256, test.Hex("salt"), test.Hex("ikm"), key);
            var output = new byte[test.GetProperty("size").GetInt32()];
            if (test.Text("result") == "invalid")
            {
                Assert.Throws<ArgumentException>(() => Hkdf.Expand(HashAlgorithmName.SHA256, key, test.Hex("info"), output));
                continue;
            }
            Hkdf.Expand(HashAlgorithmName.SHA256, key, test.Hex("info"), output);
            Assert.Equal(test.Hex("okm"), output);
        }
    }

    [Fact]
    public void Ed25519_agrees_with_every_published_verdict()
    {
        foreach (var (group, test) in Wycheproof.Read("ed25519_test.json"))
        {
            var key = Ed25519PublicKey.From(group.GetProperty("publicKey").Hex("pk"));
            Assert.True(test.Text("result") == "valid" == key.Verify(test.Hex("msg"), test.Hex("sig")), test.GetProperty("tcId").ToString());
        }
    }

    [Fact]
    public void Scrypt_gives_the_outputs_of_RFC_7914_section_12()
    {
        using var key = Scrypt.Derive("pleaseletmein"u8, "SodiumChloride"u8, logN: 14, r: 8, p: 1, length: 64);
        Assert.Equal(
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
            Convert.ToHexStringLower(key.Span));
    }
}
