using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nvidia;

/// <summary>
/// NVIDIA GPUs (Hopper, Blackwell) and switches (LS10): steps 1 to 11 of spec/evidence-nvidia.md. Each device of a document goes through 1 to 9 by itself; 10 and 11 are about
/// all of them together. With several devices the ids of the first end in <c>.0</c>, of the second in <c>.1</c>.
/// </summary>
internal sealed class NvidiaAppraiser : Appraiser
{
    private readonly NvidiaKind kind;
    private readonly DeviceSteps steps;

    /// <summary>Reading RIMs and checking their signatures is most of the work, and the same for every device; it lives as long as the caller's endorsements do.</summary>
    private readonly ConditionalWeakTable<Endorsements, NvidiaEndorsements> read = [];

    public NvidiaAppraiser(NvidiaKind kind, VendorRoots roots) => (this.kind, steps) = (kind, new DeviceSteps(kind, new CertificatePaths(roots)));

    public override string Kind => kind.Name;

    public override JsonObject StrictPolicy() => new NvidiaPolicy().ToJson();

    public override IReadOnlyList<EvidenceField> Show(ReadOnlyMemory<byte> evidence) => DeviceFields.Of(DeviceEvidence.Read(evidence), kind);

    /// <summary>GPUs name their driver, switches have none.</summary>
    private protected override bool Recognises(ReadOnlySpan<byte> evidence)
    {
        if (!MayBe(evidence)) return false;
        try
        {
            return DeviceEvidence.Read(evidence.ToArray()).All(device => kind.IsOfThisKind(device.Report));
        }
        catch (MalformedException)
        {
            return false;
        }
    }

    private protected override void AppraiseCore(AppraisalRequest request, Findings findings)
    {
        var policy = NvidiaPolicy.Read(request.Policy.Span);
        var devices = DeviceEvidence.Read(request.Evidence);
        var endorsements = read.GetValue(request.Endorsements, each => new(each));
        List<AppraisedDevice> appraised = [];
        for (var i = 0; i < devices.Count; i++)
        {
            var found = new DeviceFindings(findings, kind.Prefix, devices.Count == 1 ? "" : $".{i}");
            appraised.Add(steps.Appraise(devices[i], request, endorsements, policy, found));
        }
        var all = new DeviceFindings(findings, kind.Prefix, "");
        Set(appraised, policy, all, request.IsPart);
        Custody(appraised, policy, all);
        findings.Claims = new() { ["devices"] = new JsonArray([.. appraised.Select(device => device.Claims)]) };
        if (!request.IsPart) findings.NotChecked("whether these devices are in the machine whose processor asks: put the digest of this evidence, and the challenge that this nonce was made of, into the processor's report data");
    }

    /// <summary>10: devices that answer one challenge, each of them once, as many as expected.</summary>
    private void Set(List<AppraisedDevice> devices, NvidiaPolicy policy, DeviceFindings findings, bool isPart)
    {
        var nonces = devices.Select(device => Convert.ToHexStringLower(device.Report.Nonce.Span)).Distinct().ToList();
        findings.Check("10.nonce", "all devices answer the same challenge", nonces.Count == 1, nonces.Count == 1 ? null : $"{nonces.Count} challenges: {string.Join(", ", nonces)}");
        var certified = devices.Where(device => device.Key is not null).ToList(); // whose chain failed has been refused for that
        var keys = certified.Select(device => device.Key).Distinct().Count();
        var serials = certified.Where(device => device.Serial is not null).Select(device => device.Serial).Distinct().Count();
        findings.Check("10.identities", "each device answers once: no two have a key or a serial number in common", keys == certified.Count && serials == certified.Count,
            $"{certified.Count} reports, {keys} keys and {serials} serial numbers of devices");
        if (policy.Devices is { } count) findings.Check("10.count", "there are as many devices as expected", devices.Count == count, $"expected {count}, found {devices.Count}");
        else if (!isPart) findings.NotChecked($"whether {devices.Count} is the number of devices that there should be: the policy names none");
        if (kind.IsSwitch) Topology(devices, policy, findings, isPart);
    }

