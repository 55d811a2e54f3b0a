using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nvidia;

/// <summary>What a report says: as claims for programs, and in words for people.</summary>
internal static class DeviceWords
{
    private const string SerialNumberOid = "2.5.4.5";

    public static JsonObject Claims(DeviceEvidence evidence, DeviceCertificate? leaf, string? architecture, string? serial, Digest? key, NvidiaKind kind)
    {
        var report = evidence.Report;
        var opaque = report.Opaque;
        var claims = new JsonObject
        {
            ["architecture"] = architecture,
            ["product"] = leaf?.Product,
            ["device_serial"] = serial,
            ["device_key"] = key?.ToString(),
            ["pdi"] = leaf?.Serial,
            ["fwid"] = leaf?.Fwid is { } fwid ? Convert.ToHexStringLower(fwid.Span) : null,
            ["nonce"] = Convert.ToHexStringLower(report.Nonce.Span),
            [kind.IsSwitch ? "bios_version" : "vbios_version"] = opaque.Vbios(),
            ["measurements"] = new JsonObject([.. report.Blocks.DistinctBy(block => block.Index).Select(block =>
                KeyValuePair.Create((block.Index - 1).ToString(CultureInfo.InvariantCulture), (JsonNode?)Convert.ToHexStringLower(block.Value.Span)))]),
        };
        if (kind.IsSwitch)
        {
            claims["switch_id"] = opaque.SwitchId();
            claims["gpu_ids"] = Words(opaque.GpuIds());
        }
        else
        {
            claims["driver_version"] = opaque.Text(OpaqueData.DriverVersion);
            claims["mode"] = opaque.Mode();
            claims["cc_mode"] = evidence.Stated.GetValueOrDefault("cc_mode");
            claims["switch_ids"] = Words(opaque.SwitchIds());
        }
        return claims;
    }

    /// <summary>The serial number in a subject's name, which NVIDIA's provisioner certified; null where there is not exactly one.</summary>
    public static string? SerialNumber(X509Certificate2 certificate)
    {
        var found = certificate.SubjectName.EnumerateRelativeDistinguishedNames().Where(name => !name.HasMultipleElements && name.GetSingleElementType().Value == SerialNumberOid).Take(2).ToList();
        return found is [var only] ? only.GetSingleElementValue() : null;
    }

    public static IReadOnlyList<EvidenceField> Of(IReadOnlyList<DeviceEvidence> devices, NvidiaKind kind)
    {
        List<EvidenceField> fields = [];
        for (var i = 0; i < devices.Count; i++) Device(devices[i], kind, devices.Count == 1 ? "" : $"{i}: ", fields);
        return fields;
    }

    private static void Device(DeviceEvidence evidence, NvidiaKind kind, string prefix, List<EvidenceField> fields)
    {
        var (report, opaque) = (evidence.Report, evidence.Report.Opaque);
        void Add(string name, string? value, string meaning, bool danger = false) => fields.Add(new(prefix + name, value ?? "(none)", meaning, danger));
        var leaf = evidence.Certificates.Count > 0 ? DeviceCertificate.Read(evidence.Certificates[0]) : null;
        Add("nonce", Convert.ToHexStringLower(report.Nonce.Span), "the challenge that this answers; a report with another one is a copy of an answer to somebody else");
        Add("request", $"attributes 0x{report.RequestAttributes:x2}, index 0x{report.RequestedIndex:x2}", "0x01 and 0xff ask for all measurements, signed; anything else leaves something out", report is not { RequestAttributes: 1, RequestedIndex: 0xFF });
        if (leaf is not null)
        {
            Add("product", leaf.Product, $"what the certificate says that it is: {DeviceCertificate.Architecture(leaf.Product) ?? "of no known generation"}", !kind.Is(DeviceCertificate.Architecture(leaf.Product)));
            Add("device id", leaf.Serial, "the device, for ever; two reports with one id are one device that answers twice");
            Add("FWID in the certificate", leaf.Fwid is { } fwid ? Convert.ToHexStringLower(fwid.Span) : null, "the firmware for which the attestation key was made", leaf.Fwid is null);
            Add("issued by", evidence.Certificates[0].Issuer, "the device's own key, which NVIDIA certified");
        }
        else Add("certificates", null, "a bare report: nothing of it can be verified without the device's certificate chain");
        if (!kind.IsSwitch)
        {
            var inReport = opaque[OpaqueData.Fwid];
            Add("FWID in the report", inReport is { } bytes ? Convert.ToHexStringLower(bytes.Span) : null, "the firmware that runs; must be the certificate's", inReport is null);
            Add("driver version", opaque.Text(OpaqueData.DriverVersion), "its RIM has the wanted measurements; an old driver has known holes");
            var mode = opaque.Mode();
            Add("mode", mode, mode switch
            {
                "spt" => "one GPU alone",
                "mpt" => "several GPUs, NVLink encrypted",
                "ppcie" => "several GPUs, NVLink in the clear: the switches must be attested too",
                _ => "a number without a meaning",
            }, mode is null or "ppcie");
            Add("NVDEC0", opaque[OpaqueData.Nvdec0Status] switch { { Span: [OpaqueData.On] } => "on", { Span: [OpaqueData.Off] } => "off", _ => "unknown" }, "where it is off, measurement 35 does not count");
            Add("board", $"{opaque.Text(OpaqueData.Project)}_{opaque.Text(OpaqueData.ProjectSku)}_{opaque.Text(OpaqueData.ChipSku)}", "project, its variant and the chip's; they select the VBIOS RIM");
        }
        else
        {
            Add("switch id", opaque.SwitchId(), "the switch, for ever");
            Add("GPU ids", string.Join(" ", opaque.GpuIds()), "the GPUs at its ports; all ones or zeros where there is none");
        }
        Add(kind.IsSwitch ? "BIOS version" : "VBIOS version", opaque.Vbios(), "its RIM has the wanted measurements");
        Add("confidential computing", evidence.Stated.GetValueOrDefault("cc_mode"), "on; off or devtools means that the host can read the device's memory. The report has no field for it", evidence.Stated.GetValueOrDefault("cc_mode") is not (null or "on"));
        foreach (var block in report.Blocks) Add($"measurement {block.Index - 1}", Convert.ToHexStringLower(block.Value.Span), block.Value.Span.ContainsAnyExcept((byte)0) ? "as measured; compare with the RIMs" : "nothing was measured here");
        foreach (var (type, value) in opaque.Fields) Add($"opaque {type}", Convert.ToHexStringLower(value.Span), "under the signature as well");
    }

    private static JsonArray Words(IEnumerable<string> words) => new([.. words.Select(word => JsonValue.Create(word))]);
}
