using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Attestation.Tpm;

/// <summary>
/// A TPM's public key, TPM2B_PUBLIC (TPM 2.0 part 2, section 12.2.5): RSA with 2048 to 4096 bits and exponent 65537, or ECC on P-256 or P-384.
/// What parses is written back to the same bytes.
/// </summary>
public sealed record TpmPublic
{
    /// <summary>A TPMT_PUBLIC of the kinds that we read is far smaller.</summary>
    internal const int MaxSizeInBytes = 1024;

    private const ushort Aes128Bits = 128;

    private TpmPublic()
    {
    }

    /// <summary><see cref="TpmAlgorithm.Rsa"/> or <see cref="TpmAlgorithm.Ecc"/>.</summary>
    public required TpmAlgorithm Type { get; init; }

    /// <summary>Hash of the name.</summary>
    public required TpmAlgorithm NameHash { get; init; }

    public required TpmAttributes Attributes { get; init; }

    /// <summary>Digest of the policy that authorises the key's use; empty for none.</summary>
    public required ReadOnlyMemory<byte> Policy { get; init; }

    /// <summary>True for a storage key, which protects its children with AES-128-CFB.</summary>
    public required bool HasAes128 { get; init; }

    /// <summary>The one signing scheme that a restricted key allows, or <see cref="TpmAlgorithm.Null"/>.</summary>
    public required TpmAlgorithm Scheme { get; init; }

    /// <summary>Hash of <see cref="Scheme"/>; <see cref="TpmAlgorithm.Null"/> where that is.</summary>
    public required TpmAlgorithm SchemeHash { get; init; }

    /// <summary>Size in bits of the modulus or of the field.</summary>
    public required int Bits { get; init; }

    /// <summary>RSA: the modulus; ECC: the x coordinate. Big-endian.</summary>
    public required ReadOnlyMemory<byte> X { get; init; }

    /// <summary>ECC: the y coordinate; empty for RSA.</summary>
    public required ReadOnlyMemory<byte> Y { get; init; }

    /// <summary>The name that the TPM binds things to: algorithm and hash of the public area (TPM 2.0 part 1, section 16).</summary>
    public byte[] Name() => new ByteWriter().U16((ushort)NameHash).Bytes(NameHash.Hash(Area())).ToArray();

    /// <exception cref="MalformedException">Not exactly one TPM2B_PUBLIC of a kind named above.</exception>
    public static TpmPublic Parse(ReadOnlySpan<byte> bytes)
    {
        var outer = new ByteReader(bytes);
        var area = new ByteReader(outer.Sized16("the public area", MaxSizeInBytes));
        outer.End("TPM2B_PUBLIC");

        var type = (TpmAlgorithm)area.U16("type");
        if (type is not (TpmAlgorithm.Rsa or TpmAlgorithm.Ecc)) throw new MalformedException(area.Offset, "the key is neither RSA nor ECC");
        var nameHash = TpmHash.ReadHash(ref area, "name algorithm");
        var attributes = (TpmAttributes)area.U32("attributes");
        if ((attributes & ~TpmAttributes.Known) != 0) throw new MalformedException(area.Offset, "reserved attributes are set");
        var policy = area.Sized16("policy", 64).ToArray();
        var hasAes128 = ReadSymmetric(ref area);
        var (scheme, schemeHash) = ReadScheme(ref area, type);
        var bits = type == TpmAlgorithm.Rsa ? ReadRsaBits(ref area) : ReadCurveBits(ref area);
        var x = area.Sized16(type == TpmAlgorithm.Rsa ? "modulus" : "x", bits / 8).ToArray();
        var y = type == TpmAlgorithm.Rsa ? [] : area.Sized16("y", bits / 8).ToArray();
        area.End("TPMT_PUBLIC");
        return new()
        {
            Type = type, NameHash = nameHash, Attributes = attributes, Policy = policy, HasAes128 = hasAes128,
            Scheme = scheme, SchemeHash = schemeHash, Bits = bits, X = x, Y = y,
        };
    }

    /// <summary>The TPM2B_PUBLIC.</summary>
    public byte[] ToBytes() => new ByteWriter().Sized16(Area()).ToArray();

    /// <summary>A template: the key's shape, with an empty place for the key itself.</summary>
    public static TpmPublic Rsa(TpmAttributes attributes, ReadOnlyMemory<byte> policy, bool hasAes128, TpmAlgorithm scheme, int bits = 2048) => new()
    {
        Type = TpmAlgorithm.Rsa, NameHash = TpmAlgorithm.Sha256, Attributes = attributes, Policy = policy, HasAes128 = hasAes128,
        Scheme = scheme, SchemeHash = HashOf(scheme), Bits = bits, X = Array.Empty<byte>(), Y = Array.Empty<byte>(),
    };

    /// <inheritdoc cref="Rsa"/>
    public static TpmPublic P256(TpmAttributes attributes, ReadOnlyMemory<byte> policy, bool hasAes128, TpmAlgorithm scheme) => new()
    {
        Type = TpmAlgorithm.Ecc, NameHash = TpmAlgorithm.Sha256, Attributes = attributes, Policy = policy, HasAes128 = hasAes128,
        Scheme = scheme, SchemeHash = HashOf(scheme), Bits = 256, X = Array.Empty<byte>(), Y = Array.Empty<byte>(),
    };

