using System.Numerics;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Tests.Crypto;

/// <summary>The points of small order are computed here, on the curve -x^2 + y^2 = 1 + d x^2 y^2 over p (RFC 8032 section 5.1), and not taken from the table under test.</summary>
public sealed class Ed25519PublicKeyTests
{
    private static readonly BigInteger P = BigInteger.Pow(2, 255) - 19;
    private static readonly BigInteger Order = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493");
    private static readonly BigInteger D = Mod(-121665 * Inverse(121666));

    [Fact]
    public void Refuses_every_point_of_small_order()
    {
        var torsion = Torsion();
        Assert.Equal(8, torsion.Count);
        foreach (var (x, y) in torsion)
        {
            Assert.Equal("an Ed25519 public key of small order is nobody's", Refusal(Encode(x, y)));
            Assert.Equal("an Ed25519 public key of small order is nobody's", Refusal(Encode(x + 1, y))); // the other sign, where x = 0 a second spelling
        }
    }

    [Fact]
    public void Refuses_every_second_spelling_of_a_point()
    {
        for (var y = P; y < BigInteger.Pow(2, 255); y++)
            foreach (var sign in new BigInteger[] { 0, 1 })
                Assert.Equal("an Ed25519 public key is written with a coordinate below p", Refusal(Encode(sign, y)));
        Assert.Null(Refusal(Encode(0, P - 2)));
    }

    [Fact]
    public void Refuses_them_wherever_a_key_is_read()
    {
        var identity = Encode(0, 1);
        Assert.Throws<MalformedException>(() => Ed25519PublicKey.Parse(Convert.ToBase64String(identity)));
        var named = System.Security.Cryptography.SHA256.HashData([.. "example.org\n"u8, 1, .. identity])[..4]; // key id of C2SP signed-note
        var line = $"example.org+{Convert.ToHexStringLower(named)}+{Convert.ToBase64String([1, .. identity])}";
        Assert.Contains("small order", Assert.Throws<MalformedException>(() => Strongroom.Ledger.VerifierKey.Parse(line)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Takes_the_keys_that_are_made()
    {
        for (byte seed = 0; seed < 32; seed++)
        {
            using var key = Ed25519PrivateKey.FromSeed([.. Enumerable.Repeat(seed, 32)]);
            Assert.Equal(key.PublicKey, Ed25519PublicKey.From(key.PublicKey.Span));
        }
    }

    [Fact]
    public void Rejects_a_signature_whose_S_is_not_below_the_groups_order()
    {
        using var key = Ed25519PrivateKey.FromSeed(new byte[32]);
        var signature = key.Sign("message"u8);
        Assert.True(key.PublicKey.Verify("message"u8, signature));
        var raised = new BigInteger(signature.AsSpan(32), isUnsigned: true) + Order;
        Assert.True(raised.TryWriteBytes(signature.AsSpan(32), out _, isUnsigned: true));
        Assert.False(key.PublicKey.Verify("message"u8, signature));
    }

    private static string? Refusal(byte[] key)
    {
        try
        {
            Ed25519PublicKey.From(key);
            return null;
        }
        catch (MalformedException e)
        {
            return e.Message;
        }
    }

    /// <summary>Any point times the prime order is one of small order; enough points give all of them.</summary>
    private static HashSet<(BigInteger X, BigInteger Y)> Torsion() => [.. Enumerable.Range(2, 60).Select(y => Point(y)).OfType<(BigInteger, BigInteger)>().Select(point => Times(Order, point))];

    private static (BigInteger, BigInteger)? Point(BigInteger y)
    {
        var square = Mod((y * y - 1) * Inverse(D * y * y + 1));
        var x = BigInteger.ModPow(square, (P + 3) / 8, P);
        if (Mod(x * x) != square) x = Mod(x * BigInteger.ModPow(2, (P - 1) / 4, P));
        return Mod(x * x) == square ? (x, y) : null;
    }

    private static (BigInteger, BigInteger) Times(BigInteger scalar, (BigInteger, BigInteger) point)
    {
        (BigInteger, BigInteger) sum = (0, 1);
        for (; scalar > 0; scalar >>= 1)
        {
            if (!scalar.IsEven) sum = Add(sum, point);
            point = Add(point, point);
        }
        return sum;
    }

    private static (BigInteger, BigInteger) Add((BigInteger X, BigInteger Y) a, (BigInteger X, BigInteger Y) b)
    {
        var k = D * a.X * b.X * a.Y * b.Y;
        return (Mod((a.X * b.Y + b.X * a.Y) * Inverse(1 + k)), Mod((a.Y * b.Y + a.X * b.X) * Inverse(1 - k)));
    }

    private static byte[] Encode(BigInteger x, BigInteger y)
    {
        var bytes = new byte[32];
        y.TryWriteBytes(bytes, out _, isUnsigned: true);
        if (!x.IsEven) bytes[31] |= 0x80;
        return bytes;
    }

    private static BigInteger Mod(BigInteger value) => ((value % P) + P) % P;

    private static BigInteger Inverse(BigInteger value) => BigInteger.ModPow(Mod(value), P - 2, P);
}
