using System.Security.Cryptography;
using Strongroom.Crypto;

namespace Strongroom.Tests.Crypto;

/// <summary>libcrypto writes where it is told to: what is not exactly as long as it must be never gets there.</summary>
public sealed class Aes256GcmTests
{
    private readonly byte[] nonce = new byte[Aes256Gcm.NonceSizeInBytes];

    [Theory]
    [InlineData(0), InlineData(16), InlineData(31), InlineData(33)]
    public void Refuses_a_key_of_another_length(int length) => Assert.Throws<ArgumentException>(() => new Aes256Gcm(new byte[length]));

    [Theory]
    [InlineData(0), InlineData(11), InlineData(13)]
    public void Refuses_a_nonce_of_another_length(int length)
    {
        using var cipher = new Aes256Gcm(new byte[32]);
        Assert.Throws<ArgumentException>(() => cipher.Encrypt(new byte[length], new byte[4], new byte[20]));
        Assert.Throws<ArgumentException>(() => cipher.TryDecrypt(new byte[length], new byte[20], new byte[4]));
    }

    [Theory]
    [InlineData(4, 19), InlineData(4, 21), InlineData(0, 15), InlineData(0, 17), InlineData(20, 4)]
    public void Refuses_an_output_that_is_not_exactly_a_tag_longer(int plain, int output)
    {
        using var cipher = new Aes256Gcm(new byte[32]);
        Assert.Throws<ArgumentException>(() => cipher.Encrypt(nonce, new byte[plain], new byte[output]));
        Assert.Throws<ArgumentException>(() => cipher.TryDecrypt(nonce, new byte[output], new byte[plain]));
    }

    [Fact]
    public void Says_in_both_ways_that_a_bit_was_changed()
    {
        using var cipher = new Aes256Gcm(new byte[32]);
        var output = new byte[20];
        cipher.Encrypt(nonce, "text"u8, output);
        output[0] ^= 1;
        Assert.False(cipher.TryDecrypt(nonce, output, new byte[4]));
        Assert.Throws<AuthenticationTagMismatchException>(() => cipher.Decrypt(nonce, output, new byte[4]));
    }

    [Fact]
    public void Cannot_be_used_after_it_was_disposed()
    {
        var cipher = new Aes256Gcm(new byte[32]);
        cipher.Dispose();
        cipher.Dispose();
        Assert.Throws<ObjectDisposedException>(() => cipher.Encrypt(nonce, new byte[4], new byte[20]));
    }
}