    /// <summary>Whether this key made <paramref name="signature"/> over exactly these bytes; false too for a key that is no key.</summary>
    public bool Verifies(ReadOnlySpan<byte> data, TpmSignature signature)
    {
        try
        {
            switch (Type, signature.Scheme)
            {
                case (TpmAlgorithm.Ecc, TpmAlgorithm.EcDsa):
                    using (var key = ECDsa.Create(Ecc()))
                        return signature.Fixed(Bits / 8) is { } fixedSize && key.VerifyData(data, fixedSize, signature.Hash.Name());
                case (TpmAlgorithm.Rsa, TpmAlgorithm.RsaSsa):
                    using (var key = RSA.Create(Rsa()))
                        return key.VerifyData(data, signature.R.Span, signature.Hash.Name(), RSASignaturePadding.Pkcs1);
                case (TpmAlgorithm.Rsa, TpmAlgorithm.RsaPss): // TPMs salt with the hash's length or with the longest (TPM 2.0 part 1, annex B.7)
                    using (var key = new RsaPublicKey(Rsa()))
                        return key.VerifyPss(signature.Hash.Hash(data), signature.R.Span, signature.Hash.Name());
                default:
                    return false;
            }
        }
        catch (CryptographicException)
        {
            return false; // no point of the curve, or no modulus: the key is the enrolled one, so this is a refusal and not a parser's business
        }
    }

    internal ECParameters Ecc() => new()
    {
        Curve = Bits == 256 ? ECCurve.NamedCurves.nistP256 : ECCurve.NamedCurves.nistP384,
        Q = new() { X = Padded(X, Bits / 8), Y = Padded(Y, Bits / 8) },
    };

    internal RSAParameters Rsa() => new() { Modulus = X.ToArray(), Exponent = [1, 0, 1] };

    /// <summary>TPMT_PUBLIC.</summary>
    private byte[] Area()
    {
        var area = new ByteWriter().U16((ushort)Type).U16((ushort)NameHash).U32((uint)Attributes).Sized16(Policy.Span);
        if (HasAes128) area.U16((ushort)TpmAlgorithm.Aes).U16(Aes128Bits).U16((ushort)TpmAlgorithm.Cfb);
        else area.U16((ushort)TpmAlgorithm.Null);
        area.U16((ushort)Scheme);
        if (Scheme != TpmAlgorithm.Null) area.U16((ushort)SchemeHash);
        if (Type == TpmAlgorithm.Rsa) return area.U16((ushort)Bits).U32(0).Sized16(X.Span).ToArray();
        return area.U16(Bits == 256 ? CurveP256 : CurveP384).U16((ushort)TpmAlgorithm.Null).Sized16(X.Span).Sized16(Y.Span).ToArray();
    }

    private const ushort CurveP256 = 3;
    private const ushort CurveP384 = 4;

    private static TpmAlgorithm HashOf(TpmAlgorithm scheme) => scheme == TpmAlgorithm.Null ? TpmAlgorithm.Null : TpmAlgorithm.Sha256;

    private static byte[] Padded(ReadOnlyMemory<byte> number, int size) => [.. new byte[size - number.Length], .. number.Span];

    private static bool ReadSymmetric(ref ByteReader area)
    {
        var algorithm = (TpmAlgorithm)area.U16("symmetric algorithm");
        if (algorithm == TpmAlgorithm.Null) return false;
        if (algorithm == TpmAlgorithm.Aes && area.U16("AES key bits") == Aes128Bits && (TpmAlgorithm)area.U16("AES mode") == TpmAlgorithm.Cfb) return true;
        throw new MalformedException(area.Offset, "the symmetric algorithm is not AES-128-CFB");
    }

    private static (TpmAlgorithm Scheme, TpmAlgorithm Hash) ReadScheme(ref ByteReader area, TpmAlgorithm type)
    {
        var scheme = (TpmAlgorithm)area.U16("scheme");
        if (scheme == TpmAlgorithm.Null) return (scheme, scheme);
        var fits = type == TpmAlgorithm.Ecc ? scheme == TpmAlgorithm.EcDsa : scheme is TpmAlgorithm.RsaSsa or TpmAlgorithm.RsaPss;
        return fits ? (scheme, TpmHash.ReadHash(ref area, "hash of the scheme")) : throw new MalformedException(area.Offset, "the scheme is not RSASSA, RSAPSS or ECDSA");
    }

    private static int ReadRsaBits(ref ByteReader area)
    {
        var bits = area.U16("key bits");
        if (bits is not (2048 or 3072 or 4096)) throw new MalformedException(area.Offset, $"an RSA key has 2048, 3072 or 4096 bits, not {bits}");
        return area.U32("exponent") == 0 ? bits : throw new MalformedException(area.Offset, "the exponent is not the default one, 65537, which is written as 0");
    }

    private static int ReadCurveBits(ref ByteReader area)
    {
        var bits = area.U16("curve") switch
        {
            CurveP256 => 256,
            CurveP384 => 384,
            _ => throw new MalformedException(area.Offset, "the curve is neither P-256 nor P-384"),
        };
        return (TpmAlgorithm)area.U16("kdf") == TpmAlgorithm.Null ? bits : throw new MalformedException(area.Offset, "the key has a key derivation scheme");
    }
}
