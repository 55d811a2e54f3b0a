using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace Strongroom.Attestation.Tpm;

/// <summary>Which signatures a maker's certificates may bear: RSA PKCS #1, RSASSA-PSS and ECDSA, each with SHA-256, SHA-384 or SHA-512.</summary>
internal static class CertificateSignature
{
    private const string Pss = "1.2.840.113549.1.1.10";

    private static readonly string[] Strong =
    [
        "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13",
        "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4",
    ];

    private static readonly string[] StrongHashes = ["2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3"];

    internal static bool IsStrong(X509Certificate2 certificate) =>
        certificate.SignatureAlgorithm.Value == Pss ? StrongHashes.Contains(PssHash(certificate.RawDataMemory)) : Strong.Contains(certificate.SignatureAlgorithm.Value);

    /// <summary>The name of RSASSA-PSS says nothing of its hash; its parameters do, and where they leave it out it is SHA-1 (RFC 4055 section 3.1). Null for SHA-1 and for what cannot be read.</summary>
    private static string? PssHash(ReadOnlyMemory<byte> der)
    {
        try
        {
            var certificate = new AsnReader(der, AsnEncodingRules.DER).ReadSequence();
            certificate.ReadEncodedValue(); // what is signed
            var algorithm = certificate.ReadSequence();
            algorithm.ReadObjectIdentifier();
            return algorithm.ReadSequence().ReadSequence(new(TagClass.ContextSpecific, 0)).ReadSequence().ReadObjectIdentifier();
        }
        catch (AsnContentException)
        {
            return null;
        }
    }
}
