using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Nvidia;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Composite;

/// <summary>A part of a machine after its own appraisal.</summary>
/// <param name="Name">cpu, gpu0, switch0: before the ids of its checks.</param>
/// <param name="Kind">Of its evidence.</param>
/// <param name="Claims">Of this part alone.</param>
internal sealed record AppraisedPart(string Name, string Kind, JsonObject Claims);

/// <summary>Appraises a whole machine: every part by itself, and then what holds between them (spec/evidence-composite.md, Checks).</summary>
internal sealed class CompositeAppraiser : Appraiser
{
    private static readonly ConditionalWeakTable<VendorRoots, CompositeAppraiser> Known = [];

    private readonly IReadOnlyList<Appraiser> parts;

    public CompositeAppraiser(VendorRoots roots) => parts =
    [
        new Snp.SnpAppraiser(roots), new Dcap.TdxAppraiser(roots), new Nitro.NitroAppraiser(roots), new NvidiaAppraiser(NvidiaKind.Gpu, roots), new NvidiaAppraiser(NvidiaKind.Switch, roots),
    ];

    public override string Kind => CompositeEvidence.KindName;

    /// <summary>One for all who ask under the same roots: it remembers the certificate paths that it found good.</summary>
    public static CompositeAppraiser Under(VendorRoots roots) => Known.GetValue(roots, each => new(each));

    public override JsonObject StrictPolicy() => CompositePolicy.Strict();

    public override IReadOnlyList<EvidenceField> Show(ReadOnlyMemory<byte> evidence)
    {
        var machine = CompositeEvidence.Parse(evidence.Span);
        EvidenceField parts = new("parts", string.Join(", ", Named(machine).Select(part => $"{part.Name} {part.Part.Kind}")), "A processor and the devices that it vouches for. What follows is each part's own; what holds between them only verify tells.", Policy: "gpus, switches");
        return [parts, .. Named(machine).SelectMany(part => Of(part.Name, () => Find(part.Part).Show(part.Part.Evidence)).Select(field => field with { Name = $"{part.Name}: {field.Name}", Policy = NoticedBy(part.Name, field.Policy) }))];
    }

    private protected override bool Recognises(ReadOnlySpan<byte> evidence) => evidence.StartsWith("{\"cpu\":{\"evidence\":\""u8) && evidence.EndsWith("\"kind\":\"composite\"}"u8);

    private protected override void AppraiseCore(AppraisalRequest request, Findings findings)
    {
        var policy = CompositePolicy.Read(request.Policy.Span);
        var machine = CompositeEvidence.Parse(request.Evidence.Span);
        var transcript = request is { ReportData: null, Nonce: { Length: Digest.SizeInBytes } nonce } ? Digest.From(nonce.Span) : (Digest?)null;
        var bound = transcript is not null || request is { ReportData: not null, DeviceNonce: not null };
        // A challenge that is none of ours is handed on as it is: then every part says that it does not answer it.
        var ofCpu = transcript is { } digest ? machine.CpuChallenge(digest) : request.ReportData ?? request.Nonce;
        var ofDevices = transcript is { } same ? CompositeEvidence.DeviceNonce(same) : request.DeviceNonce ?? request.ReportData ?? request.Nonce;
        List<AppraisedPart> appraised = [];
        foreach (var (name, part) in Named(machine))
        {
            var asked = request with { Evidence = part.Evidence, IsPart = true };
            asked = name == "cpu" ? asked with { Policy = policy.OfCpu(), ReportData = ofCpu, Nonce = null } : asked with { Policy = policy.OfDevice(part.Kind), ReportData = null, Nonce = ofDevices };
            var found = Of(name, () => Find(part).Appraise(asked));
            findings.Add(name, found);
            appraised.Add(new(name, part.Kind, OfOne(name, found.Claims)));
            if (request.ProcessorFirst && found.Outcome != Outcome.Verified) break;
        }
        findings.Claims = new()
        {
            ["cpu"] = Told(appraised[0]), ["devices"] = new JsonArray([.. appraised.Skip(1).Select(Told)]),
        };
        findings.Check("composite.1.challenge", "the caller's challenge is the digest of a transcript, 32 bytes given as nonce", bound, bound || request.ReportData is null ? null : "report data was given", CheckGroup.Binding);
        var between = new CompositeChecks(appraised[0], [.. appraised.Skip(1)], policy, findings);
        between.Bound(bound ? ofCpu : null);
        if (appraised.Count > machine.Devices.Count) between.Devices();
        else findings.NotChecked($"its {machine.Devices.Count} devices: nobody looked at them, since their processor does not stand for them");
    }

    private Appraiser Find(EvidencePart part) => parts.Single(each => each.Kind == part.Kind);

    /// <summary>The processor, then the devices in their order, each with its place among those of its kind.</summary>
    private static IEnumerable<(string Name, EvidencePart Part)> Named(CompositeEvidence machine)
    {
        yield return ("cpu", machine.Cpu);
        var (gpus, switches) = (0, 0);
        foreach (var device in machine.Devices) yield return (device.Kind == NvidiaKind.Switch.Name ? $"switch{switches++}" : $"gpu{gpus++}", device);
    }

    /// <summary>NVIDIA's documents can hold several devices, each with evidence of its own; here each is a part.</summary>
    private static JsonObject OfOne(string name, JsonObject claims) => claims["devices"] is not JsonArray devices ? claims
        : devices is [JsonObject only] ? only : throw new MalformedException(-1, $"{name}: a part is one device, this is evidence of {devices.Count}");

    /// <summary>A part's checks have its name before them, and so have the members of its policy; what the caller gives as the part's challenge is made here.</summary>
    private static string? NoticedBy(string part, string? policy) =>
        policy is null ? null : string.Join(", ", policy.Split(", ").Select(each => each.StartsWith("--kind", StringComparison.Ordinal) || each.StartsWith("composite.", StringComparison.Ordinal) ? each : each.StartsWith("--", StringComparison.Ordinal) ? "composite.2.bound" : $"{part}.{each}"));

    private static JsonObject Told(AppraisedPart part)
    {
        var claims = part.Claims.DeepClone().AsObject();
        claims.Insert(0, "kind", part.Kind);
        return claims;
    }

    private static T Of<T>(string part, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (MalformedException e)
        {
            throw new MalformedException(-1, $"{part}: {e.Message}");
        }
    }
}
