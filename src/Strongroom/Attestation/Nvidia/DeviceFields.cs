using System.Globalization;
using Strongroom.Attestation.Appraisal;

namespace Strongroom.Attestation.Nvidia;

/// <summary>One device's evidence in words, for people.</summary>
/// <param name="evidence">What it said.</param>
/// <param name="kind">A GPU or a switch.</param>
/// <param name="place">Among several devices; null where it is the only one.</param>
internal sealed class DeviceFields(DeviceEvidence evidence, NvidiaKind kind, int? place)
{
    /// <summary>As NVIDIA's own verifier calls the types; a type that is not here has no name that this program knows.</summary>
    private static readonly Dictionary<int, string> OpaqueNames = new()
    {
        [1] = "certificate issuer", [2] = "authority key identifier", [OpaqueData.DriverVersion] = "driver version", [4] = "GPU info", [5] = "SKU", [OpaqueData.VbiosVersion] = "VBIOS version",
        [7] = "manufacturer", [8] = "tamper detection", [9] = "SMC", [10] = "VPR", [OpaqueData.Nvdec0Status] = "NVDEC0 status", [12] = "measurement counts", [13] = "CPR info", [14] = "board id",
        [OpaqueData.ChipSku] = "chip SKU", [16] = "chip SKU, modifier", [OpaqueData.Project] = "project", [OpaqueData.ProjectSku] = "project SKU", [19] = "project SKU, modifier", [OpaqueData.Fwid] = "FWID",
        [OpaqueData.ProtectedPcieStatus] = "protected PCIe status", [OpaqueData.Pdis] = "ids of switches", [23] = "ports without use", [24] = "position", [OpaqueData.LockStatus] = "switch lock status",
        [OpaqueData.SwitchGpuPdis] = "ids of GPUs", [OpaqueData.DataVersion] = "version of these fields", [35] = "chip info", [OpaqueData.FeatureFlag] = "feature flag: 0 SPT, 1 MPT, 2 PPCIE",
    };

    private readonly SpdmReport report = evidence.Report;
    private readonly OpaqueData opaque = evidence.Report.Opaque;
    private readonly List<EvidenceField> fields = [];

    public static IReadOnlyList<EvidenceField> Of(IReadOnlyList<DeviceEvidence> devices, NvidiaKind kind) =>
        [.. devices.SelectMany((device, i) => new DeviceFields(device, kind, devices.Count == 1 ? null : i).All())];

    private List<EvidenceField> All()
    {
        Asked();
        Certified();
        if (kind.IsSwitch) OfSwitch();
        else OfGpu();
        Measured();
        return fields;
    }

    private void Asked()
    {
        Add("nonce", Hex(report.Nonce), "the challenge that this answers; a report with another one is a copy of an answer to somebody else", $"{Id("5")}, --nonce");
        Add("request", $"attributes 0x{report.RequestAttributes:x2}, index 0x{report.RequestedIndex:x2}, slot {report.Slot}", "0x01 and 0xff ask for all measurements, signed; anything else leaves something out", $"{Id("1.request")}, {Id("1.slot")}",
            report is not { RequestAttributes: 1, RequestedIndex: 0xFF });
    }

    private void Certified()
    {
        if (evidence.Certificates.Count == 0)
        {
            Add("certificates", null, "a bare report: nothing of it can be verified without the device's certificate chain", Id("2.chain"));
            return;
        }
        var leaf = DeviceCertificate.Read(evidence.Certificates[0]);
        var architecture = DeviceCertificate.Architecture(leaf.Product);
        Add("product", leaf.Product, $"what the certificate says that it is: {architecture ?? "of no known generation"}", $"{Id("2.product")}, denied_architectures", !kind.Is(architecture));
        Add("device id", leaf.Serial, "the device, for ever; two reports with one id are one device that answers twice", $"{Id("2.chain")}, allowed_devices");
        Add("FWID in the certificate", Hex(leaf.Fwid), "the firmware for which the attestation key was made", Id("3"), leaf.Fwid is null);
        for (var i = 0; i < evidence.Certificates.Count; i++)
        {
            var meaning = i == 0 ? "its key signed the report, and the device's own key, which NVIDIA certified, vouches for it" : "counts only as far as NVIDIA's pinned root vouches for it";
            var field = CertificateWords.Of($"certificate[{i}]", evidence.Certificates[i], meaning, i == 0 ? $"{Id("2.chain")}, {Id("6")}" : Id("2.chain"));
            fields.Add(field with { Name = Name(field.Name) });
        }
    }

