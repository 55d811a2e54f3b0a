using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Sealing;

namespace Strongroom.Tests.Crypto;

/// <summary>libcrypto reads and writes as many bytes as it is told; a length that is wrong is found before it is called, as the mistake that it is.</summary>
public sealed class SizesTests
{
    [Theory]
    [InlineData(0), InlineData(31), InlineData(33), InlineData(64)]
    public void An_Ed25519_seed_has_32_bytes(int length) => Assert.Throws<ArgumentException>(() => Ed25519PrivateKey.FromSeed(new byte[length]));

    [Theory]
    [InlineData(0), InlineData(63), InlineData(65)]
    public void An_Ed25519_signature_has_64_bytes(int length)
    {
        using var key = Ed25519PrivateKey.FromSeed(new byte[32]);
        byte[] signature = [.. key.Sign([]), 0];
        Assert.False(key.PublicKey.Verify([], signature.AsSpan(0, length)));
    }

    [Theory]
    [InlineData(31), InlineData(33)]
    public void HKDF_extracts_as_much_as_the_hash_has(int length) =>
        Assert.Throws<ArgumentException>(() => Hkdf.Extract(HashAlgorithmName.SHA256, [], new byte[32], new byte[length]));

    [Fact]
    public void HKDF_expands_to_255_hashes_at_most()
    {
        Hkdf.Expand(HashAlgorithmName.SHA256, new byte[32], [], new byte[255 * 32]);
        Assert.Throws<ArgumentException>(() => Hkdf.Expand(HashAlgorithmName.SHA256, new byte[32], [], new byte[(255 * 32) + 1]));
    }

    [Theory]
    [InlineData(0, 8, 1), InlineData(23, 8, 1), InlineData(10, 0, 1), InlineData(10, 33, 1), InlineData(10, 8, 0), InlineData(10, 8, 17)]
    public void Scrypt_takes_no_more_of_the_machine_than_a_key_is_worth(int logN, int r, int p) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Scrypt.Derive("passphrase"u8, new byte[16], logN, r, p, 32));

    [Theory, InlineData("x25519", 32), InlineData("p256", 65)]
    public void An_HPKE_message_holds_a_key_a_byte_and_a_tag(string kem, int encapsulated)
    {
        using var key = HpkePrivateKey.Generate(kem);
        for (var length = 0; length <= encapsulated + 16; length++)
        {
            var cut = new byte[length];
            Assert.Throws<MalformedException>(() => Hpke.Open(key, [], [], cut));
        }
    }

    [Theory]
    [InlineData(""), InlineData("x25519"), InlineData("AAAA"), InlineData(":"), InlineData("x25519:")]
    public void An_HPKE_key_is_a_kind_a_colon_and_a_key(string text) => Assert.Throws<MalformedException>(() => HpkePublicKey.Parse(text));

    [Theory]
    [InlineData(31), InlineData(33)]
    public void A_model_key_has_32_bytes(int length)
    {
        using var key = new Secret(length);
        Assert.Throws<ArgumentException>(() => ContentKeys.Derive(key, Identity()));
    }

    private static FileIdentity Identity()
    {
        using var publisher = Ed25519PrivateKey.FromSeed(new byte[32]);
        return new(publisher.PublicKey, "model", 1, "a");
    }
}
