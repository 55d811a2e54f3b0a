using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nvidia;

/// <summary>What a report says, as claims for programs.</summary>
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

    private static JsonArray Words(IEnumerable<string> words) => new([.. words.Select(word => JsonValue.Create(word))]);
}
