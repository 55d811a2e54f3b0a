using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nvidia;

/// <summary>What a caller wants of NVIDIA devices. Each default is the strict one; null means that the caller decides, and the verdict says so.</summary>
/// <remarks>Members are set, not initialised: generated JSON code would overwrite the default of an init-only member that the text leaves out.</remarks>
internal sealed record NvidiaPolicy
{
    private const int MaxSizeInBytes = 1024 * 1024;

    /// <summary>Oldest word on revocation that counts, in days since it was issued.</summary>
    public int MaxEndorsementAgeDays { get; set; } = 7;

    /// <summary>Whether the attestation key's own certificate needs a word on revocation too. The device itself issues that certificate, so NVIDIA's responder may not know it.</summary>
    public bool LeafRevocation { get; set; } = true;

    /// <summary>How many devices there must be; null: the caller counts.</summary>
    public int? Devices { get; set; }

    /// <summary>How GPUs may be tied together: spt (one alone), mpt (encrypted NVLink), ppcie (NVLink in the clear, switches trusted).</summary>
    public IReadOnlyList<string> Modes { get; set; } = ["spt", "mpt"];

    /// <summary>hopper, blackwell, ls10: generations that are not believed whatever they sign.</summary>
    public IReadOnlyList<string> DeniedArchitectures { get; set; } = [];

    /// <summary>Serial numbers of devices in known custody, as NVIDIA certified them; null: any genuine one.</summary>
    public IReadOnlyList<string>? AllowedDevices { get; set; }

    /// <summary>Lowest driver version; null: any for which there is a RIM.</summary>
    public string? MinDriver { get; set; }

    /// <summary>Measurements beyond the RIMs, by NVIDIA's index: any of the values, in hexadecimal.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Measurements { get; set; } = new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>How many GPUs each switch must be tied to, all switches to the same ones; null: the caller looks.</summary>
    public int? GpusPerSwitch { get; set; }

    /// <exception cref="MalformedException">No policy of this kind.</exception>
    public static NvidiaPolicy Read(ReadOnlySpan<byte> json)
    {
        if (json.IsEmpty) return new();
        if (json.Length > MaxSizeInBytes) throw new MalformedException(MaxSizeInBytes, $"a policy has {MaxSizeInBytes} bytes at most");
        try
        {
            var policy = JsonSerializer.Deserialize(json, NvidiaJson.Default.NvidiaPolicy) ?? throw new MalformedException(-1, "a policy is an object");
            policy.RequireSense();
            return policy;
        }
        catch (JsonException e)
        {
            throw new MalformedException(e.BytePositionInLine ?? -1, $"no policy for NVIDIA devices: {e.Message}");
        }
    }

    public JsonObject ToJson() => JsonSerializer.SerializeToNode(this, NvidiaJson.Default.NvidiaPolicy)!.AsObject();

    private void RequireSense()
    {
        if (MaxEndorsementAgeDays is < 0 or > 3650) throw new MalformedException(-1, "max_endorsement_age_days is 0 to 3650");
        if (Devices is < 1 or > DeviceEvidence.MaxDevices) throw new MalformedException(-1, $"devices is 1 to {DeviceEvidence.MaxDevices}");
        if (GpusPerSwitch is < 1 or > 16) throw new MalformedException(-1, "gpus_per_switch is 1 to 16");
        if (Modes.FirstOrDefault(mode => mode is not ("spt" or "mpt" or "ppcie")) is { } mode) throw new MalformedException(-1, $"modes are spt, mpt and ppcie, not {mode}");
        if (DeniedArchitectures.FirstOrDefault(name => name is not ("hopper" or "blackwell" or "ls10")) is { } name) throw new MalformedException(-1, $"architectures are hopper, blackwell and ls10, not {name}");
        if (MinDriver is not null && DriverVersion.Parse(MinDriver) is null) throw new MalformedException(-1, "min_driver is numbers with points between them");
        foreach (var (index, values) in Measurements)
        {
            if (!byte.TryParse(index, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) || number == 255 || number.ToString(System.Globalization.CultureInfo.InvariantCulture) != index)
                throw new MalformedException(-1, $"{index} is no index of a measurement");
            if (values.Count == 0 || values.Any(value => value.Length is 0 or > 2048 || value.Length % 2 != 0 || value.AsSpan().ContainsAnyExcept("0123456789abcdef")))
                throw new MalformedException(-1, $"values of measurement {index} are bytes in lower-case hexadecimal, one at least");
        }
    }
}

/// <summary>A driver's version, compared number by number: 550.90.07.</summary>
internal static class DriverVersion
{
    /// <summary>Null for what is no version.</summary>
    public static IReadOnlyList<int>? Parse(string version)
    {
        var parts = version.Split('.');
        return parts.Length is >= 1 and <= 6 && parts.All(part => part.Length is >= 1 and <= 6 && part.All(char.IsAsciiDigit))
            ? [.. parts.Select(part => int.Parse(part, System.Globalization.CultureInfo.InvariantCulture))] : null;
    }

    /// <summary>False for what is no version; a number that one of them lacks is 0.</summary>
    public static bool IsAtLeast(string? version, string least)
    {
        if (version is null || Parse(version) is not { } found || Parse(least) is not { } wanted) return false;
        for (var i = 0; i < Math.Max(found.Count, wanted.Count); i++)
        {
            var (left, right) = (i < found.Count ? found[i] : 0, i < wanted.Count ? wanted[i] : 0);
            if (left != right) return left > right;
        }
        return true;
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(NvidiaPolicy))]
internal sealed partial class NvidiaJson : JsonSerializerContext;
