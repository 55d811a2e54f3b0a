using System.Buffers.Binary;
using System.Text.Json;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Snp;

/// <summary>
/// Evidence as guests of key brokers send it: <c>{"attestation_report": {...}, "cert_chain": [...]}</c>, alone or inside <c>primary_evidence</c> or
/// <c>tee-evidence</c>. The report's fields are written back to where the firmware had them; a field in the wrong place, or one that this does not know, cannot
/// carry a signature over, because the signature covers the 672 bytes that the chip wrote.
/// </summary>
internal static class SnpJson
{
    public const int MaxSizeInBytes = 1024 * 1024;
    private const int MaxDepth = 16;
    private const int MaxCertificates = 64;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = MaxDepth, AllowDuplicateProperties = false };

    /// <exception cref="MalformedException">Another shape, an unknown member, an array of another length.</exception>
    public static SnpEvidence Parse(ReadOnlyMemory<byte> json)
    {
        if (json.Length > MaxSizeInBytes) throw new MalformedException(MaxSizeInBytes, $"JSON evidence has {MaxSizeInBytes} bytes at most");
        try
        {
            using var document = JsonDocument.Parse(json, Strict);
            return Evidence(document.RootElement, 0);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException and not MalformedException)
        {
            throw new MalformedException(-1, $"no SEV-SNP evidence as JSON: {e.Message}");
        }
    }

    private static SnpEvidence Evidence(JsonElement element, int depth)
    {
        if (depth > 3) throw new MalformedException(-1, "evidence in evidence in evidence");
        if (element.ValueKind == JsonValueKind.String)
        {
            using var inner = JsonDocument.Parse(element.GetString()!, Strict);
            return Evidence(inner.RootElement.Clone(), depth + 1);
        }
        if (element.TryGetProperty("tee-evidence", out var request))
        {
            return Inner(element, request, ["tee-evidence", "tee-pubkey", "runtime-data", "init-data"], depth);
        }
        if (element.TryGetProperty("primary_evidence", out var primary))
        {
            return Inner(element, primary, ["primary_evidence", "additional_evidence"], depth);
        }
        RequireOnly(element, ["attestation_report", "cert_chain"]);
        return new(SnpReport.Parse(Report(element.GetProperty("attestation_report"))), Chain(element));
    }

    private static SnpEvidence Inner(JsonElement around, JsonElement evidence, string[] members, int depth)
    {
        RequireOnly(around, members);
        var inner = Evidence(evidence, depth + 1);
        var beside = members.Skip(1).Where(name => around.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null);
        return inner with { Unread = [.. beside, .. inner.Unread] };
    }

    private static List<SnpTableEntry> Chain(JsonElement evidence)
    {
        if (!evidence.TryGetProperty("cert_chain", out var chain) || chain.ValueKind == JsonValueKind.Null) return [];
        if (chain.GetArrayLength() > MaxCertificates) throw new MalformedException(-1, $"a chain has {MaxCertificates} certificates at most");
        List<SnpTableEntry> entries = [];
        foreach (var entry in chain.EnumerateArray())
        {
            RequireOnly(entry, ["cert_type", "data"]);
            var type = entry.GetProperty("cert_type");
            var kind = type.ValueKind == JsonValueKind.String ? type.GetString()! : type.GetProperty("OTHER").GetString()!;
            if (kind != "Empty") entries.Add(new(kind, Bytes(entry.GetProperty("data"), null)));
        }
        return entries;
    }

    /// <summary>Both spellings of the guests' library: with reserved fields and split versions (before its version 6), and without.</summary>
    private static byte[] Report(JsonElement report)
    {
        if (report.ValueKind == JsonValueKind.String) return Bytes(report, SnpReport.SizeInBytes);
        var bytes = new byte[SnpReport.SizeInBytes];
        var known = new HashSet<string>();
        U32("version", 0x000);
        U32("guest_svn", 0x004);
        U64("policy", 0x008);
        Array("family_id", 0x010, 16);
        Array("image_id", 0x020, 16);
        U32("vmpl", 0x030);
        U32("sig_algo", 0x034);
        Tcb("current_tcb", 0x038);
        U64("plat_info", 0x040);
        U32(report.TryGetProperty("key_info", out _) ? "key_info" : "_author_key_en", 0x048);
        Array("report_data", 0x050, 64);
        Array("measurement", 0x090, 48);
        Array("host_data", 0x0C0, 32);
        Array("id_key_digest", 0x0E0, 48);
        Array("author_key_digest", 0x110, 48);
        Array("report_id", 0x140, 32);
        Array("report_id_ma", 0x160, 32);
        Tcb("reported_tcb", 0x180);
        foreach (var (name, offset) in ((string, int)[])[("cpuid_fam_id", 0x188), ("cpuid_mod_id", 0x189), ("cpuid_step", 0x18A)])
        {
            if (Optional(name) is { } value) bytes[offset] = value.GetByte();
        }
        Array("chip_id", 0x1A0, 64);
        Tcb("committed_tcb", 0x1E0);
        Firmware("current", 0x1E8);
        Firmware("committed", 0x1EC);
        Tcb("launch_tcb", 0x1F0);
        if (Optional("launch_mit_vector") is { } launch) BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(0x1F8), launch.GetUInt64());
        if (Optional("current_mit_vector") is { } current) BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(0x200), current.GetUInt64());
        if (Optional("_reserved_0") is { } first) BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(0x04C), first.GetUInt32());
        if (Optional("_reserved_1") is { } second) Bytes(second, 24).CopyTo(bytes, 0x188);
        if (Optional("_reserved_2") is { } third) bytes[0x1EB] = third.GetByte();
        if (Optional("_reserved_3") is { } fourth) bytes[0x1EF] = fourth.GetByte();
        if (Optional("_reserved_4") is { } fifth) Bytes(fifth, 168).CopyTo(bytes, 0x1F8);
        var signature = Required("signature");
        RequireOnly(signature, ["r", "s", "_reserved"]);
        Bytes(signature.GetProperty("r"), 72).CopyTo(bytes, 0x2A0);
        Bytes(signature.GetProperty("s"), 72).CopyTo(bytes, 0x2E8);
        if (signature.TryGetProperty("_reserved", out var last)) Bytes(last, 368).CopyTo(bytes, 0x330);
        RequireOnly(report, known);
        return bytes;

        JsonElement Required(string name)
        {
            known.Add(name);
            return report.TryGetProperty(name, out var value) ? value : throw new MalformedException(-1, $"a report without {name}");
        }

        JsonElement? Optional(string name)
        {
            known.Add(name);
            return report.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
        }

        void U32(string name, int offset) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(offset), Required(name).GetUInt32());

        void U64(string name, int offset) => BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(offset), Required(name).GetUInt64());

        void Array(string name, int offset, int length) => Bytes(Required(name), length).CopyTo(bytes, offset);

        void Tcb(string name, int offset)
        {
            var tcb = Required(name);
            RequireOnly(tcb, ["fmc", "bootloader", "tee", "_reserved", "snp", "microcode"]);
            var at = bytes.AsSpan(offset, 8);
            var (loader, tee, snp) = (tcb.GetProperty("bootloader").GetByte(), tcb.GetProperty("tee").GetByte(), tcb.GetProperty("snp").GetByte());
            at[7] = tcb.GetProperty("microcode").GetByte();
            if (tcb.TryGetProperty("fmc", out var fmc) && fmc.ValueKind != JsonValueKind.Null)
            {
                (at[0], at[1], at[2], at[3]) = (fmc.GetByte(), loader, tee, snp);
                return;
            }
            (at[0], at[1], at[6]) = (loader, tee, snp);
            if (tcb.TryGetProperty("_reserved", out var reserved)) Bytes(reserved, 4).CopyTo(at[2..]);
        }

        void Firmware(string name, int offset)
        {
            if (Optional(name) is not { } version)
            {
                (bytes[offset], bytes[offset + 1], bytes[offset + 2]) = (Required($"{name}_build").GetByte(), Required($"{name}_minor").GetByte(), Required($"{name}_major").GetByte());
                return;
            }
            RequireOnly(version, ["major", "minor", "build"]);
            (bytes[offset], bytes[offset + 1], bytes[offset + 2]) = (version.GetProperty("build").GetByte(), version.GetProperty("minor").GetByte(), version.GetProperty("major").GetByte());
        }
    }

    /// <summary>An array of numbers; or hexadecimal or base64 text, told apart by the length where that is known.</summary>
    private static byte[] Bytes(JsonElement element, int? length)
    {
        var bytes = element.ValueKind != JsonValueKind.String ? [.. element.EnumerateArray().Select(each => each.GetByte())]
            : length is { } size && element.GetString()!.Length == 2 * size ? Convert.FromHexString(element.GetString()!)
            : Convert.FromBase64String(element.GetString()!);
        return length is null || bytes.Length == length ? bytes : throw new MalformedException(-1, $"{bytes.Length} bytes where the report has {length}");
    }

    private static void RequireOnly(JsonElement element, IReadOnlyCollection<string> known)
    {
        foreach (var member in element.EnumerateObject())
        {
            if (!known.Contains(member.Name)) throw new MalformedException(-1, $"evidence with the member {member.Name}, which nothing here reads");
        }
    }
}
