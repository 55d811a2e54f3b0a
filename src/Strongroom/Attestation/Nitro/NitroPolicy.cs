using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nitro;

/// <summary>What an attestation document must satisfy beyond being genuine. Members that are not given have these values: their setters are no init, whose values generated readers forget.</summary>
internal sealed record NitroPolicy
{
    private const int PcrSizeInBytes = 48;

    /// <summary>Oldest document, in seconds.</summary>
    public int MaxAgeSeconds { get; set; } = 3600;

    /// <summary>How far the document's clock may be ahead, in seconds.</summary>
    public int MaxClockSkewSeconds { get; set; } = 300;

    /// <summary>Whether a certificate that names a revocation list needs one. AWS asks verifiers not to use them; lists that are given are always checked.</summary>
    public bool RequireRevocationLists { get; set; }

    /// <summary>Oldest revocation list since it was issued, in days.</summary>
    public int MaxEndorsementAgeDays { get; set; } = 7;

    /// <summary>Enclaves: by index, the values of which one must be found, each 96 lower-case hexadecimal digits.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Pcrs { get; set; } = new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>Instances with a NitroTPM: the same.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> NitrotpmPcrs { get; set; } = new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>The public key that the document must carry, base64 of its DER; null for any or none.</summary>
    public byte[]? PublicKey { get; set; }

    /// <param name="json">Empty for the built-in policy.</param>
    /// <exception cref="MalformedException">Unknown members, values out of range, registers that software can reset.</exception>
    public static NitroPolicy Parse(ReadOnlySpan<byte> json)
    {
        if (json.IsEmpty) return new();
        try
        {
            var policy = JsonSerializer.Deserialize(json, NitroPolicyJson.Default.NitroPolicy) ?? throw new MalformedException(-1, "a policy is not null");
            policy.RequireSense();
            return policy;
        }
        catch (JsonException e)
        {
            throw new MalformedException(-1, $"no policy for nitro: {e.Message}");
        }
    }

    public JsonObject ToJson() => JsonSerializer.SerializeToNode(this, NitroPolicyJson.Default.NitroPolicy)!.AsObject();

    /// <summary>The wanted values for documents of a platform, by index.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Wanted(NitroPlatform platform) => platform == NitroPlatform.Tpm ? NitrotpmPcrs : Pcrs;

    /// <summary>A policy that names registers of one platform only is not met by documents of the other: the same numbers mean other things there.</summary>
    public bool Accepts(NitroPlatform platform) => Wanted(platform).Count > 0 || (Pcrs.Count == 0 && NitrotpmPcrs.Count == 0);

    private void RequireSense()
    {
        if (MaxAgeSeconds is < 1 or > 86_400) throw new MalformedException(-1, "max_age_seconds is 1 to 86400");
        if (MaxClockSkewSeconds is < 0 or > 3600) throw new MalformedException(-1, "max_clock_skew_seconds is 0 to 3600");
        if (MaxEndorsementAgeDays is < 1 or > 366) throw new MalformedException(-1, "max_endorsement_age_days is 1 to 366");
        foreach (var (index, values) in Pcrs.Concat(NitrotpmPcrs))
        {
            if (!int.TryParse(index, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > 31 || index != number.ToString(CultureInfo.InvariantCulture))
                throw new MalformedException(-1, "a PCR is 0 to 31");
            if (values.Count == 0 || values.Any(value => value is null || value.Length != 2 * PcrSizeInBytes || value.AsSpan().ContainsAnyExcept("0123456789abcdef")))
                throw new MalformedException(-1, $"PCR {index} has at least one value, each 96 lower-case hexadecimal digits");
        }
        if (NitrotpmPcrs.ContainsKey("16") || NitrotpmPcrs.ContainsKey("23")) throw new MalformedException(-1, "PCRs 16 and 23 of a TPM can be reset by software: their values prove nothing");
    }
}

[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata, // the generated writer would write bytes that are not there as empty ones
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(NitroPolicy))]
internal sealed partial class NitroPolicyJson : JsonSerializerContext;
