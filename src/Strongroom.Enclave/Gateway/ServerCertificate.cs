using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Strongroom.Enclave.Gateway;

/// <summary>
/// The enclave's TLS certificate: a P-256 key made at this start, in protected memory with the rest of libcrypto, self-signed. Clients pin it; whoever
/// needs a name in a public directory puts a TLS pass-through proxy in front, never one that terminates.
/// </summary>
public static class ServerCertificate
{
    /// <param name="names">Host names and addresses by which clients reach the enclave.</param>
    /// <param name="now">Valid from five minutes before.</param>
    public static X509Certificate2 Create(IEnumerable<string> names, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Strongroom enclave", key, HashAlgorithmName.SHA256);
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (var name in names.Distinct())
        {
            if (IPAddress.TryParse(name, out var address)) alternatives.AddIpAddress(address);
            else alternatives.AddDnsName(name);
        }
        request.CertificateExtensions.Add(alternatives.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.1")], false)); // id-kp-serverAuth
        return request.CreateSelfSigned(now.AddMinutes(-5), now.AddYears(1));
    }
}
