using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Tpm;

/// <summary>
/// The key that a TPM's maker put in and vouches for. Only <see cref="Check"/> makes one, from the maker's certificate alone: all of the key but its
/// number is the TCG's default template, so no public area that the machine sends is needed, or believed.
/// </summary>
public sealed class EndorsementKey
{
    private const string EndorsementKeyUsage = "2.23.133.8.1"; // tcg-kp-EKCertificate, TCG EK Credential Profile section 3.2.16

    private const TpmAttributes Attributes = TpmAttributes.FixedTpm | TpmAttributes.FixedParent | TpmAttributes.SensitiveDataOrigin
        | TpmAttributes.AdminWithPolicy | TpmAttributes.Restricted | TpmAttributes.Decrypt;

    /// <summary>PolicyA: whoever may use the endorsement hierarchy may use the key (TCG EK Credential Profile, annex B.3.3).</summary>
    private static readonly byte[] Policy = Convert.FromHexString("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa");

    private EndorsementKey(TpmPublic key, EndorsementPath path) => (Public, Path) = (key, path);

    /// <summary>Default template L-1: RSA 2048 (TCG EK Credential Profile, annex B.3.3). The zeros are part of it.</summary>
    public static TpmPublic RsaTemplate { get; } = TpmPublic.Rsa(Attributes, Policy, hasAes128: true, TpmAlgorithm.Null) with { X = new byte[256] };

    /// <summary>Default template L-2: ECC P-256 (annex B.3.4).</summary>
    public static TpmPublic EccTemplate { get; } = TpmPublic.P256(Attributes, Policy, hasAes128: true, TpmAlgorithm.Null) with { X = new byte[32], Y = new byte[32] };

    public TpmPublic Public { get; }

    /// <summary>How its certificate leads to a root: holds for longer than the instant for which it was asked.</summary>
    internal EndorsementPath Path { get; }

    /// <summary>The key of a certificate that leads to a recorded root; null, with every reason, when it does not.</summary>
    /// <param name="certificate">DER.</param>
    /// <param name="intermediates">DER; from anywhere, they only help to find the way.</param>
    /// <param name="roots">DER; self-signed certificates that two people recorded. Nothing else is trusted, nothing is fetched.</param>
    /// <param name="now">The time at which every certificate must be valid.</param>
    /// <param name="reasons">What was found wrong, numbered as in spec/evidence.md, "Enrolment".</param>
    /// <exception cref="MalformedException">One of the inputs is no certificate.</exception>
    public static EndorsementKey? Check(
        ReadOnlyMemory<byte> certificate, IEnumerable<ReadOnlyMemory<byte>> intermediates, IEnumerable<ReadOnlyMemory<byte>> roots, DateTimeOffset now, List<string> reasons)
    {
        using var leaf = Load(certificate);
        try
        {
            return Check(leaf, intermediates, roots, now, reasons);
        }
        catch (CryptographicException) // extensions and keys are decoded only when they are asked for
        {
            throw new MalformedException(-1, "an extension or the key of a certificate cannot be decoded");
        }
    }

    private static EndorsementKey? Check(
        X509Certificate2 leaf, IEnumerable<ReadOnlyMemory<byte>> intermediates, IEnumerable<ReadOnlyMemory<byte>> roots, DateTimeOffset now, List<string> reasons)
    {
        if (leaf.Extensions.DistinctBy(extension => extension.Oid?.Value).Count() != leaf.Extensions.Count)
            throw new MalformedException(-1, "an extension is in the certificate twice (RFC 5280 section 4.2)");
        var path = CheckChain(leaf, [.. intermediates.Select(Load)], [.. roots.Select(Load)], now, reasons);
        if (leaf.Extensions.OfType<X509EnhancedKeyUsageExtension>().SingleOrDefault() is not { } usage
            || !usage.EnhancedKeyUsages.Cast<Oid>().Any(oid => oid.Value == EndorsementKeyUsage))
            reasons.Add("E2 extended key usage: the certificate is not one for an endorsement key, 2.23.133.8.1");
        if (leaf.Extensions.OfType<X509BasicConstraintsExtension>().SingleOrDefault() is not { CertificateAuthority: false })
            reasons.Add("E3 basic constraints: the certificate does not say that its key is no authority");
        var key = KeyOf(leaf);
        var encrypts = key?.Type == TpmAlgorithm.Ecc ? X509KeyUsageFlags.KeyAgreement : X509KeyUsageFlags.KeyEncipherment;
        if (leaf.Extensions.OfType<X509KeyUsageExtension>().SingleOrDefault() is not { } use || (use.KeyUsages & encrypts) == 0
            || (use.KeyUsages & X509KeyUsageFlags.DigitalSignature) != 0)
            reasons.Add("E4 key usage: the certificate's key is not for encryption alone");
        if (key is null) reasons.Add("E6 key: the certificate's key is neither RSA with 2048 bits and exponent 65537 nor ECC on P-256");
        return reasons.Count == 0 ? new(key!, path) : null;
    }

    private static EndorsementPath CheckChain(X509Certificate2 leaf, X509Certificate2[] intermediates, X509Certificate2[] roots, DateTimeOffset now, List<string> reasons)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.ExtraStore.AddRange(intermediates);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck; // makers publish no lists that can be had offline: LIMITATIONS.md
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        chain.ChainPolicy.ApplicationPolicy.Add(new(EndorsementKeyUsage));
        try
        {
            if (!chain.Build(leaf) || chain.ChainElements.Count < 2)
                reasons.Add($"E1 chain: the certificate does not lead to a recorded root by the intermediates that came with it ({string.Join(", ", chain.ChainStatus.Select(status => status.Status).Distinct())})");
            foreach (var element in chain.ChainElements.SkipLast(1))
            {
                if (!CertificateSignature.IsStrong(element.Certificate))
                    reasons.Add($"E5 signature: {element.Certificate.SignatureAlgorithm.FriendlyName} is too weak");
            }
            return EndorsementPath.Of(chain.ChainElements);
        }
        finally
        {
            foreach (var certificate in chain.ChainElements.Select(element => element.Certificate).Concat(intermediates).Concat(roots)) certificate.Dispose();
        }
    }

    private static TpmPublic? KeyOf(X509Certificate2 certificate)
    {
        using var rsa = certificate.GetRSAPublicKey();
        if (rsa?.ExportParameters(false) is { Modulus.Length: 256, Exponent: [1, 0, 1] } found) return RsaTemplate with { X = found.Modulus };
        using var ecc = certificate.GetECDiffieHellmanPublicKey();
        return ecc?.ExportParameters(false) is { Curve.Oid.Value: "1.2.840.10045.3.1.7" } point ? EccTemplate with { X = point.Q.X!, Y = point.Q.Y! } : null;
    }

    private static X509Certificate2 Load(ReadOnlyMemory<byte> der)
    {
        if (!AsnDecoder.TryReadEncodedValue(der.Span, AsnEncodingRules.DER, out _, out _, out _, out var length) || length != der.Length)
            throw new MalformedException(0, "the certificate is not exactly one DER value");
        try
        {
            return X509CertificateLoader.LoadCertificate(der.Span);
        }
        catch (CryptographicException)
        {
            throw new MalformedException(0, "the DER value is no certificate");
        }
    }
}
