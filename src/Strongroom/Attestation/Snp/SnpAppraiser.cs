using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;

namespace Strongroom.Attestation.Snp;

/// <summary>Appraises SEV-SNP attestation reports: the checks of spec/evidence-sev-snp.md, in its order.</summary>
internal sealed class SnpAppraiser(VendorRoots roots) : Appraiser
{
    private readonly CertificatePaths paths = new(roots);

    public override string Kind => "sev-snp";

    public override JsonObject StrictPolicy() => SnpPolicy.Strict.ToJson();

    public override IReadOnlyList<EvidenceField> Show(ReadOnlyMemory<byte> evidence) => SnpWords.Show(SnpEvidence.Parse(evidence));

    private protected override bool Recognises(ReadOnlySpan<byte> evidence) => SnpEvidence.Recognises(evidence);

    private protected override void AppraiseCore(AppraisalRequest request, Findings findings)
    {
        var policy = SnpPolicy.Parse(request.Policy);
        var evidence = SnpEvidence.Parse(request.Evidence);
        var report = evidence.Report;
        if (!findings.Check("snp.1.version", "the report has a version that is known, 2 to 5", report.Version is >= 2 and <= 5, $"found {report.Version}")) return; // another version may mean other fields
        CheckForm(report, findings);
        var endorsements = SnpEndorsements.Of(evidence, request.Endorsements);
        if (evidence.Unread.Count > 0) findings.NotChecked($"what the file says beside the report ({string.Join(", ", evidence.Unread)}): nothing here reads it, and only the report's own REPORT_DATA can bind it");
        foreach (var broken in endorsements.Broken) findings.NotChecked($"{broken}: it was passed over, and what it could have shown counts as missing");
        var key = Choose(report, endorsements);
        var product = report.Version >= 3 ? SnpProducts.Of(report.Family, report.Model) : key is null ? null : SnpProducts.Of(key.ProductName);
        findings.Claims = SnpWords.Claims(report, product, key);
        CheckProduct(report, product, key, policy, findings);
        if (key is null) MissKey(report, product, findings);
        else new SnpEndorsementChecks(report, key, product, endorsements, policy, request.At, findings).Run(paths);
        new SnpWishChecks(report, product, policy, request, findings).Run(key);
    }

    /// <summary>1: every field has a value that the firmware ABI gives it.</summary>
    private static void CheckForm(SnpReport report, Findings findings)
    {
        var reserved = report.FirstReservedInUse();
        findings.Check("snp.1.reserved", "every byte that must be zero is zero", reserved is null, reserved);
        findings.Check("snp.1.policy", "the guest policy has bit 17 set and no reserved bit", report.Policy is { AlwaysOne: true, Reserved: 0 }, $"found 0x{report.Policy.Bits:x16}");
        findings.Check("snp.1.signer", "the word on the signer has no reserved bit and no reserved key", report.Signer >> 5 == 0 && report.SigningKey is 0 or 1 or 7, $"found 0x{report.Signer:x8}");
        findings.Check("snp.1.algorithm", "the signature is ECDSA on P-384 with SHA-384", report.SignatureAlgorithm == 1, $"expected 1, found {report.SignatureAlgorithm}");
        findings.Check("snp.1.signature", "both numbers of the signature are in 1 to n-1, in fields padded with zeros", report.Signature is not null);
    }

    /// <summary>2: which product line, from the processor itself where the report says it, and the key's certificate agrees.</summary>
    private static void CheckProduct(SnpReport report, SnpProduct? product, SnpKey? key, SnpPolicy policy, Findings findings)
    {
        const string known = "the product line is known";
        if (report.Version >= 3) findings.Check("snp.2", known, product is not null, $"processor family 0x{report.Family:x2}, model 0x{report.Model:x2}, stepping {report.Stepping}: {product?.ToString() ?? "unknown"}");
        else if (key is not null) findings.Check("snp.2", known, product is not null, $"a report of version 2 does not say; the key's certificate says {key.ProductName}");
        if (product is not { } line) return;
        if (key is not null) findings.Check("snp.2.key", "the key's certificate is for that product line", SnpProducts.Of(key.ProductName) == line, $"expected {line}, found {key.ProductName}");
        const string what = "the product line is not one that the policy denies";
        if (policy.DeniedProducts is null) findings.Skip("snp.2.denied", what, "the policy denies none");
        else findings.Check("snp.2.denied", what, !policy.Denies(line), $"found {line}, denied: {string.Join(", ", policy.DeniedProducts)}");
    }

    /// <summary>The certificate that fits best, so that one that fits nothing is judged when it is all there is; among equals, the one whose key signed the report.</summary>
    private static SnpKey? Choose(SnpReport report, SnpEndorsements endorsements)
    {
        SnpKey? best = null;
        var fit = -1;
        var named = report.Version >= 3 ? SnpProducts.Of(report.Family, report.Model) : null;
        foreach (var certificate in endorsements.Certificates)
        {
            if (!SnpKey.IsOne(certificate)) continue;
            var key = SnpKey.Of(certificate);
            var product = named ?? SnpProducts.Of(key.ProductName);
            var fits = (key.IsOfProvider == (report.SigningKey == 1) ? 8 : 0)
                + (product is not null && SnpProducts.Of(key.ProductName) == product ? 4 : 0)
                + (key.HardwareId is { } id && report.ChipId.StartsWith(id) ? 2 : 0)
                + (product is { } line && key.Tcb(line) is { } tcb && tcb.Matches(SnpTcb.Read(report.ReportedTcb, line)) ? 1 : 0);
            if (fits > fit || fits == fit && !best!.Certificate.RawDataMemory.Span.SequenceEqual(certificate.RawDataMemory.Span) && SignedBy(key, report) && !SignedBy(best, report)) (best, fit) = (key, fits);
        }
        return best;
    }

    private static bool SignedBy(SnpKey key, SnpReport report) => report.Signature is { } signature && key.Verifies(report.SignedBytes, signature);

    private static void MissKey(SnpReport report, SnpProduct? product, Findings findings) => findings.Missing(
        "snp.4", "the key's certificate is there",
        report.SigningKey == 1 ? $"the provider's VLEK certificate for SEV-SNP on {product?.ToString() ?? "its product line"}; the host has it (SNP_GET_EXT_REPORT), nobody publishes it"
            : $"the chip's VCEK certificate: {SnpWords.KeyAddress(report, product)}");
}
