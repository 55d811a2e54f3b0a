using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Tests.Crypto;

/// <summary>RFC 9180: appendix A, the RFC's test-vector file for AES-256-GCM, and what must not open.</summary>
public sealed class HpkeTests
{
    private static readonly byte[] Info = "Ode on a Grecian Urn"u8.ToArray();
    private static readonly byte[] Aad = "Count-0"u8.ToArray();
    private static readonly byte[] Plaintext = "Beauty is truth, truth beauty"u8.ToArray();

    public static TheoryData<string, int, string, string, string, string, string> Vectors => new()
    {
        // appendix A.1.1
        {
            "x25519", 1, "7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234",
            "6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037",
            "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
            "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
            "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"
        },
        // appendix A.3.1
        {
            "p256", 1, "4270e54ffd08d79d5928020af4686d8f6b7d35dbe470265f1f5aa22816ce860e",
            "668b37171f1072f3cf12ea8a236a45df23fc13b82af3609ad1e354f6ef817550",
            "04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a826a779b4cf969b8a0e539c7f62fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0",
            "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4",
            "5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434"
        },
        // the test-vectors.json that the RFC names: mode 0, KEM 0x0020, KDF 0x0001, AEAD 0x0002
        {
            "x25519", 2, "2cd7c601cefb3d42a62b04b7a9041494c06c7843818e0ce28a8f704ae7ab20f9",
            "dac33b0e9db1b59dbbea58d59a14e7b5896e9bdf98fad6891e99d1686492b9ee",
            "430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c",
            "6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256",
            "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a"
        },
    };

    [Theory, MemberData(nameof(Vectors))]
    public void Gives_the_bytes_of_the_RFC(string kem, int aead, string ephemeralSeed, string seed, string publicKey, string encapsulated, string ciphertext)
    {
        using var ephemeral = HpkePrivateKey.Derive(Dhkem.Named(kem), Convert.FromHexString(ephemeralSeed));
        using var key = HpkePrivateKey.Derive(Dhkem.Named(kem), Convert.FromHexString(seed));
        var cipher = aead == 1 ? Hpke.Aead.Aes128Gcm : Hpke.Aead.Aes256Gcm;
        Assert.Equal(publicKey, Convert.ToHexStringLower(key.PublicKey.Span));
        var output = Hpke.Seal(key.PublicKey, Info, Aad, Plaintext, ephemeral, cipher);
        Assert.Equal(encapsulated + ciphertext, Convert.ToHexStringLower(output));
        using var opened = Hpke.Open(key, Info, Aad, output, cipher);
        Assert.Equal(Plaintext, opened.Span);
    }

    [Theory, InlineData("x25519"), InlineData("p256")]
    public void Opens_what_was_sealed_and_never_seals_alike_twice(string kem)
    {
        using var key = HpkePrivateKey.Generate(kem);
        var first = Hpke.Seal(key.PublicKey, Info, Aad, Plaintext);
        using var opened = Hpke.Open(key, Info, Aad, first);
        Assert.Equal(Plaintext, opened.Span);
        Assert.NotEqual(first, Hpke.Seal(key.PublicKey, Info, Aad, Plaintext));
    }

    [Theory, InlineData("x25519"), InlineData("p256")]
    public void Refuses_any_flipped_bit(string kem)
    {
        using var key = HpkePrivateKey.Generate(kem);
        var output = Hpke.Seal(key.PublicKey, Info, Aad, Plaintext);
        for (var bit = 0; bit < output.Length * 8; bit++)
        {
            output[bit / 8] ^= (byte)(1 << (bit % 8));
            // the top bit of an X25519 key is ignored by RFC 7748, but it is in the KEM's context
            Assert.Throws<AuthenticationTagMismatchException>(() => Hpke.Open(key, Info, Aad, output));
            output[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Refuses_another_info_another_aad_and_another_key()
    {
        using var key = HpkePrivateKey.Generate();
        using var other = HpkePrivateKey.Generate();
        var output = Hpke.Seal(key.PublicKey, Info, Aad, Plaintext);
        Assert.Throws<AuthenticationTagMismatchException>(() => Hpke.Open(key, Aad, Aad, output));
        Assert.Throws<AuthenticationTagMismatchException>(() => Hpke.Open(key, Info, Info, output));
        Assert.Throws<AuthenticationTagMismatchException>(() => Hpke.Open(other, Info, Aad, output));
    }

    [Fact]
    public void Refuses_a_truncated_message_at_every_byte()
    {
        using var key = HpkePrivateKey.Generate();
        var output = Hpke.Seal(key.PublicKey, Info, Aad, Plaintext);
        for (var length = 0; length < output.Length; length++)
        {
            var cut = output[..length];
            Assert.ThrowsAny<Exception>(() => Hpke.Open(key, Info, Aad, cut));
        }
    }

    [Fact]
    public void Refuses_public_keys_of_small_order_and_off_the_curve()
    {
        Assert.Throws<MalformedException>(() => HpkePublicKey.From("x25519", new byte[32]));
        var point = new byte[65];
        point[0] = 4;
        point[64] = 1;
        Assert.Throws<MalformedException>(() => HpkePublicKey.From("p256", point));
        Assert.Throws<MalformedException>(() => HpkePublicKey.From("p256", new byte[65]));
        Assert.Throws<MalformedException>(() => HpkePublicKey.From("p521", new byte[133]));
    }

    [Fact]
    public void Takes_exactly_the_x25519_keys_that_agree_on_something_and_are_written_in_their_one_way()
    {
        var p = BigInteger.Pow(2, 255) - 19;
        var (taken, small, respelled) = (0, 0, 0);
        foreach (var (_, test) in Wycheproof.Read("x25519_test.json"))
        {
            var key = test.Hex("public");
            var canonical = new BigInteger(key, isUnsigned: true) < p;
            var zero = test.HasFlag("ZeroSharedSecret"); // the verdict is the vectors', not our table's
            if (canonical && !zero) Assert.Equal(key, HpkePublicKey.From("x25519", key).Span);
            else Assert.Throws<MalformedException>(() => HpkePublicKey.From("x25519", key));
            if (!canonical) respelled++;
            else if (zero) small++;
            else taken++;
        }
        Assert.True(taken > 400 && small >= 5 && respelled > 5, $"{taken} taken, {small} of small order, {respelled} respelled");
    }

    [Theory, InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")]
    public void Refuses_private_scalars_out_of_range(string scalar) =>
        Assert.Throws<MalformedException>(() => HpkePrivateKey.From("p256", Convert.FromHexString(scalar)));

    [Theory, InlineData("x25519"), InlineData("p256")]
    public void Public_keys_have_one_spelling(string kem)
    {
        using var key = HpkePrivateKey.Generate(kem);
        var text = key.PublicKey.ToString();
        Assert.Equal(key.PublicKey, HpkePublicKey.Parse(text));
        Assert.StartsWith(kem + ":", text, StringComparison.Ordinal);
        foreach (var wrong in new[] { text + "=", text.Replace(':', '-'), kem.ToUpperInvariant() + text[kem.Length..], text.TrimEnd('='), text + "\n" }.Where(each => each != text))
            Assert.Throws<MalformedException>(() => HpkePublicKey.Parse(wrong));
    }
}
