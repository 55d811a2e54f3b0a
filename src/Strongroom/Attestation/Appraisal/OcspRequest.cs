using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Strongroom.Attestation.Appraisal;

/// <summary>A question about one certificate (OCSP, RFC 6960 section 4.1.1), without a nonce: a stored answer answers nobody's.</summary>
internal static class OcspRequest
{
    private const string Sha384 = "2.16.840.1.101.3.4.2.2";

    /// <summary>Where a GET asks it (RFC 6960 appendix A.1).</summary>
    public static string Address(string responder, X509Certificate2 certificate, X509Certificate2 issuer) => $"{responder}/{Uri.EscapeDataString(Convert.ToBase64String(For(certificate, issuer)))}";

    public static byte[] For(X509Certificate2 certificate, X509Certificate2 issuer)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence()) // OCSPRequest
        using (writer.PushSequence()) // TBSRequest
        using (writer.PushSequence()) // requestList
        using (writer.PushSequence()) // Request
        using (writer.PushSequence()) // CertID
        {
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(Sha384);
                writer.WriteNull();
            }
            writer.WriteOctetString(SHA384.HashData(issuer.SubjectName.RawData));
            writer.WriteOctetString(SHA384.HashData(issuer.PublicKey.EncodedKeyValue.RawData));
            writer.WriteInteger(certificate.SerialNumberBytes.Span);
        }
        return writer.Encode();
    }
}
