using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Dcap;

/// <summary>A quote in words, for people.</summary>
internal static class QuoteWords
{
    private static readonly (ulong Bit, string Name)[] EnclaveFlags =
    [
        (EnclaveReport.Init, "INIT"), (EnclaveReport.Debug, "DEBUG"), (1 << 2, "MODE64BIT"), (1 << 4, "PROVISION_KEY"), (1 << 5, "EINITTOKEN_KEY"), (1 << 6, "CET"), (1 << 7, "KSS"), (1 << 10, "AEX_NOTIFY"),
    ];

    private static readonly (ulong Bit, string Name)[] DomainAttributes =
    [
        (TdReport.Debug, "DEBUG"), (1 << 4, "HGS+_PROF"), (1 << 5, "PERF_PROF"), (1 << 6, "PMT_PROF"), (1ul << 16, "ICSSD"), (1ul << 27, "LASS"), (TdReport.SeptVeDisable, "SEPT_VE_DISABLE"),
        (TdReport.Migratable, "MIGRATABLE"), (1ul << 30, "PKS"), (1ul << 31, "KL"), (1ul << 62, "TPA"), (1ul << 63, "PERFMON"),
    ];

    public static IEnumerable<EvidenceField> Header(Quote quote)
    {
        yield return new("version", $"{quote.Version}", "3 is SGX alone, 4 also TDX 1.0, 5 also TDX 1.5");
        yield return new("tee_type", $"{quote.Tee}", "the technology that the body is of", Policy: "--kind, 4.form, 10.product");
        var intel = quote.VendorId.SequenceEqual(Quote.IntelVendorId);
        yield return new("qe_vendor_id", Hex(quote.VendorId), intel ? "Intel's quoting enclave" : "not Intel's quoting enclave: nobody can say what it signs", !intel, "1");
        yield return new("user_data", Hex(quote.UserData), "chosen by the quoting enclave; the first 16 bytes name the platform to its quote provider");
    }

    public static IEnumerable<EvidenceField> Of(EnclaveReport report, string of)
    {
        var own = of.Length == 0;
        var debug = (report.Flags & EnclaveReport.Debug) != 0;
        var unknown = (report.Flags & ~EnclaveReport.KnownFlags) != 0;
        yield return new($"{of}MRENCLAVE", Hex(report.MrEnclave), "hash of the enclave's code and data as loaded; compare it with the build that you trust", Policy: own ? "mr_enclave" : null);
        yield return new($"{of}MRSIGNER", Hex(report.MrSigner), "hash of the key that signed the enclave: any enclave of that signer has it", Policy: own ? "mr_signer" : "10.signer");
        yield return new($"{of}ISVPRODID", $"{report.IsvProductId}", "which of the signer's enclaves", Policy: own ? "isv_prod_id" : "10.product");
        yield return new($"{of}ISVSVN", $"{report.IsvSvn}", "its security version; an old one may have known holes", Policy: own ? "minimum_isv_svn" : "10.level");
        yield return new($"{of}ATTRIBUTES", $"{Hex(report.Attributes)} {Names(report.Flags, EnclaveFlags)}",
            debug ? "DEBUG: the host reads and writes the enclave's memory" : unknown ? "a reserved bit is set: its meaning is not known" : "no debugger can look inside", debug || unknown, Policy: own ? "16.debug" : "10.attributes");
        yield return new($"{of}MISCSELECT", $"{report.MiscSelect:x8}", "what the processor writes when the enclave is interrupted", (report.MiscSelect & ~EnclaveReport.KnownMiscSelect) != 0, own ? "16.reserved" : "10.miscselect");
        yield return new($"{of}CPUSVN", Hex(report.CpuSvn), "security versions of microcode and firmware");
        yield return new($"{of}CONFIGID", Hex(report.ConfigId), "configuration that the host gave at the start and the enclave may check", Policy: own ? "config_id" : null);
        yield return new($"{of}CONFIGSVN", $"{report.ConfigSvn}", "its version", Policy: own ? "minimum_config_svn" : null);
        yield return new($"{of}ISVEXTPRODID", Hex(report.IsvExtendedProductId), "longer product id, with KSS", Policy: own ? "isv_ext_prod_id" : null);
        yield return new($"{of}ISVFAMILYID", Hex(report.IsvFamilyId), "family of products, with KSS", Policy: own ? "isv_family_id" : null);
        yield return new($"{of}REPORTDATA", Hex(report.ReportData), own ? "what the enclave itself put in: must be the hash of your challenge, else this may be a copy" : "must be the hash of the attestation key and the authentication data, and zeros", Policy: own ? "--report-data" : "9, 9.rest");
        yield return new($"{of}reserved", report.ReservedIsZero ? "zero" : "not zero", "must be zero", !report.ReservedIsZero, own ? "16.reserved" : null);
    }

