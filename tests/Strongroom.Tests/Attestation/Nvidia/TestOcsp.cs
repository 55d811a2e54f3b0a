using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Strongroom.Tests.Attestation.Nvidia;

/// <summary>An OCSP responder.</summary>
internal sealed record TestOcsp
{
    /// <summary>0 good, 1 revoked, 2 unknown.</summary>
    public int Status { get; init; }

    public DateTimeOffset ThisUpdate { get; init; } = NvidiaVendor.Now.AddDays(-1);

    public DateTimeOffset? NextUpdate { get; init; } = NvidiaVendor.Now.AddDays(6);

    /// <summary>Who signs, where it is not the issuer itself.</summary>
    public Certified? By { get; init; }

    public bool CriticalExtension { get; init; }

    public byte[] Answer(X509Certificate2 certificate, X509Certificate2 issuer, ECDsa issuerKey)
    {
        var by = By ?? new(issuer, issuerKey);
        var data = Data(certificate, issuer, by.Certificate);
        var basic = new AsnWriter(AsnEncodingRules.DER);
        using (basic.PushSequence())
        {
            basic.WriteEncodedValue(data);
            using (basic.PushSequence()) basic.WriteObjectIdentifier("1.2.840.10045.4.3.3");
            basic.WriteBitString(by.Key.SignData(data, HashAlgorithmName.SHA384, DSASignatureFormat.Rfc3279DerSequence));
            using (basic.PushSequence(new(TagClass.ContextSpecific, 0)))
            using (basic.PushSequence()) basic.WriteEncodedValue(by.Certificate.RawData);
        }
        var response = new AsnWriter(AsnEncodingRules.DER);
        using (response.PushSequence())
        {
            response.WriteEnumeratedValue(Answered.Successful);
            using (response.PushSequence(new(TagClass.ContextSpecific, 0)))
            using (response.PushSequence())
            {
                response.WriteObjectIdentifier("1.3.6.1.5.5.7.48.1.1");
                response.WriteOctetString(basic.Encode());
            }
        }
        return response.Encode();
    }

    private enum Answered
    {
        Successful,
    }

    private byte[] Data(X509Certificate2 certificate, X509Certificate2 issuer, X509Certificate2 by)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence(new(TagClass.ContextSpecific, 1))) writer.WriteEncodedValue(by.SubjectName.RawData);
            writer.WriteGeneralizedTime(ThisUpdate, omitFractionalSeconds: true);
            using (writer.PushSequence())
            using (writer.PushSequence())
            {
                using (writer.PushSequence())
                {
                    using (writer.PushSequence()) writer.WriteObjectIdentifier("2.16.840.1.101.3.4.2.2");
                    writer.WriteOctetString(SHA384.HashData(issuer.SubjectName.RawData));
                    writer.WriteOctetString(SHA384.HashData(issuer.PublicKey.EncodedKeyValue.RawData));
                    writer.WriteInteger(certificate.SerialNumberBytes.Span);
                }
                if (Status == 1)
                {
                    using (writer.PushSequence(new(TagClass.ContextSpecific, 1))) writer.WriteGeneralizedTime(ThisUpdate, omitFractionalSeconds: true);
                }
                else writer.WriteNull(new(TagClass.ContextSpecific, Status));
                writer.WriteGeneralizedTime(ThisUpdate, omitFractionalSeconds: true);
                if (NextUpdate is { } next)
                {
                    using (writer.PushSequence(new(TagClass.ContextSpecific, 0))) writer.WriteGeneralizedTime(next, omitFractionalSeconds: true);
                }
            }
            if (CriticalExtension)
            {
                using (writer.PushSequence(new(TagClass.ContextSpecific, 1)))
                using (writer.PushSequence())
                using (writer.PushSequence())
                {
                    writer.WriteObjectIdentifier("1.2.3.4");
                    writer.WriteBoolean(true);
                    writer.WriteOctetString("?"u8);
                }
            }
        }
        return writer.Encode();
    }
}
