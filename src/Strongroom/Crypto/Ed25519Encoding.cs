namespace Strongroom.Crypto;

/// <summary>
/// Which 32 bytes may be somebody's key. libcrypto takes any of them, and under a key of small order one signature can hold for many messages: whoever
/// enrolled it could not be held to what they signed. A coordinate of p or more would give one key two spellings, and with them two people.
/// </summary>
internal static class Ed25519Encoding
{
    /// <summary>y of the eight points whose order divides 8, little-endian (curve: RFC 8032 section 5.1). The sign of x, the last bit, may be either.</summary>
    private static readonly byte[][] SmallOrder =
    [
        Convert.FromHexString("0100000000000000000000000000000000000000000000000000000000000000"), // order 1
        Convert.FromHexString("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"), // order 2
        Convert.FromHexString("0000000000000000000000000000000000000000000000000000000000000000"), // order 4, both signs
        Convert.FromHexString("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), // order 8, both signs
        Convert.FromHexString("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), // order 8, both signs
    ];

    /// <summary>Why these bytes are nobody's key; null if they may be one. Not asked: whether they are a point at all, for no signature holds under what is none.</summary>
    public static string? Fault(ReadOnlySpan<byte> key)
    {
        if (key.Length != Ed25519PublicKey.SizeInBytes) return "an Ed25519 public key has 32 bytes";
        Span<byte> y = stackalloc byte[Ed25519PublicKey.SizeInBytes];
        key.CopyTo(y);
        y[^1] &= 0x7f;
        if (y[0] >= 0xed && !y[1..^1].ContainsAnyExcept((byte)0xff) && y[^1] == 0x7f) return "an Ed25519 public key is written with a coordinate below p";
        foreach (var small in SmallOrder)
            if (y.SequenceEqual(small)) return "an Ed25519 public key of small order is nobody's";
        return null;
    }
}