    public static IEnumerable<EvidenceField> Of(TdReport report)
    {
        var attributes = report.Attributes;
        var debug = (attributes & TdReport.UnderDebug) != 0;
        var unknown = (attributes & ~TdReport.KnownAttributes) != 0;
        var moves = (attributes & TdReport.Migratable) != 0;
        var xfam = (report.Xfam & TdReport.XfamFixed1) == TdReport.XfamFixed1 && (report.Xfam & ~TdReport.XfamAllowed) == 0;
        yield return new("TEE_TCB_SVN", Hex(report.TeeTcbSvn), $"TDX module {report.TeeTcbSvn[1]}.{report.TeeTcbSvn[0]}, microcode {report.TeeTcbSvn[2]}, when the domain started", Policy: "tcb_statuses");
        yield return new("MRSEAM", Hex(report.MrSeam), "hash of the TDX module", Policy: "mr_seam");
        yield return new("MRSIGNERSEAM", Hex(report.MrSignerSeam), "signer of the TDX module; zero is Intel", report.MrSignerSeam.ContainsAnyExcept((byte)0), Policy: "7.signer");
        yield return new("SEAMATTRIBUTES", Hex(report.SeamAttributes), "attributes of the TDX module; must be zero", report.SeamAttributes.ContainsAnyExcept((byte)0), Policy: "7.attributes");
        yield return new("TDATTRIBUTES", $"{attributes:x16} {Names(attributes, DomainAttributes)}",
            debug ? "DEBUG or profiling: the host reads and writes the domain's memory and registers, or watches it" : unknown ? "a reserved bit is set: its meaning is not known" : moves ? "MIGRATABLE: a migration domain can move it to another machine" : "no debugger can look inside", debug || unknown || moves, Policy: "16.debug, allow_migratable, require_sept_ve_disable");
        yield return new("XFAM", $"{report.Xfam:x16}", xfam ? "processor features that the domain may use" : "bits that cannot be", !xfam, Policy: "16.xfam");
        yield return new("MRTD", Hex(report.MrTd), "hash of the domain's first memory: its virtual firmware; compare it with the build that you trust", Policy: "mr_td");
        for (var i = 0; i < 4; i++) yield return new($"RTMR{i}", Hex(report.Rtmr(i)), i switch { 0 => "firmware's configuration and boot variables", 1 => "boot loader and kernel", 2 => "kernel command line and initial disk", _ => "left to applications" }, Policy: $"rtmr{i}");
        yield return new("MRCONFIGID", Hex(report.MrConfigId), "configuration that the host gave at the start; zero is none", Policy: "mr_config_id");
        yield return new("MROWNER", Hex(report.MrOwner), "who the host says owns the domain; zero is nobody", Policy: "mr_owner");
        yield return new("MROWNERCONFIG", Hex(report.MrOwnerConfig), "the owner's configuration; zero is none", Policy: "mr_owner_config");
        yield return new("REPORTDATA", Hex(report.ReportData), "what the domain itself put in: must be the hash of your challenge, else this may be a copy", Policy: "--report-data");
        if (!report.Is15) yield break;
        yield return new("TEE_TCB_SVN2", Hex(report.TeeTcbSvn2), "the same as TEE_TCB_SVN, now: where it is higher, starting the domain again makes it more current", Policy: "tcb_statuses");
        yield return new("MRSERVICETD", Hex(report.MrServiceTd), "the migration domain that serves this one; zero is none", Policy: "mr_service_td");
    }

