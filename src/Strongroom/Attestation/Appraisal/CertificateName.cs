using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Strongroom.Attestation.Appraisal;

/// <summary>Names in certificates; each is decoded once for as long as somebody holds the certificate.</summary>
internal static class CertificateName
{
    private const string CommonName = "2.5.4.3";

    private static readonly ConditionalWeakTable<X509Certificate2, string> Known = [];

    /// <summary>The one common name of the subject; empty where there is none, or more, or none that can be read.</summary>
    public static string CommonOf(X509Certificate2 certificate) => Known.TryGetValue(certificate, out var known) ? known : Known.GetValue(certificate, Read);

    private static string Read(X509Certificate2 certificate)
    {
        try
        {
            var names = certificate.SubjectName.EnumerateRelativeDistinguishedNames().Where(name => !name.HasMultipleElements && name.GetSingleElementType().Value == CommonName).ToList();
            return names is [var only] ? only.GetSingleElementValue() ?? "" : "";
        }
        catch (CryptographicException)
        {
            return "";
        }
    }
}
