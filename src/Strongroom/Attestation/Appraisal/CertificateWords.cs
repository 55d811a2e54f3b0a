using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Appraisal;

/// <summary>A certificate that came along with evidence, as a field: its names for people, and its digest, so that no two that differ look the same.</summary>
internal static class CertificateWords
{
    public static EvidenceField Of(string name, X509Certificate2 certificate, string meaning, string? noticedBy)
    {
        try
        {
            var dates = $"{Timestamp.Format(certificate.NotBefore)} to {Timestamp.Format(certificate.NotAfter)}";
            return new(name, $"{certificate.Subject}, {dates}, SHA-256 {Sha256(certificate.RawData)}", $"Issued by {certificate.Issuer}; {meaning}", Policy: noticedBy, Covered: false);
        }
        catch (CryptographicException) // names and times are decoded only when they are asked for
        {
            return Broken(name, certificate.RawData, noticedBy);
        }
    }

    public static EvidenceField Of(string name, ReadOnlySpan<byte> der, string meaning, string? noticedBy)
    {
        try
        {
            using var certificate = X509CertificateLoader.LoadCertificate(der);
            return Of(name, certificate, meaning, noticedBy);
        }
        catch (CryptographicException)
        {
            return Broken(name, der, noticedBy);
        }
    }

    /// <summary>Bytes that nobody reads in full, told apart.</summary>
    public static string Sized(ReadOnlySpan<byte> bytes) => $"{bytes.Length} bytes, SHA-256 {Sha256(bytes)}";

    private static EvidenceField Broken(string name, ReadOnlySpan<byte> der, string? noticedBy) =>
        new(name, Sized(der), "no certificate that can be read", Danger: true, Policy: noticedBy, Covered: false);

    private static string Sha256(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