    public static IEnumerable<EvidenceField> Certification(Quote quote, IReadOnlyList<X509Certificate2> chain)
    {
        yield return new("signature", Hex(quote.Signature.Span), "the attestation key's, over header and body", Policy: "11");
        yield return new("attestation_key", Hex(quote.AttestationKey.Span), "the quoting enclave made it, and its report vouches for it", Policy: "9, 11");
        foreach (var field in Of(new EnclaveReport(quote.QeReport), "QE ")) yield return field;
        yield return new("QE signature", Hex(quote.QeReportSignature.Span), "the platform's key's, over the quoting enclave's report", Policy: "8");
        yield return new("QE authentication data", Hex(quote.QeAuthenticationData.Span), "the quoting enclave's own; its report vouches for it", Policy: "9");
        yield return new("certification_data", $"type {quote.CertificationType}, {CertificateWords.Sized(quote.CertificationData.Span)}", quote.CertificationType switch
        {
            1 or 2 or 3 => "names the platform's certificate, which has to be fetched",
            4 => "the platform's certificate",
            _ => "the platform's certificate with its chain",
        }, Policy: "2.pck, 2.root", Covered: false);
        for (var i = 0; i < chain.Count; i++)
        {
            var certificate = chain[i];
            yield return CertificateWords.Of($"certificate[{i}]", certificate, "counts only as far as the pinned root vouches for it", i == 0 ? "2.root, 8" : "2.root");
            if (TryParse(certificate) is not { } pck) continue;
            yield return new("FMSPC", Hex(pck.Fmspc.Span), "generation and type of the platform; TCB info is by this", Policy: "4.form, denied_fmspcs");
            yield return new("PCEID", Hex(pck.PceId.Span), "which provisioning certification enclave; TCB info is by this too", Policy: "6.pceid");
            yield return new("PPID", Hex(pck.Ppid.Span), "this very processor", Policy: "ppids");
            yield return new("PCK CPUSVN", Hex(pck.CpuSvn.Span), $"components {string.Join(".", pck.Components)}, PCESVN {pck.PceSvn}", Policy: "tcb_statuses");
            if (pck.PlatformInstanceId is { } id) yield return new("platform_instance_id", Hex(id.Span), "this very platform of several processors", Policy: "platform_instance_ids");
            if (pck.SmtEnabled is { } smt) yield return new("SMT", smt ? "on" : "off", "hyper-threading: neighbours on a core may learn what it does", Policy: "allow_smt");
        }
    }

    public static IEnumerable<EvidenceField> Rest(Quote quote, QuoteFile file)
    {
        if (file.EventLog is { } log) yield return new("cc_eventlog", CertificateWords.Sized(log.Span), "the firmware's story; believed only where replaying it leads to the RTMRs", Policy: "17", Covered: false);
        if (file.Unread.Count > 0) yield return new("other members", string.Join(", ", file.Unread), "nothing binds them to the quote", Covered: false);
        if (quote.Trailing.Length > 0) yield return new("trailing bytes", CertificateWords.Sized(quote.Trailing.Span), "after the quote; nothing signs them", Covered: false);
    }

    private static PckCertificate? TryParse(X509Certificate2 certificate)
    {
        try
        {
            return PckCertificate.Is(certificate) ? PckCertificate.Parse(certificate) : null;
        }
        catch (MalformedException)
        {
            return null;
        }
    }

    private static string Names(ulong value, (ulong Bit, string Name)[] names) => $"({string.Join(", ", names.Where(each => (value & each.Bit) != 0).Select(each => each.Name))})";

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);
}