    private void OfGpu()
    {
        Add("FWID in the report", Hex(opaque[OpaqueData.Fwid]), "the firmware that runs; must be the certificate's", Id("3"), opaque[OpaqueData.Fwid] is null);
        Add("driver version", opaque.Text(OpaqueData.DriverVersion), "its RIM has the wanted measurements; an old driver has known holes", $"{Id("7.driver.version")}, min_driver");
        var mode = opaque.Mode();
        Add("mode", mode, mode switch
        {
            "spt" => "one GPU alone",
            "mpt" => "several GPUs, NVLink encrypted",
            "ppcie" => "several GPUs, NVLink in the clear: the switches must be attested too",
            _ => "a number without a meaning",
        }, "modes", mode is null or "ppcie");
        Add("NVDEC0", opaque[OpaqueData.Nvdec0Status] switch { { Span: [OpaqueData.On] } => "on", { Span: [OpaqueData.Off] } => "off", _ => "unknown" }, "where it is off, measurement 35 does not count", null);
        Add("board", $"{opaque.Text(OpaqueData.Project)}_{opaque.Text(OpaqueData.ProjectSku)}_{opaque.Text(OpaqueData.ChipSku)}", "project, its variant and the chip's; they say which VBIOS RIM to get", null);
        Add("VBIOS version", opaque.Vbios(), "its RIM has the wanted measurements", Id("7.vbios.version"));
    }

    private void OfSwitch()
    {
        Add("switch id", opaque.SwitchId(), "the switch, for ever", "composite.6.switches");
        Add("GPU ids", string.Join(" ", opaque.GpuIds()), "the GPUs at its ports; all ones or zeros where there is none", "gpus_per_switch, composite.6.gpus");
        Add("BIOS version", opaque.Vbios(), "its RIM has the wanted measurements", Id("7.bios.version"));
    }

    private void Measured()
    {
        foreach (var (name, stated) in evidence.Stated.Where(each => each.Key != "cc_mode"))
            fields.Add(new(Name($"stated {name}"), stated, "the document's word beside the report; must be what the report says", Policy: Id("1.envelope"), Covered: false));
        var cc = evidence.Stated.GetValueOrDefault("cc_mode");
        fields.Add(new(Name("confidential computing"), cc ?? "(none)", "on; off or devtools means that the host can read the device's memory. The report has no field for it", cc is not (null or "on"), Id("9.cc"), Covered: false));
        var rims = string.Join(", ", (kind.IsSwitch ? ["8.bios"] : (string[])["8.driver", "8.vbios"]).Select(Id));
        foreach (var block in report.Blocks)
            Add($"measurement {block.Index - 1}", Hex(block.Value), block.Value.Span.ContainsAnyExcept((byte)0) ? "as measured; compare with the RIMs" : "nothing was measured here", $"{rims}, measurements[{block.Index - 1}]");
        foreach (var (type, value) in opaque.Fields) Add(string.Create(CultureInfo.InvariantCulture, $"opaque {type}"), Hex(value), $"{OpaqueNames.GetValueOrDefault(type, "of no known meaning")}; under the signature as well", NoticedBy(type));
        Add("device's nonce", Hex(report.DeviceNonce), "what the device itself drew, so that no two answers are the same", null);
        Add("signature", Hex(report.Signature), "the attestation key's, over the request and its response", Id("6"));
    }

    /// <summary>Fields that are shown decoded too are noticed as these are; the others only describe the device.</summary>
    private string? NoticedBy(int type) => type switch
    {
        OpaqueData.DriverVersion when !kind.IsSwitch => $"{Id("7.driver.version")}, min_driver",
        OpaqueData.DriverVersion => Id("1.kind"),
        OpaqueData.VbiosVersion => Id(kind.IsSwitch ? "7.bios.version" : "7.vbios.version"),
        OpaqueData.Fwid => Id("3"),
        OpaqueData.FeatureFlag or OpaqueData.ProtectedPcieStatus when !kind.IsSwitch => "modes",
        OpaqueData.Pdis => "composite.6.switches",
        OpaqueData.LockStatus when kind.IsSwitch => Id("9.lock"),
        OpaqueData.SwitchGpuPdis when kind.IsSwitch => "gpus_per_switch, composite.6.gpus",
        _ => null,
    };

    private void Add(string name, string? value, string meaning, string? noticedBy, bool danger = false) => fields.Add(new(Name(name), value ?? "(none)", meaning, danger, noticedBy));

    private string Name(string name) => place is { } i ? $"{i}: {name}" : name;

    private string Id(string step) => $"{kind.Prefix}.{step}{(place is { } i ? $".{i}" : "")}";

    private static string? Hex(ReadOnlyMemory<byte>? bytes) => bytes is { } there ? Convert.ToHexStringLower(there.Span) : null;
}
