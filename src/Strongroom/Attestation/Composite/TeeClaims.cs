using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Strongroom.Attestation.Composite;

/// <summary>
/// What of a good verdict's claims stays the same from one piece of evidence to the next, as exact strings: what people approve, and what reference values are compared
/// with (spec/evidence-composite.md, Claims). Nothing of it is about which machine it is.
/// </summary>
internal static class TeeClaims
{
    private static readonly (string Name, string Claim)[] Snp =
    [
        ("product", "product"), ("measurement", "measurement"), ("host_data", "host_data"), ("id_key_digest", "id_key_digest"), ("author_key_digest", "author_key_digest"), ("family_id", "family_id"),
        ("image_id", "image_id"), ("guest_svn", "guest_svn"), ("vmpl", "vmpl"), ("signing_key", "signing_key"), ("provider", "provider_id"), ("policy", "policy_bits"), ("platform", "platform_bits"),
    ];

    private static readonly (string Name, string Claim)[] Tdx =
    [
        ("mrtd", "mr_td"), ("rtmr0", "rtmr0"), ("rtmr1", "rtmr1"), ("rtmr2", "rtmr2"), ("rtmr3", "rtmr3"), ("mrseam", "mr_seam"), ("mrconfigid", "mr_config_id"), ("mrowner", "mr_owner"),
        ("mrownerconfig", "mr_owner_config"), ("mrservicetd", "mr_service_td"), ("td_attributes", "td_attributes"), ("xfam", "xfam"), ("tee_tcb_svn", "tee_tcb_svn"),
    ];

    private static readonly (string Name, string Level)[] SnpLevels = [("tcb.bootloader", "boot_loader"), ("tcb.fmc", "fmc"), ("tcb.microcode", "microcode"), ("tcb.snp", "snp"), ("tcb.tee", "tee")];

    /// <summary>The register of an enclave that measures which instance it is on: the identity says that.</summary>
    private const string InstanceId = "4";

    private static readonly string[] Versions = ["reported_tcb", "current_tcb", "committed_tcb", "launch_tcb"];

    private static readonly (string Name, string Claim)[] Gpu = [("architecture", "architecture"), ("cc_mode", "cc_mode"), ("driver", "driver_version"), ("mode", "mode"), ("vbios", "vbios_version")];

    private static readonly (string Name, string Claim)[] Switch = [("bios", "bios_version")];

    /// <param name="claims">Of a good composite verdict.</param>
    public static IReadOnlyDictionary<string, string> Of(JsonObject claims)
    {
        var flat = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var cpu = claims["cpu"]!.AsObject();
        switch ((string?)cpu["kind"])
        {
            case "sev-snp":
                Copy(Snp, cpu, flat);
                foreach (var (name, level) in SnpLevels) Lowest(name, level, cpu, flat);
                break;
            case "tdx":
                Copy(Tdx, cpu, flat);
                flat["fmspc"] = Word(cpu["platform"]!["fmspc"]!);
                flat["tcb_status"] = Word(cpu["tcb"]!["status"]!);
                flat["tcb_date"] = Word(cpu["tcb"]!["date"]!)[.."2026-01-31".Length];
                break;
            default:
                flat["platform"] = Word(cpu["platform"]!);
                foreach (var (index, value) in cpu["pcrs"]!.AsObject().Where(pcr => pcr.Key != InstanceId)) flat[$"pcr{index}"] = Word(value!);
                break;
        }
        var devices = claims["devices"]!.AsArray().Select(device => device!.AsObject()).ToLookup(device => (string?)device["kind"]);
        All("gpus", "gpu.", Gpu, [.. devices["nvidia-gpu"]], flat);
        All("switches", "switch.", Switch, [.. devices["nvidia-switch"]], flat);
        return flat;
    }

    /// <summary>Whether evidence of a machine with this processor can have the claim.</summary>
    public static bool Has(string kind, string claim) => claim is "gpus" or "switches" || IsOfDevices(claim, "gpu.", Gpu) || IsOfDevices(claim, "switch.", Switch) || kind switch
    {
        "sev-snp" => Snp.Any(each => each.Name == claim) || SnpLevels.Any(each => each.Name == claim),
        "tdx" => Tdx.Any(each => each.Name == claim) || claim is "fmspc" or "tcb_status" or "tcb_date",
        "nitro" => claim is "platform" || (claim != "pcr" + InstanceId && Enumerable.Range(0, 32).Any(index => claim == $"pcr{index}")),
        _ => false,
    };

    /// <summary>Whether the claim can be a whole number, so that one can be at least another.</summary>
    public static bool IsNumber(string claim) => claim is "gpus" or "switches" or "guest_svn" or "vmpl" || claim.EndsWith(".count", StringComparison.Ordinal) || SnpLevels.Any(each => each.Name == claim);

    /// <summary>Whether the claim is a day.</summary>
    public static bool IsDay(string claim) => claim == "tcb_date";

    private static bool IsOfDevices(string claim, string prefix, (string Name, string Claim)[] each)
    {
        if (!claim.StartsWith(prefix, StringComparison.Ordinal)) return false;
        var name = claim[prefix.Length..];
        return each.Any(one => one.Name == name) || Enumerable.Range(1, CompositeEvidence.MaxDevices).Any(group => name == $"{group}.count" || each.Any(one => name == $"{group}.{one.Name}"));
    }

    private static void Copy((string Name, string Claim)[] wanted, JsonObject claims, SortedDictionary<string, string> flat, string prefix = "")
    {
        foreach (var (name, claim) in wanted)
        {
            if (claims[claim] is { } value) flat[prefix + name] = Word(value);
        }
    }

    /// <summary>The lowest of the four levels that a report tells: firmware that can be taken back, or that the guest was launched under, counts as much as what runs.</summary>
    private static void Lowest(string name, string level, JsonObject cpu, SortedDictionary<string, string> flat)
    {
        if (cpu["reported_tcb"]?[level] is null) return;
        var lowest = Versions.Min(which => (int)cpu[which]![level]!);
        flat[name] = Number(lowest);
    }

    /// <summary>
    /// Devices that all say the same say it once. Where they differ, each combination stands by itself with how many say so: which driver runs with which VBIOS, and on how
    /// many, is part of what people approve.
    /// </summary>
    private static void All(string count, string prefix, (string Name, string Claim)[] wanted, IReadOnlyList<JsonObject> devices, SortedDictionary<string, string> flat)
    {
        flat[count] = Number(devices.Count);
        var groups = devices.GroupBy(device => string.Join('\n', wanted.Select(each => device[each.Claim] is { } value ? Word(value) : ""))).OrderBy(group => group.Key, StringComparer.Ordinal).ToList();
        if (groups is [var all]) Copy(wanted, all.First(), flat, prefix);
        else for (var i = 0; i < groups.Count; i++)
        {
            flat[$"{prefix}{i + 1}.count"] = Number(groups[i].Count());
            Copy(wanted, groups[i].First(), flat, $"{prefix}{i + 1}.");
        }
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Word(JsonNode value) => value.GetValueKind() == JsonValueKind.String ? (string)value! : value.ToJsonString();
}
