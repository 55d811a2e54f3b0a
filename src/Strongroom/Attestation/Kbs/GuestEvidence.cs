using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Composite;
using Strongroom.Attestation.Ear;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Attestation.Kbs;

/// <summary>
/// Evidence of a guest that speaks the RCAR protocol of Confidential Containers, both parts as the text that came: the report data is over the second to the byte.
/// Canonical JSON; spec/kbs.md, "Evidence".
/// </summary>
/// <param name="AdditionalEvidence">JSON of the devices, by the kind of their TEE; empty where there are none.</param>
/// <param name="PrimaryEvidence">JSON of the processor's evidence.</param>
/// <param name="Kind">Always <c>kbs</c>.</param>
public sealed record GuestEvidence(string AdditionalEvidence, string PrimaryEvidence, string Kind = GuestEvidence.KindName)
{
    public const string KindName = "kbs";
    public const int MaxSizeInBytes = CompositeEvidence.MaxSizeInBytes;
    public const int NonceSizeInBytes = 32;

    private const string Devices = "nvidia";
    private const string DeviceList = "device_evidence_list";

    /// <summary>The kind of machine that RCAR calls so; null for one that cannot be judged here.</summary>
    public static string? KindOf(string tee) => tee switch
    {
        "snp" => "sev-snp",
        "tdx" => "tdx",
        _ => null,
    };

    /// <summary>What the processor must have signed, in exactly these 64 bytes: SHA-384 of the canonical JSON of nonce, key and devices' evidence, and 16 zero bytes.</summary>
    public static byte[] ReportData(ReadOnlySpan<byte> nonce, JweKey key, string additionalEvidence)
    {
        var data = RuntimeData(nonce, key);
        data["additional-evidence"] = additionalEvidence;
        return [.. SHA384.HashData(CanonicalJson.Write(data)), .. new byte[16]];
    }

    /// <summary>What every device must have signed: the first 32 bytes of SHA-384 of the canonical JSON of nonce and key. The protocol cuts there, so these 32 and no others are right.</summary>
    public static byte[] DeviceNonce(ReadOnlySpan<byte> nonce, JweKey key) => SHA384.HashData(CanonicalJson.Write(RuntimeData(nonce, key)))[..CompositeEvidence.NonceSizeInBytes];

    /// <exception cref="MalformedException">Not canonical JSON of this record.</exception>
    public static GuestEvidence Parse(ReadOnlySpan<byte> utf8)
    {
        var evidence = CanonicalJson.Parse(utf8, AttestationJson.Default.GuestEvidence, MaxSizeInBytes);
        return evidence.Kind == KindName ? evidence : throw new MalformedException(-1, $"the evidence is not of the kind {KindName}");
    }

    /// <exception cref="MalformedException">Longer than <see cref="MaxSizeInBytes"/>, or text that is no Unicode.</exception>
    public byte[] ToBytes()
    {
        try
        {
            var bytes = CanonicalJson.Serialize(this, AttestationJson.Default.GuestEvidence);
            return bytes.Length <= MaxSizeInBytes ? bytes : throw new MalformedException(MaxSizeInBytes, $"evidence of a guest has {MaxSizeInBytes} bytes at most");
        }
        catch (ArgumentException)
        {
            throw new MalformedException(-1, "the evidence holds text that is no Unicode");
        }
    }

    /// <summary>The same as evidence of a machine, for those who judge its parts; its report data is this protocol's.</summary>
    /// <exception cref="MalformedException">Devices of another kind than NVIDIA's, none in a list, or too many.</exception>
    internal CompositeEvidence Parts(string cpuKind) => new(new(Encoding.UTF8.GetBytes(PrimaryEvidence), cpuKind), [.. DeviceParts()]);

    private IEnumerable<EvidencePart> DeviceParts()
    {
        if (AdditionalEvidence.Length == 0) yield break;
        var byKind = StrictJson.Object(Encoding.UTF8.GetBytes(AdditionalEvidence), "the additional evidence");
        var devices = Only(Only(byKind, Devices), DeviceList);
        if (devices.ValueKind != JsonValueKind.Array || devices.GetArrayLength() is 0 or > CompositeEvidence.MaxDevices)
            throw new MalformedException(-1, $"the additional evidence lists 1 to {CompositeEvidence.MaxDevices} devices");
        foreach (var device in devices.EnumerateArray()) yield return new(Encoding.UTF8.GetBytes(device.GetRawText()), IsSwitch(device) ? "nvidia-switch" : "nvidia-gpu");
    }

    /// <summary>Whether it is one, its certificate says; this only chooses who judges it.</summary>
    private static bool IsSwitch(JsonElement device) =>
        device.ValueKind == JsonValueKind.Object && StrictJson.Text(device, "arch") is { } arch && arch.Equals("LS10", StringComparison.OrdinalIgnoreCase);

    private static JsonElement Only(JsonElement of, string member) =>
        of.ValueKind == JsonValueKind.Object && of.EnumerateObject().Count() == 1 && of.TryGetProperty(member, out var value)
            ? value : throw new MalformedException(-1, $"the additional evidence has {member} and nothing else there: no other device is judged here");

    private static JsonObject RuntimeData(ReadOnlySpan<byte> nonce, JweKey key) => new()
    {
        ["nonce"] = Convert.ToBase64String(nonce),
        ["tee-pubkey"] = JsonNode.Parse(key.Utf8),
    };
}
