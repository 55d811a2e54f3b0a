using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;

namespace Strongroom.Attestation.Dcap;

/// <summary>Quotes of enclaves.</summary>
internal sealed class SgxAppraiser(VendorRoots roots) : QuoteAppraiser(roots)
{
    public override string Kind => "sgx";

    private protected override Tee Tee => Tee.Sgx;

    public override JsonObject StrictPolicy() => QuotePolicyJson.Write(SgxPolicy.Strict, QuotePolicyJson.Default.SgxPolicy);

    private protected override QuotePolicy ReadPolicy(ReadOnlyMemory<byte> policy) => QuotePolicyJson.Read(policy, SgxPolicy.Strict, QuotePolicyJson.Default.SgxPolicy);

    private protected override IEnumerable<EvidenceField> ShowBody(Quote quote) => QuoteWords.Of(new EnclaveReport(quote.Body), "");

    private protected override void CheckBody(QuoteAppraisal appraisal, AppraisalRequest request, QuoteFile file)
    {
        var policy = (SgxPolicy)appraisal.Policy;
        var report = new EnclaveReport(appraisal.Quote.Body);
        var found = $"attributes {Convert.ToHexStringLower(report.Attributes)}";
        appraisal.Check("16.debug", "nobody can look into the enclave", (report.Flags & EnclaveReport.Debug) == 0, found);
        appraisal.Check("16.init", "the enclave was initialised", (report.Flags & EnclaveReport.Init) != 0, found);
        appraisal.Check("16.reserved", "nothing that is reserved is set", (report.Flags & ~EnclaveReport.KnownFlags) == 0 && (report.MiscSelect & ~EnclaveReport.KnownMiscSelect) == 0 && report.ReservedIsZero,
            $"{found}, MISCSELECT {report.MiscSelect:x8}{(report.ReservedIsZero ? "" : ", a reserved field is not zero")}");
        appraisal.Among("16.mr_enclave", "MRENCLAVE", policy.MrEnclave, report.MrEnclave, policy.MrSigner is null);
        appraisal.Among("16.mr_signer", "MRSIGNER", policy.MrSigner, report.MrSigner, policy.MrEnclave is null);
        if (policy.IsvProdId is { } products) appraisal.Check("16.isv_prod_id", "ISVPRODID is one of those that the policy lists", products.Contains(report.IsvProductId), $"expected {string.Join(" or ", products)}, found {report.IsvProductId}");
        else appraisal.Skip("16.isv_prod_id", "ISVPRODID is one of those that the policy lists", "the policy lists none");
        appraisal.Check("16.isv_svn", "ISVSVN is at least the policy's", report.IsvSvn >= policy.MinimumIsvSvn, $"expected {policy.MinimumIsvSvn} at least, found {report.IsvSvn}");
        appraisal.Among("16.isv_ext_prod_id", "ISVEXTPRODID", policy.IsvExtProdId, report.IsvExtendedProductId, tell: false);
        appraisal.Among("16.isv_family_id", "ISVFAMILYID", policy.IsvFamilyId, report.IsvFamilyId, tell: false);
        appraisal.Among("16.config_id", "CONFIGID", policy.ConfigId, report.ConfigId, report.ConfigId.ContainsAnyExcept((byte)0));
        appraisal.Check("16.config_svn", "CONFIGSVN is at least the policy's", report.ConfigSvn >= policy.MinimumConfigSvn, $"expected {policy.MinimumConfigSvn} at least, found {report.ConfigSvn}");
        if (policy.MrEnclave is null && policy.MrSigner is not null && policy.IsvProdId is null) appraisal.Findings.NotChecked($"which of the signer's enclaves product {report.IsvProductId} is");
        CheckReportData(appraisal, request, report.ReportData);
    }
}
