using Strongroom.Bytes;

namespace Strongroom.Crypto;

/// <summary>DHKEM(X25519, HKDF-SHA256).</summary>
internal sealed unsafe class DhkemX25519 : Dhkem
{
    /// <summary>u of the points whose order divides 8, little-endian (curve: RFC 7748 section 4.1): what is agreed with them is zero.</summary>
    private static readonly byte[][] SmallOrder =
    [
        Convert.FromHexString("0000000000000000000000000000000000000000000000000000000000000000"),
        Convert.FromHexString("0100000000000000000000000000000000000000000000000000000000000000"),
        Convert.FromHexString("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        Convert.FromHexString("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        Convert.FromHexString("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ];

    internal override string Name => "x25519";

    internal override ushort Id => 0x0020;

    internal override int PublicKeySizeInBytes => 32;

    internal override Secret DeriveKey(ReadOnlySpan<byte> seed)
    {
        using var key = LabeledExtract("dkp_prk", seed);
        return LabeledExpand(key, "sk", [], 32);
    }

    internal override nint LoadPrivate(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != 32) return 0;
        fixed (byte* b = bytes) return Libcrypto.EVP_PKEY_new_raw_private_key(Libcrypto.X25519, 0, b, 32);
    }

    internal override nint LoadPublic(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != 32) return 0;
        fixed (byte* b = bytes) return Libcrypto.EVP_PKEY_new_raw_public_key(Libcrypto.X25519, 0, b, 32);
    }

    /// <remarks>RFC 7748 takes coordinates of p and more, and ignores the last bit: each such spelling would be one more recipient, and one more release, for the same key.</remarks>
    internal override string? Fault(ReadOnlySpan<byte> publicKey)
    {
        if (publicKey[^1] > 0x7f || (publicKey[0] >= 0xed && !publicKey[1..^1].ContainsAnyExcept((byte)0xff) && publicKey[^1] == 0x7f)) return "an X25519 public key is written with a coordinate below p";
        foreach (var small in SmallOrder)
            if (publicKey.SequenceEqual(small)) return "an X25519 public key of small order is nobody's";
        return null;
    }

    internal override byte[] PublicBytes(nint key)
    {
        var bytes = new byte[32];
        var length = (nuint)bytes.Length;
        fixed (byte* b = bytes) Libcrypto.Require(Libcrypto.EVP_PKEY_get_raw_public_key(key, b, &length));
        return bytes;
    }
}
