using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;

namespace Strongroom.Attestation.Snp;

/// <summary>The three certificates behind a report: the key's, AMD's signing key of its kind (ASK for chips, ASVK for providers), the root of the product line (ARK).</summary>
internal sealed class SnpChain
{
    /// <summary>Paths are remembered by who found them; what was read in their certificates is remembered with them.</summary>
    private static readonly ConditionalWeakTable<CertificatePath, SnpChain> Read = [];

    private static readonly (string Oid, string Value)[] Amd =
    [
        ("2.5.4.11", "Engineering"), ("2.5.4.6", "US"), ("2.5.4.7", "Santa Clara"), ("2.5.4.8", "CA"), ("2.5.4.10", "Advanced Micro Devices"),
    ];

    private SnpChain(SnpProduct product, CertificatePath path)
    {
        (Product, Path) = (product, path);
        WrongName = FindWrongName();
        WrongDistributionPoint = FindWrongDistributionPoint();
        Endorsements = [.. path.Certificates.Select(each => new UsedEndorsement($"certificate {CertificateName.CommonOf(each)}", each.NotBefore.ToUniversalTime(), each.NotAfter.ToUniversalTime()))];
    }

    /// <param name="product">Whose pinned root the path leads to.</param>
    /// <param name="path">Of exactly three certificates.</param>
    public static SnpChain Of(SnpProduct product, CertificatePath path) => Read.GetValue(path, each => new(product, each));

    public SnpProduct Product { get; }

    public CertificatePath Path { get; }

    public IReadOnlyList<UsedEndorsement> Endorsements { get; }

    /// <summary>The first certificate whose subject is not exactly AMD's for its place; null when all are.</summary>
    public string? WrongName { get; }

    /// <summary>Where the lists are published, as the authorities' certificates say; null where both name AMD's service for this line.</summary>
    public string? WrongDistributionPoint { get; }

    public X509Certificate2 Intermediate => Path.Certificates[1];

    public X509Certificate2 Root => Path.Root;

    /// <summary>The name of the certificate that signs keys of this kind.</summary>
    public static string IntermediateName(SnpProduct product, bool provider) => provider ? $"SEV-VLEK-{product}" : $"SEV-{product}";

    public static string RootName(SnpProduct product) => $"ARK-{product}";

    public static string Service(SnpProduct product, bool provider) => $"https://kdsintf.amd.com/{(provider ? "vlek" : "vcek")}/v1/{product}";

    private string? FindWrongName() =>
        !IsAmd(Root, RootName(Product)) ? Root.Subject
        : !IsAmd(Intermediate, IntermediateName(Product, false)) && !IsAmd(Intermediate, IntermediateName(Product, true)) ? Intermediate.Subject
        : !IsAmd(Path.Leaf, SnpKey.Chips) && !IsAmd(Path.Leaf, SnpKey.Providers) ? Path.Leaf.Subject
        : null;

    private string? FindWrongDistributionPoint()
    {
        var provider = CertificateName.CommonOf(Intermediate) == IntermediateName(Product, true);
        return DistributionPoint.Of(Intermediate) != $"{Service(Product, provider)}/crl" ? $"{Intermediate.Subject}: {DistributionPoint.Of(Intermediate) ?? "none"}"
            : DistributionPoint.Of(Root) != $"{Service(Product, false)}/crl" ? $"{Root.Subject}: {DistributionPoint.Of(Root) ?? "none"}"
            : null;
    }

    /// <summary>Exactly these six attributes, in whatever order, each alone in its place.</summary>
    private static bool IsAmd(X509Certificate2 certificate, string commonName)
    {
        List<(string, string)> found = [];
        foreach (var part in certificate.SubjectName.EnumerateRelativeDistinguishedNames())
        {
            if (part.HasMultipleElements) return false;
            found.Add((part.GetSingleElementType().Value ?? "", part.GetSingleElementValue() ?? ""));
        }
        return found.Order().SequenceEqual(Amd.Append(("2.5.4.3", commonName)).Order());
    }
}
