using System.Security.Cryptography;
using Strongroom.Bytes;

namespace Strongroom.Crypto;

/// <summary>DHKEM(P-256, HKDF-SHA256).</summary>
internal sealed unsafe class DhkemP256 : Dhkem
{
    private static readonly byte[] Order = Convert.FromHexString("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");

    // DER around the 32 bytes of a private key (RFC 5915) and the 65 of an uncompressed point (RFC 5480): the sizes never vary
    private static readonly byte[] PrivatePrefix = Convert.FromHexString("30310201010420");
    private static readonly byte[] PrivateSuffix = Convert.FromHexString("A00A06082A8648CE3D030107");
    private static readonly byte[] PublicPrefix = Convert.FromHexString("3059301306072A8648CE3D020106082A8648CE3D030107034200");

    internal override string Name => "p256";

    internal override ushort Id => 0x0010;

    internal override int PublicKeySizeInBytes => 65;

    internal override Secret DeriveKey(ReadOnlySpan<byte> seed)
    {
        using var key = LabeledExtract("dkp_prk", seed);
        for (var counter = 0; counter < 256; counter++)
        {
            var candidate = LabeledExpand(key, "candidate", [(byte)counter], 32); // the bitmask for P-256 is 0xff
            if (IsScalar(candidate.Span)) return candidate;
            candidate.Dispose();
        }
        throw new CryptographicException("DeriveKeyPair found no key in 256 tries"); // probability 2^-8192
    }

    internal override nint LoadPrivate(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != 32 || !IsScalar(bytes)) return 0;
        using var der = new Secret(PrivatePrefix.Length + 32 + PrivateSuffix.Length);
        PrivatePrefix.CopyTo(der.Span);
        bytes.CopyTo(der.Span[PrivatePrefix.Length..]);
        PrivateSuffix.CopyTo(der.Span[(PrivatePrefix.Length + 32)..]);
        fixed (byte* d = der.Span)
        {
            var at = d;
            return Libcrypto.d2i_PrivateKey(Libcrypto.Ec, null, &at, der.Length);
        }
    }

    internal override nint LoadPublic(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != 65 || bytes[0] != 4) return 0; // uncompressed only: RFC 9180 section 7.1.1
        byte[] der = [.. PublicPrefix, .. bytes];
        fixed (byte* d = der)
        {
            var at = d;
            return Libcrypto.d2i_PUBKEY(null, &at, der.Length);
        }
    }

    internal override byte[] PublicBytes(nint key)
    {
        var der = new byte[PublicPrefix.Length + 65];
        fixed (byte* d = der)
        {
            var at = d;
            if (Libcrypto.i2d_PUBKEY(key, null) != der.Length || Libcrypto.i2d_PUBKEY(key, &at) != der.Length) throw new CryptographicException("not an uncompressed P-256 point");
        }
        return der[PublicPrefix.Length..];
    }

    private static bool IsScalar(ReadOnlySpan<byte> bytes) => bytes.SequenceCompareTo(Order) < 0 && bytes.ContainsAnyExcept((byte)0);
}
