using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Dcap;

/// <summary>Quotes of trust domains.</summary>
internal sealed class TdxAppraiser(VendorRoots roots) : QuoteAppraiser(roots)
{
    public override string Kind => "tdx";

    private protected override Tee Tee => Tee.Tdx;

    public override JsonObject StrictPolicy() => QuotePolicyJson.Write(TdxPolicy.Strict, QuotePolicyJson.Default.TdxPolicy);

    private protected override QuotePolicy ReadPolicy(ReadOnlyMemory<byte> policy) => QuotePolicyJson.Read(policy, TdxPolicy.Strict, QuotePolicyJson.Default.TdxPolicy);

    private protected override IEnumerable<EvidenceField> ShowBody(Quote quote) => QuoteWords.Of(new TdReport(quote.Body));

    private protected override void CheckBody(QuoteAppraisal appraisal, AppraisalRequest request, QuoteFile file)
    {
        var policy = (TdxPolicy)appraisal.Policy;
        var report = new TdReport(appraisal.Quote.Body);
        CheckAttributes(appraisal, policy, report);
        appraisal.Among("16.mr_td", "MRTD", policy.MrTd, report.MrTd);
        appraisal.Among("16.rtmr0", "RTMR 0", policy.Rtmr0, report.Rtmr(0));
        appraisal.Among("16.rtmr1", "RTMR 1", policy.Rtmr1, report.Rtmr(1));
        appraisal.Among("16.rtmr2", "RTMR 2", policy.Rtmr2, report.Rtmr(2));
        appraisal.Among("16.rtmr3", "RTMR 3", policy.Rtmr3, report.Rtmr(3));
        appraisal.Among("16.mr_seam", "MRSEAM", policy.MrSeam, report.MrSeam, tell: false);
        appraisal.Among("16.mr_config_id", "MRCONFIGID", policy.MrConfigId, report.MrConfigId, report.MrConfigId.ContainsAnyExcept((byte)0));
        appraisal.Among("16.mr_owner", "MROWNER", policy.MrOwner, report.MrOwner, report.MrOwner.ContainsAnyExcept((byte)0));
        appraisal.Among("16.mr_owner_config", "MROWNERCONFIG", policy.MrOwnerConfig, report.MrOwnerConfig, report.MrOwnerConfig.ContainsAnyExcept((byte)0));
        appraisal.Among("16.mr_service_td", "MRSERVICETD", policy.MrServiceTd, report.MrServiceTd, report.MrServiceTd.ContainsAnyExcept((byte)0));
        CheckReportData(appraisal, request, report.ReportData);
        CheckEventLog(appraisal, policy, report, file.EventLog);
    }

    private static void CheckAttributes(QuoteAppraisal appraisal, TdxPolicy policy, TdReport report)
    {
        var attributes = report.Attributes;
        var found = $"attributes {attributes:x16}";
        appraisal.Check("16.debug", "nobody can look into the domain", (attributes & TdReport.UnderDebug) == 0, found);
        appraisal.Check("16.reserved", "no reserved attribute is set", (attributes & ~TdReport.KnownAttributes) == 0, found);
        appraisal.Check("16.xfam", "XFAM has the bits that are always set, and none that cannot be", (report.Xfam & TdReport.XfamFixed1) == TdReport.XfamFixed1 && (report.Xfam & ~TdReport.XfamAllowed) == 0, $"XFAM {report.Xfam:x16}");
        var stays = (attributes & TdReport.Migratable) == 0;
        if (policy.AllowMigratable) appraisal.Skip("16.migratable", "the domain stays on its machine", "the policy allows it to move");
        else appraisal.Check("16.migratable", "the domain stays on its machine", stays, found);
        var quiet = (attributes & TdReport.SeptVeDisable) != 0;
        if (policy.RequireSeptVeDisable) appraisal.Check("16.sept_ve", "the host cannot inject #VE where the domain reads its memory", quiet, found);
        else appraisal.Skip("16.sept_ve", "the host cannot inject #VE where the domain reads its memory", "the policy leaves it to the guest");
        if (!policy.RequireSeptVeDisable && !quiet) appraisal.Findings.NotChecked("whether the guest that is measured keeps the host from injecting #VE: SEPT_VE_DISABLE is not set");
    }

    /// <summary>Step 17. Only digests are believed, and only once the registers came out as quoted: types and data of events are labels.</summary>
    private static void CheckEventLog(QuoteAppraisal appraisal, TdxPolicy policy, TdReport report, ReadOnlyMemory<byte>? bytes)
    {
        const string What = "the firmware's event log leads to the quoted RTMRs";
        if (bytes is null)
        {
            if (policy.RequireEventLog || policy.Events.Count > 0) appraisal.Check("17", What, false, "the policy reads events, and there is no log");
            else appraisal.Skip("17", What, "there is none, and the policy reads none");
            return;
        }
        CcEventLog log;
        try
        {
            log = CcEventLog.Parse(bytes.Value);
        }
        catch (MalformedException e)
        {
            appraisal.Check("17", What, false, e.Message);
            return;
        }
        var replayed = log.Replay();
        List<int> wrong = [];
        for (var i = 0; i < replayed.Count; i++)
        {
            if (!report.Rtmr(i).SequenceEqual(replayed[i])) wrong.Add(i);
        }
        var leads = appraisal.Check("17", What, wrong.Count == 0, wrong.Count == 0 ? $"{log.Events.Count} events" : string.Join("; ", wrong.Select(i => $"RTMR {i}: expected {Convert.ToHexStringLower(report.Rtmr(i))}, found {Convert.ToHexStringLower(replayed[i])}")));
        if (!leads || policy.Events.Count == 0) return;
        var absent = policy.Events.Where(wanted => !log.Events.Any(e => e.Register == wanted.Rtmr + 1 && Convert.ToHexStringLower(e.Sha384.Span) == wanted.Digest)).ToList();
        appraisal.Check("17.events", "the log has the events that the policy names", absent.Count == 0, string.Join(", ", absent.Select(e => $"RTMR {e.Rtmr} {e.Digest}")));
    }
}