    private static void Topology(List<AppraisedDevice> devices, NvidiaPolicy policy, DeviceFindings findings, bool isPart)
    {
        const string What = "every switch is tied to the same GPUs, as many as expected";
        if (policy.GpusPerSwitch is not { } count)
        {
            if (!isPart) findings.NotChecked("whether the switches are tied to the GPUs that are attested beside them: compare gpu_ids here with the GPUs' switch_ids, or name gpus_per_switch");
            return;
        }
        var sets = devices.Select(device => device.Report.Opaque.GpuIds().Where(OpaqueData.IsDevice).Order(StringComparer.Ordinal).Distinct().ToList()).ToList();
        findings.Check("10.topology", What, sets.All(set => set.Count == count && set.SequenceEqual(sets[0])), $"expected {count} GPUs each, found {string.Join(", ", sets.Select(set => set.Count))}");
    }

    /// <summary>11: not every genuine device will do.</summary>
    private static void Custody(List<AppraisedDevice> devices, NvidiaPolicy policy, DeviceFindings findings)
    {
        var denied = devices.Select(device => device.Architecture).Where(name => name is not null && policy.DeniedArchitectures.Contains(name)).Distinct().ToList();
        findings.Check("11.generation", "no device is of a generation that the policy denies", denied.Count == 0, denied.Count == 0 ? null : $"denied: {string.Join(", ", denied)}");
        if (policy.AllowedDevices is not { } allowed)
        {
            findings.NotChecked("whether these are devices in known custody: the policy allows any genuine one");
            return;
        }
        var strangers = devices.Where(device => device.Serial is null || !allowed.Contains(device.Serial)).Select(device => device.Serial ?? "one without a serial number").ToList();
        findings.Check("11.custody", "every device is on the policy's list", strangers.Count == 0, strangers.Count == 0 ? null : $"not on it: {string.Join(", ", strangers)}");
    }

    /// <summary>Cheap, so that asking is: the first bytes of each form.</summary>
    private static bool MayBe(ReadOnlySpan<byte> evidence)
    {
        var text = evidence.TrimStart(" \t\r\n"u8);
        return SpdmReport.Recognises(evidence) || text.StartsWith("11e0"u8) || text.StartsWith("11E0"u8) || text.StartsWith("EeA"u8)
            || (text is [(byte)'{' or (byte)'[', ..] && text.IndexOf("\"evidence"u8) >= 0);
    }
}

/// <summary>What GPUs and switches differ in.</summary>
/// <param name="Name">Of the kind of evidence.</param>
/// <param name="Prefix">Of the ids of its checks.</param>
/// <param name="IsSwitch">A switch has no driver, and its firmware is known by one RIM.</param>
internal sealed record NvidiaKind(string Name, string Prefix, bool IsSwitch)
{
    public static NvidiaKind Gpu { get; } = new("nvidia-gpu", "gpu", false);

    public static NvidiaKind Switch { get; } = new("nvidia-switch", "switch", true);

    public IReadOnlyList<RimRole> Roles => IsSwitch ? [RimRole.Vbios] : [RimRole.Driver, RimRole.Vbios];

    /// <summary>By what the report says; its certificate must say the same (check 2).</summary>
    public bool IsOfThisKind(SpdmReport report) => report.Opaque[OpaqueData.DriverVersion] is null == IsSwitch;

    public bool Is(string? architecture) => architecture is not null && architecture == "ls10" == IsSwitch;
}

/// <summary>Findings under the ids of one kind and, among several, of one device.</summary>
internal sealed class DeviceFindings(Findings findings, string prefix, string suffix)
{
    public bool Check(string step, string what, bool holds, string? detail = null, CheckGroup group = CheckGroup.Always) => findings.Check(Id(step), what, holds, detail, group);

    public bool Same(string step, string what, ReadOnlySpan<byte> expected, ReadOnlySpan<byte> found, CheckGroup group = CheckGroup.Always) => findings.Same(Id(step), what, expected, found, group);

    public bool Skip(string step, string what, string why) => findings.Skip(Id(step), what, why);

    public bool Missing(string step, string what, string endorsement, CheckGroup group = CheckGroup.Always) => findings.Missing(Id(step), what, endorsement, group);

    public bool LeavesOut(CheckGroup group) => findings.LeavesOut(group);

    public void Uses(UsedEndorsement used) => findings.Uses(used);

    public void NotChecked(string what) => findings.NotChecked(what);

    private string Id(string step) => $"{prefix}.{step}{suffix}";
}
