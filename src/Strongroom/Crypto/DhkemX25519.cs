using Strongroom.Bytes;

namespace Strongroom.Crypto;

/// <summary>DHKEM(X25519, HKDF-SHA256).</summary>
internal sealed unsafe class DhkemX25519 : Dhkem
{
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

    internal override byte[] PublicBytes(nint key)
    {
        var bytes = new byte[32];
        var length = (nuint)bytes.Length;
        fixed (byte* b = bytes) Libcrypto.Require(Libcrypto.EVP_PKEY_get_raw_public_key(key, b, &length));
        return bytes;
    }
}
