using System.Security.Cryptography.X509Certificates;
using Strongroom.Bytes;

namespace Strongroom.Protocol;

/// <summary>
/// Whose TLS certificate is the broker's: the one with the pinned key. Names, issuers and dates are not looked at, because whoever can have a certificate
/// issued is not the broker; whoever holds the key is.
/// </summary>
public sealed record BrokerPin(Digest Key)
{
    /// <summary>SHA-256 of the certificate's SubjectPublicKeyInfo in DER (RFC 5280 section 4.1).</summary>
    public static BrokerPin Of(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return new(Digest.Of(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
    }

    /// <summary>For the validation callback of the program's HTTP handler; false without a certificate.</summary>
    public bool Matches(X509Certificate2? certificate) => certificate is not null && Of(certificate) == this;
}
