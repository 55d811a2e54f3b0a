using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Appraisal;

/// <summary>The shape that certificates, revocation lists and OCSP responses share: what was signed, the algorithm, the signature (RFC 5280 sections 4.1.1 and 5.1.1).</summary>
internal sealed class SignedDer
{
    private const string Pss = "1.2.840.113549.1.1.10";
    private const string Mgf1 = "1.2.840.113549.1.1.8";

    private readonly HashAlgorithmName hash;
    private readonly Func<X509Certificate2, ReadOnlySpan<byte>, ReadOnlySpan<byte>, HashAlgorithmName, bool> verify;

    private SignedDer(ReadOnlyMemory<byte> signed, byte[] algorithm, byte[] signature, string oid, HashAlgorithmName hash)
    {
        (Signed, Algorithm, Signature, this.hash) = (signed, algorithm, signature, hash);
        IsPss = oid == Pss;
        verify = IsPss ? (key, data, bytes, with) => Rsa(key, data, bytes, with, RSASignaturePadding.Pss)
            : oid.StartsWith("1.2.840.10045.", StringComparison.Ordinal) ? Ecdsa
            : (key, data, bytes, with) => Rsa(key, data, bytes, with, RSASignaturePadding.Pkcs1);
    }

    /// <summary>The bytes under the signature, as they came.</summary>
    public ReadOnlyMemory<byte> Signed { get; }

    /// <summary>AlgorithmIdentifier, DER. Inside what is signed it stands again and must be the same.</summary>
    public ReadOnlyMemory<byte> Algorithm { get; }

    public ReadOnlyMemory<byte> Signature { get; }

    /// <summary>RSASSA-PSS rather than PKCS #1 or ECDSA.</summary>
    public bool IsPss { get; }

    public HashAlgorithmName Hash => hash;

    /// <exception cref="MalformedException">Not exactly this shape, or signed by an algorithm that does not count: SHA-1 and weaker, RSASSA-PSS with two hashes.</exception>
    public static SignedDer Parse(ReadOnlyMemory<byte> der)
    {
        try
        {
            var reader = new AsnReader(der, AsnEncodingRules.DER);
            var outer = reader.ReadSequence();
            reader.ThrowIfNotEmpty();
            var signed = outer.ReadEncodedValue();
            var algorithm = outer.ReadEncodedValue().ToArray();
            var signature = outer.ReadBitString(out var unused);
            if (unused != 0) throw new MalformedException(-1, "a signature is whole bytes");
            outer.ThrowIfNotEmpty();
            var (oid, hash) = AlgorithmOf(algorithm);
            return new(signed, algorithm, signature, oid, hash);
        }
        catch (AsnContentException e)
        {
            throw new MalformedException(-1, $"not a signed DER value: {e.Message}");
        }
    }

    /// <summary>False also where the key is of another kind than the algorithm, or cannot be read.</summary>
    public bool IsSignedBy(X509Certificate2 signer)
    {
        try
        {
            return verify(signer, Signed.Span, Signature.Span, hash);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static (string Oid, HashAlgorithmName Hash) AlgorithmOf(ReadOnlyMemory<byte> algorithm)
    {
        var reader = new AsnReader(algorithm, AsnEncodingRules.DER).ReadSequence();
        var oid = reader.ReadObjectIdentifier();
        return (oid, oid switch
        {
            Pss => PssHash(reader.ReadSequence()),
            "1.2.840.113549.1.1.11" or "1.2.840.10045.4.3.2" => HashAlgorithmName.SHA256,
            "1.2.840.113549.1.1.12" or "1.2.840.10045.4.3.3" => HashAlgorithmName.SHA384,
            "1.2.840.113549.1.1.13" or "1.2.840.10045.4.3.4" => HashAlgorithmName.SHA512,
            _ => throw new MalformedException(-1, $"signatures by {oid} do not count here"),
        });
    }

    /// <summary>RFC 4055 section 3.1: hash, mask function with the same hash, salt as long as the hash; the defaults are SHA-1 and refused.</summary>
    private static HashAlgorithmName PssHash(AsnReader parameters)
    {
        var hash = HashOf(parameters.ReadSequence(new(TagClass.ContextSpecific, 0)).ReadSequence().ReadObjectIdentifier());
        var mask = parameters.ReadSequence(new(TagClass.ContextSpecific, 1)).ReadSequence();
        if (mask.ReadObjectIdentifier() != Mgf1 || HashOf(mask.ReadSequence().ReadObjectIdentifier()) != hash)
            throw new MalformedException(-1, "RSASSA-PSS with another mask than its hash's");
        var salt = parameters.ReadSequence(new(TagClass.ContextSpecific, 2)).ReadInteger();
        var length = hash == HashAlgorithmName.SHA256 ? 32 : hash == HashAlgorithmName.SHA384 ? 48 : 64;
        return salt == length ? hash : throw new MalformedException(-1, "RSASSA-PSS whose salt is not as long as its hash");
    }

    private static HashAlgorithmName HashOf(string oid) => oid switch
    {
        "2.16.840.1.101.3.4.2.1" => HashAlgorithmName.SHA256,
        "2.16.840.1.101.3.4.2.2" => HashAlgorithmName.SHA384,
        "2.16.840.1.101.3.4.2.3" => HashAlgorithmName.SHA512,
        _ => throw new MalformedException(-1, $"the hash {oid} does not count here"),
    };

    private static bool Rsa(X509Certificate2 signer, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature, HashAlgorithmName hash, RSASignaturePadding padding)
    {
        using var key = signer.GetRSAPublicKey();
        return key is { KeySize: >= 2048 and <= 8192 } && key.VerifyData(data, signature, hash, padding);
    }

    private static bool Ecdsa(X509Certificate2 signer, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature, HashAlgorithmName hash)
    {
        using var key = signer.GetECDsaPublicKey();
        return key is not null && key.VerifyData(data, signature, hash, DSASignatureFormat.Rfc3279DerSequence);
    }
}
