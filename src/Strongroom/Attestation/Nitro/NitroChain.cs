using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Cose;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nitro;

/// <summary>
/// The certificates of a document as AWS orders them: the leaf, then the bundle backwards to its first, the root (AWS, Attestation Process, section 3.2.3). Each
/// reason is null where the certificates are right in that respect. Times are not judged here.
/// </summary>
internal sealed class NitroChain
{
    private const string BasicConstraints = "2.5.29.19";
    private const string KeyUsage = "2.5.29.15";
    private const string RevocationLists = "2.5.29.31";

    // A verification needs a key of its own: nothing says that one may be used by two threads at once.
    private readonly ConcurrentBag<ECDsa> keys = [];

    private NitroChain(X509Certificate2[] certificates, VendorRoots roots)
    {
        Path = new(certificates);
        Root = !roots.Holds(VendorRoots.AwsNitro, Path.Root) ? "the first certificate of the bundle does not have the pinned key: its root is a stranger's"
            : !IsSigned(Path.Root, Path.Root) ? "the first certificate of the bundle has the pinned key and did not sign itself: its words were changed" : null;
        Links = Linked();
        Extensions = Extended();
        Constraints = Constrained();
        Usage = Used();
    }

    public CertificatePath Path { get; }

    public string? Root { get; }

    public string? Links { get; }

    public string? Extensions { get; }

    public string? Constraints { get; }

    public string? Usage { get; }

    public bool Holds => (Root ?? Links ?? Extensions ?? Constraints ?? Usage) is null;

    /// <exception cref="MalformedException">Something among them is no certificate.</exception>
    public static NitroChain Read(NitroDocument document, VendorRoots roots)
    {
        try
        {
            var chain = new NitroChain([Load(document.Certificate), .. document.Bundle.Reverse().Select(Load)], roots);
            return chain.Path.Certificates.All(each => each.NotBefore <= each.NotAfter) ? chain : throw new MalformedException(-1, "a certificate ends before it begins");
        }
        catch (CryptographicException e)
        {
            throw new MalformedException(-1, $"a certificate cannot be read: {e.Message}"); // a name, a time, a key or an extension: they are decoded when they are asked for
        }
    }

    /// <summary>Whether the leaf's key made the signature.</summary>
    public bool Signed(CoseSign1 message)
    {
        if (!keys.TryTake(out var key)) key = LeafKey();
        if (key is null) return false;
        var signed = message.IsSignedBy(key);
        keys.Add(key);
        return signed;
    }

    public static bool NamesRevocationList(X509Certificate2 certificate) => certificate.Extensions.Any(each => each.Oid?.Value == RevocationLists);

    public static bool MaySignLists(X509Certificate2 certificate) => UsageOf(certificate).HasFlag(X509KeyUsageFlags.CrlSign);

    private ECDsa? LeafKey()
    {
        try
        {
            return Path.Leaf.GetECDsaPublicKey();
        }
        catch (CryptographicException)
        {
            return null; // a curve that nobody knows signs nothing
        }
    }

    private static X509Certificate2 Load(ReadOnlyMemory<byte> der)
    {
        try
        {
            var certificate = X509CertificateLoader.LoadCertificate(der.Span);
            return certificate.RawDataMemory.Span.SequenceEqual(der.Span) ? certificate : throw new MalformedException(-1, "bytes follow a certificate");
        }
        catch (CryptographicException e)
        {
            throw new MalformedException(-1, $"no certificate: {e.Message}");
        }
    }

    private static bool IsSigned(X509Certificate2 certificate, X509Certificate2 by)
    {
        try
        {
            return SignedDer.Parse(certificate.RawDataMemory).IsSignedBy(by);
        }
        catch (MalformedException)
        {
            return false; // an algorithm that does not count
        }
    }

    private string? Linked()
    {
        for (var i = 0; i + 1 < Path.Certificates.Count; i++)
        {
            var (subject, issuer) = (Path.Certificates[i], Path.Certificates[i + 1]);
            if (!subject.IssuerName.RawData.AsSpan().SequenceEqual(issuer.SubjectName.RawData)) return $"{subject.Subject} names another issuer than {issuer.Subject}";
            if (!IsSigned(subject, issuer)) return $"{subject.Subject} is not signed by {issuer.Subject}";
        }
        return Path.Certificates.Count > 1 ? null : "there is no certificate above the leaf";
    }

    /// <summary>A critical extension that is not understood may take back what the rest says, and of two alike each reader may see another.</summary>
    private string? Extended()
    {
        foreach (var each in Path.Certificates)
        {
            if (each.Extensions.FirstOrDefault(extension => extension.Critical && extension.Oid?.Value is not (BasicConstraints or KeyUsage)) is { } unknown)
                return $"{each.Subject} has the critical extension {unknown.Oid?.Value}";
            if (each.Extensions.DistinctBy(extension => extension.Oid?.Value).Count() != each.Extensions.Count) return $"{each.Subject} has an extension twice";
        }
        return null;
    }

    /// <summary>RFC 5280 section 4.2.1.9: every issuer is an authority, and not too many follow it.</summary>
    private string? Constrained()
    {
        if (Basic(Path.Leaf) is { CertificateAuthority: true } or { HasPathLengthConstraint: true }) return "the leaf is an authority";
        for (var i = 1; i < Path.Certificates.Count; i++)
        {
            var each = Path.Certificates[i];
            var basic = Basic(each);
            if (basic is not { CertificateAuthority: true, Critical: true }) return $"{each.Subject} is no authority";
            if (basic.HasPathLengthConstraint && basic.PathLengthConstraint < i - 1) return $"{each.Subject} allows {basic.PathLengthConstraint} authorities below it, there are {i - 1}";
        }
        return null;
    }

    private string? Used()
    {
        if (!UsageOf(Path.Leaf).HasFlag(X509KeyUsageFlags.DigitalSignature)) return "the leaf's key is not for signatures";
        if (UsageOf(Path.Leaf).HasFlag(X509KeyUsageFlags.KeyCertSign)) return "the leaf's key is for certificates";
        return Path.Certificates.Skip(1).FirstOrDefault(each => !UsageOf(each).HasFlag(X509KeyUsageFlags.KeyCertSign)) is { } other ? $"the key of {other.Subject} is not for certificates" : null;
    }

    private static X509BasicConstraintsExtension? Basic(X509Certificate2 certificate) => certificate.Extensions.OfType<X509BasicConstraintsExtension>().FirstOrDefault();

    /// <summary>A key whose use is not stated is for nothing here.</summary>
    private static X509KeyUsageFlags UsageOf(X509Certificate2 certificate) => certificate.Extensions.OfType<X509KeyUsageExtension>().FirstOrDefault()?.KeyUsages ?? X509KeyUsageFlags.None;
}
