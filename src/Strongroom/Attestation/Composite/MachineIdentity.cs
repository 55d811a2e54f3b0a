using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Nvidia;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Composite;

/// <summary>Which machine it is, by what its makers certified: canonical JSON (spec/evidence-composite.md, Identity). Another processor or one other device is another machine.</summary>
/// <param name="Cpu">sev-snp: chip id; tdx: PPID; nitro: id of the parent instance.</param>
/// <param name="Devices">SHA-256 of each device's own public key, ascending.</param>
public sealed partial record MachineIdentity(string Cpu, IReadOnlyList<string> Devices)
{
    /// <summary>Of the machine in the ledger: these bytes are its attestation key.</summary>
    public string MachineId() => EnrolledMachine.IdOf(ToBytes());

    [GeneratedRegex(@"\A(i-[0-9a-f]{1,32})-enc[0-9a-f]{1,32}\z")]
    private static partial Regex Enclave();

    [GeneratedRegex(@"\A(?:i-)?[0-9a-f]+\z")]
    private static partial Regex Processor();

    /// <exception cref="MalformedException">Not canonical JSON of this record, a processor that none of the three names so, or devices that are no digests or not ascending.</exception>
    public static MachineIdentity Parse(ReadOnlySpan<byte> utf8)
    {
        var identity = CanonicalJson.Parse(utf8, AttestationJson.Default.MachineIdentity);
        if (!Processor().IsMatch(identity.Cpu)) throw new MalformedException(-1, "a processor is named in lower-case hexadecimal, or by its instance's id");
        foreach (var device in identity.Devices) Digest.Parse(device);
        if (identity.Devices.Zip(identity.Devices.Skip(1)).Any(pair => string.CompareOrdinal(pair.First, pair.Second) >= 0)) throw new MalformedException(-1, "the devices of a machine are ascending, each once");
        return identity;
    }

    public byte[] ToBytes() => CanonicalJson.Serialize(this, AttestationJson.Default.MachineIdentity);

    /// <summary>
    /// What a machine takes itself for. Nothing of its evidence is verified, and no vendor's root is asked for: this is for evidence of one's own, and whoever is to believe it
    /// verifies. Null where the processor, or a device, does not say which one it is.
    /// </summary>
    /// <param name="evidence">Just made on this machine.</param>
    /// <param name="now">Its clock.</param>
    /// <exception cref="MalformedException">A part is no evidence.</exception>
    public static MachineIdentity? Stated(CompositeEvidence evidence, DateTimeOffset now)
    {
        var devices = evidence.Devices.SelectMany(part => DeviceEvidence.Read(part.Evidence)).Select(device => device.StatedKey()).ToList();
        if (devices.Contains(null)) return null;
        var alone = evidence with { Devices = [] };
        return Of(CompositeAppraiser.Under(VendorRoots.Pinned).Appraise(new(alone.ToBytes(), now) { Without = new HashSet<CheckGroup> { CheckGroup.Binding } }).Claims, devices.Select(key => key!.Value.ToString()));
    }

    /// <summary>Null where the processor does not say which one it is. The claims are those of a composite verdict, which must be good.</summary>
    internal static MachineIdentity? Of(JsonObject claims) => Of(claims, claims["devices"]!.AsArray().Select(device => (string)device!["device_key"]!));

    private static MachineIdentity? Of(JsonObject claims, IEnumerable<string> devices)
    {
        var cpu = claims["cpu"]!.AsObject();
        var id = (string?)cpu["kind"] switch
        {
            "sev-snp" => (bool?)cpu["chip_key_masked"] == false ? NotZero((string?)cpu["chip_id"]) : null,
            "tdx" => NotZero((string?)cpu["platform"]?["ppid"]),
            _ => Enclave().Match((string)cpu["module_id"]!) is { Success: true } match ? match.Groups[1].Value : null, // nitro; an instance with a NitroTPM is no enclave
        };
        return id is null ? null : new(id, [.. devices.Order(StringComparer.Ordinal)]);
    }

    private static string? NotZero(string? hex) => hex.AsSpan().ContainsAnyExcept('0') ? hex : null;
}
