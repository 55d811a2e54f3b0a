using System.Security.Cryptography;
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
        yield return new("tee_type", $"{quote.Tee}", "the technology that the body is of");
        var intel = quote.VendorId.SequenceEqual(Quote.IntelVendorId);
        yield return new("qe_vendor_id", Hex(quote.VendorId), intel ? "Intel's quoting enclave" : "not Intel's quoting enclave: nobody can say what it signs", !intel);
        yield return new("user_data", Hex(quote.UserData), "chosen by the quoting enclave; the first 16 bytes name the platform to its quote provider");
    }

    public static IEnumerable<EvidenceField> Of(EnclaveReport report, string of)
    {
        var debug = (report.Flags & EnclaveReport.Debug) != 0;
        var unknown = (report.Flags & ~EnclaveReport.KnownFlags) != 0;
        yield return new($"{of}MRENCLAVE", Hex(report.MrEnclave), "hash of the enclave's code and data as loaded; compare it with the build that you trust", Policy: of.Length == 0 ? "mr_enclave" : null);
        yield return new($"{of}MRSIGNER", Hex(report.MrSigner), "hash of the key that signed the enclave: any enclave of that signer has it", Policy: of.Length == 0 ? "mr_signer" : "10.signer");
        yield return new($"{of}ISVPRODID", $"{report.IsvProductId}", "which of the signer's enclaves", Policy: of.Length == 0 ? "isv_prod_id" : "10.product");
        yield return new($"{of}ISVSVN", $"{report.IsvSvn}", "its security version; an old one may have known holes", Policy: of.Length == 0 ? "minimum_isv_svn" : "10.level");
        yield return new($"{of}ATTRIBUTES", $"{Hex(report.Attributes)} {Names(report.Flags, EnclaveFlags)}",
            debug ? "DEBUG: the host reads and writes the enclave's memory" : unknown ? "a reserved bit is set: its meaning is not known" : "no debugger can look inside", debug || unknown, Policy: of.Length == 0 ? "16.debug" : "10.attributes");
        yield return new($"{of}MISCSELECT", $"{report.MiscSelect:x8}", "what the processor writes when the enclave is interrupted", (report.MiscSelect & ~EnclaveReport.KnownMiscSelect) != 0);
        yield return new($"{of}CPUSVN", Hex(report.CpuSvn), "security versions of microcode and firmware");
        yield return new($"{of}CONFIGID", Hex(report.ConfigId), "configuration that the host gave at the start and the enclave may check", Policy: "config_id");
        yield return new($"{of}CONFIGSVN", $"{report.ConfigSvn}", "its version", Policy: "minimum_config_svn");
        yield return new($"{of}ISVEXTPRODID", Hex(report.IsvExtendedProductId), "longer product id, with KSS", Policy: "isv_ext_prod_id");
        yield return new($"{of}ISVFAMILYID", Hex(report.IsvFamilyId), "family of products, with KSS", Policy: "isv_family_id");
        yield return new($"{of}REPORTDATA", Hex(report.ReportData), "what the enclave itself put in: must be the hash of your challenge, else this may be a copy", Policy: "16.report_data");
        yield return new($"{of}reserved", report.ReservedIsZero ? "zero" : "not zero", "must be zero", !report.ReservedIsZero);
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
        yield return new("REPORTDATA", Hex(report.ReportData), "what the domain itself put in: must be the hash of your challenge, else this may be a copy", Policy: "16.report_data");
        if (!report.Is15) yield break;
        yield return new("TEE_TCB_SVN2", Hex(report.TeeTcbSvn2), "the same as TEE_TCB_SVN, now: where it is higher, starting the domain again makes it more current", Policy: "tcb_statuses");
        yield return new("MRSERVICETD", Hex(report.MrServiceTd), "the migration domain that serves this one; zero is none", Policy: "mr_service_td");
    }

    public static IEnumerable<EvidenceField> Certification(Quote quote, IReadOnlyList<X509Certificate2> chain)
    {
        foreach (var field in Of(new EnclaveReport(quote.QeReport), "QE ").Where(field => field.Name is "QE MRSIGNER" or "QE ISVPRODID" or "QE ISVSVN" or "QE ATTRIBUTES")) yield return field;
        yield return new("certification_data", $"type {quote.CertificationType}, {quote.CertificationData.Length} bytes", quote.CertificationType switch
        {
            1 or 2 or 3 => "names the platform's certificate, which has to be fetched",
            4 => "the platform's certificate",
            _ => "the platform's certificate with its chain",
        });
        foreach (var certificate in chain)
        {
            yield return Of(certificate);
            if (TryParse(certificate) is not { } pck) continue;
            yield return new("FMSPC", Hex(pck.Fmspc.Span), "generation and type of the platform; TCB info is by this", Policy: "denied_fmspcs");
            yield return new("PPID", Hex(pck.Ppid.Span), "this very processor", Policy: "ppids");
            yield return new("PCK CPUSVN", Hex(pck.CpuSvn.Span), $"components {string.Join(".", pck.Components)}, PCESVN {pck.PceSvn}", Policy: "tcb_statuses");
            if (pck.PlatformInstanceId is { } id) yield return new("platform_instance_id", Hex(id.Span), "this very platform of several processors", Policy: "platform_instance_ids");
            if (pck.SmtEnabled is { } smt) yield return new("SMT", smt ? "on" : "off", "hyper-threading: neighbours on a core may learn what it does", Policy: "allow_smt");
        }
    }

    public static IEnumerable<EvidenceField> Rest(Quote quote, QuoteFile file)
    {
        if (file.EventLog is { } log) yield return new("cc_eventlog", $"{log.Length} bytes", "the firmware's story; believed only where replaying it leads to the RTMRs");
        if (file.Unread.Count > 0) yield return new("other members", string.Join(", ", file.Unread), "nothing binds them to the quote");
        if (quote.Trailing.Length > 0) yield return new("trailing bytes", $"{quote.Trailing.Length}", "after the quote; nothing signs them");
    }

    /// <summary>Certificates are loaded without looking at every field; some of them fail only when they are asked.</summary>
    private static EvidenceField Of(X509Certificate2 certificate)
    {
        try
        {
            return new("certificate", certificate.Subject, $"issued by {certificate.Issuer}, valid {certificate.NotBefore.ToUniversalTime():u} to {certificate.NotAfter.ToUniversalTime():u}");
        }
        catch (CryptographicException)
        {
            return new("certificate", "cannot be read", "a name or a time in it is broken", Danger: true);
        }
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
