using System.Text.Json.Nodes;

namespace Strongroom.Attestation.Dcap;

/// <summary>What a quote says, for programs.</summary>
internal static class QuoteClaims
{
    public static JsonObject Of(Quote quote)
    {
        var claims = quote.Tee == Tee.Sgx ? Of(new EnclaveReport(quote.Body)) : Of(new TdReport(quote.Body));
        claims["quote_version"] = quote.Version;
        claims["user_data"] = Hex(quote.UserData);
        claims["trailing_bytes"] = quote.Trailing.Length;
        return claims;
    }

    public static JsonObject Of(PckCertificate pck) => new()
    {
        ["ppid"] = Hex(pck.Ppid.Span),
        ["fmspc"] = Hex(pck.Fmspc.Span),
        ["pceid"] = Hex(pck.PceId.Span),
        ["cpu_svn"] = Hex(pck.CpuSvn.Span),
        ["pce_svn"] = pck.PceSvn,
        ["platform_instance_id"] = pck.PlatformInstanceId is { } id ? Hex(id.Span) : null,
        ["dynamic_platform"] = pck.DynamicPlatform,
        ["cached_keys"] = pck.CachedKeys,
        ["smt_enabled"] = pck.SmtEnabled,
    };

    private static JsonObject Of(EnclaveReport report) => new()
    {
        ["mr_enclave"] = Hex(report.MrEnclave),
        ["mr_signer"] = Hex(report.MrSigner),
        ["isv_prod_id"] = report.IsvProductId,
        ["isv_svn"] = report.IsvSvn,
        ["isv_ext_prod_id"] = Hex(report.IsvExtendedProductId),
        ["isv_family_id"] = Hex(report.IsvFamilyId),
        ["config_id"] = Hex(report.ConfigId),
        ["config_svn"] = report.ConfigSvn,
        ["cpu_svn"] = Hex(report.CpuSvn),
        ["attributes"] = Hex(report.Attributes),
        ["misc_select"] = report.MiscSelect,
        ["debug"] = (report.Flags & EnclaveReport.Debug) != 0,
        ["report_data"] = Hex(report.ReportData),
    };

    private static JsonObject Of(TdReport report)
    {
        var claims = new JsonObject
        {
            ["tee_tcb_svn"] = Hex(report.TeeTcbSvn),
            ["mr_seam"] = Hex(report.MrSeam),
            ["mr_signer_seam"] = Hex(report.MrSignerSeam),
            ["seam_attributes"] = Hex(report.SeamAttributes),
            ["td_attributes"] = $"{report.Attributes:x16}",
            ["xfam"] = $"{report.Xfam:x16}",
            ["mr_td"] = Hex(report.MrTd),
            ["mr_config_id"] = Hex(report.MrConfigId),
            ["mr_owner"] = Hex(report.MrOwner),
            ["mr_owner_config"] = Hex(report.MrOwnerConfig),
            ["rtmr0"] = Hex(report.Rtmr(0)),
            ["rtmr1"] = Hex(report.Rtmr(1)),
            ["rtmr2"] = Hex(report.Rtmr(2)),
            ["rtmr3"] = Hex(report.Rtmr(3)),
            ["debug"] = (report.Attributes & TdReport.Debug) != 0,
            ["sept_ve_disable"] = (report.Attributes & TdReport.SeptVeDisable) != 0,
            ["migratable"] = (report.Attributes & TdReport.Migratable) != 0,
            ["report_data"] = Hex(report.ReportData),
        };
        if (!report.Is15) return claims;
        claims["tee_tcb_svn2"] = Hex(report.TeeTcbSvn2);
        claims["mr_service_td"] = Hex(report.MrServiceTd);
        return claims;
    }

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);
}
