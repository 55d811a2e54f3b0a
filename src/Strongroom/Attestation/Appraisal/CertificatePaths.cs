using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Appraisal;

/// <summary>A way from a leaf to the pinned root of its product: leaf first, root last. Every link, basic constraints, path lengths and key usages hold; times do not count yet.</summary>
internal sealed record CertificatePath(IReadOnlyList<X509Certificate2> Certificates)
{
    public X509Certificate2 Leaf => Certificates[0];

    public X509Certificate2 Root => Certificates[^1];

    /// <summary>The first certificate that is not valid at the time; null when all are.</summary>
    public X509Certificate2? NotValidAt(DateTimeOffset time) => Certificates.FirstOrDefault(each => !IsValidAt(each, time));

    public static bool IsValidAt(X509Certificate2 certificate, DateTimeOffset time) => time >= certificate.NotBefore.ToUniversalTime() && time <= certificate.NotAfter.ToUniversalTime();
}

/// <summary>Builds certificate paths (RFC 5280 section 6) to pinned roots and remembers those that hold, which are the same for every piece of evidence of a machine.</summary>
internal sealed class CertificatePaths(VendorRoots roots)
{
    private const int MaxRemembered = 10_000;
    private const int MaxLength = 8;

    private static readonly ConditionalWeakTable<X509Certificate2, byte[]> Hashes = [];

    private readonly Remembered<Digest, CertificatePath> remembered = new(MaxRemembered);

    /// <summary>SHA-256 of the certificate, computed once for as long as somebody holds it.</summary>
    public static Digest HashOf(X509Certificate2 certificate) => Digest.From(HashBytes(certificate));

    /// <param name="leaf">Where the path begins.</param>
    /// <param name="others">From anywhere; a root among them counts only if its key is the product's and it has signed itself.</param>
    /// <param name="product">One of <see cref="VendorRoots"/>.</param>
    /// <param name="at">Where two paths hold, the one that is valid then. A path that is valid at no time is still returned: ask <see cref="CertificatePath.NotValidAt"/>.</param>
    /// <param name="reason">Why there is no path; empty when there is.</param>
    /// <returns>The path; null when there is none.</returns>
    public CertificatePath? Find(X509Certificate2 leaf, IEnumerable<X509Certificate2> others, string product, DateTimeOffset at, out string reason)
    {
        List<X509Certificate2> all = [.. others];
        var path = FindAmong(leaf, all, product, out reason);
        if (path?.NotValidAt(at) is null) return path;
        // An authority that was certified again has two certificates of one name and key: the old one must not hide the new one.
        return FindAmong(leaf, all.FindAll(each => CertificatePath.IsValidAt(each, at)), product, out _) ?? path;
    }

    private CertificatePath? FindAmong(X509Certificate2 leaf, List<X509Certificate2> candidates, string product, out string reason)
    {
        var known = NameOf(leaf, candidates, product);
        reason = "";
        if (remembered.TryGet(known, out var before)) return before;
        var pinned = candidates.Append(leaf).Where(each => roots.Holds(product, each)).ToList();
        var root = pinned.FirstOrDefault(SignedItself);
        if (pinned.Count == 0)
        {
            reason = $"the root of {product} is not among the certificates: no certificate has the pinned key";
            return null;
        }
        if (root is null)
        {
            reason = $"the certificate with the pinned key of {product} did not sign itself: it is no root, or its words were changed";
            return null;
        }
        var found = BuildOrNone(leaf, candidates, root, out reason);
        return found is null ? null : remembered.Add(known, found);
    }

    private static bool SignedItself(X509Certificate2 certificate)
    {
        try
        {
            return SignedDer.Parse(certificate.RawDataMemory).IsSignedBy(certificate);
        }
        catch (MalformedException) // signed by an algorithm that does not count
        {
            return false;
        }
    }

    /// <summary>A certificate that parses may still have a key or an algorithm that the library cannot read, and then it throws.</summary>
    private static CertificatePath? BuildOrNone(X509Certificate2 leaf, List<X509Certificate2> candidates, X509Certificate2 root, out string reason)
    {
        try
        {
            return Build(leaf, candidates, root, out reason);
        }
        catch (CryptographicException)
        {
            reason = "a certificate cannot be read"; // libcrypto's words differ between versions, and an audit compares reasons
            return null;
        }
    }

    private static Digest NameOf(X509Certificate2 leaf, List<X509Certificate2> candidates, string product)
    {
        var writer = new ByteWriter().Bytes(System.Text.Encoding.ASCII.GetBytes(product)).Bytes(HashBytes(leaf));
        foreach (var each in candidates) writer.Bytes(HashBytes(each));
        return Digest.Of(writer.Written);
    }

    private static byte[] HashBytes(X509Certificate2 certificate) => Hashes.GetValue(certificate, static each => each.GetCertHash(HashAlgorithmName.SHA256));

    private static CertificatePath? Build(X509Certificate2 leaf, List<X509Certificate2> candidates, X509Certificate2 root, out string reason)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(root);
        chain.ChainPolicy.ExtraStore.AddRange(candidates.ToArray());
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck; // each kind checks its vendor's lists by rules of its own
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid; // checked apart, at the caller's time, so that it is a finding of its own
        chain.ChainPolicy.VerificationTime = leaf.NotBefore;
        var holds = chain.Build(leaf);
        var way = chain.ChainElements.Select(element => element.Certificate).ToList();
        var weak = way.FirstOrDefault(each => !CertificateSignature.IsStrong(each));
        reason = !holds ? $"the certificate does not lead to the pinned root ({string.Join(", ", chain.ChainStatus.Select(status => status.Status).Where(status => status != X509ChainStatusFlags.NotTimeValid).Distinct())})"
            : way.Count > MaxLength ? "the path is too long"
            : weak is not null ? $"{weak.Subject} is signed by a weak algorithm"
            : !way[^1].RawDataMemory.Span.SequenceEqual(root.RawDataMemory.Span) ? "the path ends elsewhere than at the pinned root"
            : "";
        return reason.Length == 0 ? new(way) : null;
    }
}
