using System.Security.Cryptography;
using Strongroom.Attestation.Cose;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Cose;

public sealed class CoseSign1Tests
{
    /// <summary>The single-signer example of RFC 9052 appendix C.2.1, and the public key "11" of appendix C.7.</summary>
    private const string Example =
        "d28443a10126a10442313154546869732069732074686520636f6e74656e742e58408eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36";

    private static ECDsa ExampleKey => ECDsa.Create(new ECParameters
    {
        Curve = ECCurve.NamedCurves.nistP256,
        Q = new()
        {
            X = Convert.FromHexString("bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff"),
            Y = Convert.FromHexString("20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e"),
        },
    });

    [Fact]
    public void The_example_of_the_RFC_verifies()
    {
        using var key = ExampleKey;
        var message = CoseSign1.Parse(Convert.FromHexString(Example));
        Assert.True(message.IsTagged);
        Assert.Equal(CoseSign1.Es256, message.Algorithm);
        Assert.Equal("This is the content."u8, message.Payload.Span);
        Assert.True(message.IsSignedBy(key));
        Assert.Equal(Example, Convert.ToHexStringLower(message.ToBytes()));
    }

    [Fact]
    public void Rejects_any_flipped_bit_of_what_is_signed()
    {
        using var key = ExampleKey;
        var good = Convert.FromHexString(Example);
        foreach (var at in Enumerable.Range(3, 3).Concat(Enumerable.Range(12, good.Length - 12)))
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var bytes = good.ToArray();
                bytes[at] ^= (byte)(1 << bit);
                try
                {
                    Assert.False(CoseSign1.Parse(bytes).IsSignedBy(key));
                }
                catch (MalformedException)
                {
                }
            }
        }
    }

    [Fact]
    public void Rejects_a_key_of_another_curve_than_the_algorithms()
    {
        // ES256 says P-256 here; a P-384 key could make a signature with SHA-256 that other readers take.
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        byte[] header = [0xA1, 0x01, 0x26];
        var signature = key.SignData(CoseSign1.ToBeSigned(header, [1]), HashAlgorithmName.SHA256);
        Assert.False(Parse(header, [0xA0], signature).IsSignedBy(key));
    }

    /// <summary>Looking each of them up among all the others would take minutes of a million; the test counts comparisons by their time, generously.</summary>
    [Fact]
    public void Very_many_labels_in_both_headers_are_compared_in_one_pass()
    {
        const int count = 30_000;
        CborWriter Labels(int first)
        {
            var map = new CborWriter().Map(count);
            for (var i = 0; i < count; i++) map.Number(first + i).Number(0);
            return map;
        }
        var (signed, free) = (Labels(100).ToArray(), Labels(100 + count).ToArray());
        var message = new CborWriter().Array(4).Bytes(signed).Encoded(free).Bytes([1]).Bytes(new byte[64]).ToArray();
        var shortest = ThreadTime.Shortest(() => Assert.Equal(count, CoseSign1.Parse(message).UnprotectedHeader.Entries.Count));
        Assert.True(shortest < TimeSpan.FromMilliseconds(500), $"{shortest}");
    }

    [Fact]
    public void Rejects_an_algorithm_that_nobody_signed()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var message = Parse([], [0xA1, 0x01, 0x26], key.SignData(CoseSign1.ToBeSigned([], [1]), HashAlgorithmName.SHA256));
        Assert.Null(message.Algorithm);
        Assert.False(message.IsSignedBy(key));
    }

    [Theory]
    [InlineData("a0", "a0")] // an empty header has no bytes
    [InlineData("a10126", "a10126")] // in both headers
    [InlineData("a201260280", "a0")] // crit that names nothing
    [InlineData("a1012600", "a0")] // something follows the header
    [InlineData("a2012601f6", "a0")] // a label twice
    [InlineData("80", "a0")] // no map
    [InlineData("a10126", "80")]
    [InlineData("a10126", "40")]
    public void Refuses_headers_that_can_be_read_in_two_ways(string protectedHex, string unprotectedHex) =>
        Assert.Throws<MalformedException>(() => Parse(Convert.FromHexString(protectedHex), Convert.FromHexString(unprotectedHex), new byte[64]));

    [Fact]
    public void Refuses_a_payload_that_is_elsewhere() =>
        Assert.Throws<MalformedException>(() => CoseSign1.Parse(new CborWriter().Array(4).Bytes([0xA1, 0x01, 0x26]).Map(0).Null().Bytes(new byte[64]).ToArray()));

    [Fact]
    public void Tells_what_is_critical() => Assert.Equal(99, Assert.Single(Parse([0xA2, 0x01, 0x26, 0x02, 0x81, 0x18, 0x63], [0xA0], new byte[64]).Critical).I64("label"));

    private static CoseSign1 Parse(byte[] header, byte[] unprotected, byte[] signature) =>
        CoseSign1.Parse(new CborWriter().Array(4).Bytes(header).Encoded(unprotected).Bytes([1]).Bytes(signature).ToArray());
}
