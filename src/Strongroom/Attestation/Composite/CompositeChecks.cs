using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Nvidia;

namespace Strongroom.Attestation.Composite;

/// <summary>What must hold between the parts of a machine, each of which was appraised by itself: checks 2 to 6 of spec/evidence-composite.md.</summary>
internal sealed class CompositeChecks(AppraisedPart cpu, IReadOnlyList<AppraisedPart> devices, CompositePolicy policy, Findings findings)
{
    private readonly IReadOnlyList<AppraisedPart> gpus = [.. devices.Where(device => device.Kind == NvidiaKind.Gpu.Name)];
    private readonly IReadOnlyList<AppraisedPart> switches = [.. devices.Where(device => device.Kind == NvidiaKind.Switch.Name)];

    /// <summary>3 to 6.</summary>
    public void Devices()
    {
        OneNonce();
        Identities();
        Count("composite.5.gpus", "GPUs", policy.Gpus, gpus.Count);
        Count("composite.5.switches", "switches", policy.Switches, switches.Count);
        Topology();
    }

    /// <summary>2: the processor was asked after the devices, in this exchange, by somebody who had exactly these answers.</summary>
    /// <param name="challenge">What the processor must carry; null where the caller said no transcript.</param>
    public void Bound(ReadOnlyMemory<byte>? challenge)
    {
        const string What = "what the processor signed covers the transcript and what every device answered, in this order";
        var carried = cpu.Claims["report_data"] ?? cpu.Claims["user_data"];
        if (findings.LeavesOut(CheckGroup.Binding))
        {
            findings.Check("composite.2.bound", What, false, group: CheckGroup.Binding); // recorded as left out
            if (devices.Count > 0) findings.NotChecked("whether these devices are in this machine: without the transcript nobody can tell");
        }
        else if (challenge is { } expected) findings.Same("composite.2.bound", What, expected.Span, Convert.FromHexString((string?)carried ?? ""), CheckGroup.Binding);
    }

    /// <summary>3: this holds by itself, whatever the caller left out.</summary>
    private void OneNonce()
    {
        if (devices.Count == 0) return;
        var nonces = Distinct(devices, "nonce");
        findings.Check("composite.3.nonce", "all devices answer the same challenge", nonces.Count == 1, nonces.Count == 1 ? null : $"{nonces.Count} challenges: {string.Join(", ", nonces)}");
    }

    /// <summary>4: who answers twice stands for a device that is not there. A device whose chain failed has no key here; it was refused for that.</summary>
    private void Identities()
    {
        if (devices.Count == 0) return;
        var certified = devices.Where(device => device.Claims["device_key"] is not null).ToList();
        var numbered = certified.Where(device => device.Claims["device_serial"] is not null).ToList();
        var (keys, serials) = (Distinct(certified, "device_key").Count, Distinct(numbered, "device_serial").Count);
        findings.Check("composite.4.identities", "each device answers once: no two have a key or a serial number in common", keys == certified.Count && serials == numbered.Count,
            $"{certified.Count} devices, {keys} keys and {serials} serial numbers");
    }

    /// <summary>5.</summary>
    private void Count(string id, string of, int? wanted, int found)
    {
        var what = $"there are as many {of} as the policy says";
        if (wanted is { } count) findings.Check(id, what, found == count, $"expected {count}, found {found}");
        else
        {
            findings.Skip(id, what, $"the policy does not say; found {found}");
            findings.NotChecked($"whether {found} is the number of {of} that there should be: the policy names none");
        }
    }

    /// <summary>6: where there are switches, or GPUs whose words pass switches in the clear, each GPU names exactly the switches that answered, and each switch as many GPUs as did.</summary>
    private void Topology()
    {
        if (switches.Count == 0 && !gpus.Any(gpu => (string?)gpu.Claims["mode"] == "ppcie")) return;
        var answered = Distinct(switches, "switch_id");
        var strangers = gpus.Where(gpu => !answered.SetEquals(Ids(gpu, "switch_ids"))).Select(gpu => gpu.Name).ToList();
        findings.Check("composite.6.switches", "every GPU is tied to exactly the switches that answered", strangers.Count == 0 && answered.Count == switches.Count && switches.Count > 0,
            $"{answered.Count} switches answered{(strangers.Count == 0 ? "" : $"; {string.Join(", ", strangers)} name others")}");
        var others = switches.Where(each => !Ids(each, "gpu_ids").SetEquals(Ids(switches[0], "gpu_ids")) || Ids(each, "gpu_ids").Count != gpus.Count).Select(each => each.Name).ToList();
        findings.Check("composite.6.gpus", "every switch is tied to the same GPUs, as many as answered", others.Count == 0, $"{gpus.Count} GPUs answered{(others.Count == 0 ? "" : $"; {string.Join(", ", others)} name others")}");
    }

    private static HashSet<string> Distinct(IEnumerable<AppraisedPart> parts, string claim) => [.. parts.Select(part => (string?)part.Claims[claim] ?? "none")];

    private static HashSet<string> Ids(AppraisedPart part, string claim) => [.. (part.Claims[claim] as JsonArray ?? []).Select(id => (string)id!).Where(OpaqueData.IsDevice)];
}
