using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace Strongroom.Attestation.Appraisal;

/// <summary>Where an issuer's list of revoked certificates is published. Only the plainest form is read, one name that is a URI: the others name several lists, or parts of one.</summary>
internal static class DistributionPoint
{
    private const string OfCertificates = "2.5.29.31";

    private static readonly Asn1Tag First = new(TagClass.ContextSpecific, 0, isConstructed: true);
    private static readonly Asn1Tag Uri = new(TagClass.ContextSpecific, 6);

    /// <summary>The one URI of a certificate's extension (RFC 5280 section 4.2.1.13); null for another shape, or none.</summary>
    public static string? Of(X509Certificate2 certificate)
    {
        if (certificate.Extensions.FirstOrDefault(each => each.Oid?.Value == OfCertificates) is not { } extension) return null;
        try
        {
            var points = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            var point = points.ReadSequence();
            var uri = OneUri(point);
            return points.HasData || point.HasData ? null : uri;
        }
        catch (AsnContentException)
        {
            return null;
        }
    }

    /// <summary>The one URI of a list's extension (RFC 5280 section 5.2.5); null for another shape: some reasons, users' or authorities' certificates only, another issuer's.</summary>
    public static string? OfList(ReadOnlyMemory<byte> der)
    {
        try
        {
            var reader = new AsnReader(der, AsnEncodingRules.DER);
            var point = reader.ReadSequence();
            var uri = OneUri(point);
            return reader.HasData || point.HasData ? null : uri;
        }
        catch (AsnContentException)
        {
            return null;
        }
    }

    private static string? OneUri(AsnReader point)
    {
        var name = point.ReadSequence(First);
        var names = name.ReadSequence(First);
        var uri = names.ReadCharacterString(UniversalTagNumber.IA5String, Uri);
        return name.HasData || names.HasData ? null : uri;
    }
}
