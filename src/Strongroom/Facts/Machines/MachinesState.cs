using System.Collections.Immutable;
using Strongroom.Attestation;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>The machines that were enrolled, and what each measured last.</summary>
public sealed record MachinesState
{
    public static readonly MachinesState Empty = new();

    public ImmutableDictionary<string, Machine> Machines { get; private init; } = ImmutableDictionary<string, Machine>.Empty;

    public Chronicle InOrder { get; private init; } = Chronicle.Empty;

    /// <summary>Processors and devices of TEEs, and the machine that each was enrolled in last.</summary>
    private ImmutableDictionary<MachinePart, string> LastIn { get; init; } = ImmutableDictionary<MachinePart, string>.Empty;

    /// <summary>Those that were ever in a machine that was revoked, and in which.</summary>
    private ImmutableDictionary<MachinePart, string> RevokedIn { get; init; } = ImmutableDictionary<MachinePart, string>.Empty;

    public Machine? Find(string id) => Machines.GetValueOrDefault(id);

    /// <summary>
    /// Why parts may make no other machine. A machine's id follows from all of them, so that one GPU less would else bring back a chip that was revoked, and one GPU
    /// that answers under two processors, which is how relayed evidence looks, would be two good machines.
    /// </summary>
    internal IEnumerable<string> Refusals(IEnumerable<MachinePart> parts) => parts.Select(part =>
        RevokedIn.TryGetValue(part, out var revoked) ? $"its {part.Word} was revoked with {revoked}, for ever"
        : LastIn.TryGetValue(part, out var id) && Machines[id].Active ? $"its {part.Word} is in {id}, which is active: retire that first"
        : null).OfType<string>().Distinct();

    internal MachinesState Apply(long index, LedgerRecord record) => record switch
    {
        CommandRecord { Command: EnrolMachine enrol } => this with
        {
            InOrder = InOrder.With(index, enrol.Machine),
            LastIn = LastIn.SetItems(MachinePart.Of(enrol.Kind, enrol.AttestationKey).Select(part => KeyValuePair.Create(part, enrol.Machine))),
            Machines = Machines.Add(enrol.Machine, new(
                new(enrol.Machine, enrol.Kind, enrol.AttestationKey, enrol.Pcrs, enrol.ApplicationPcr), true, record.At, index, enrol.Endorsement,
                enrol.Measurement, enrol.Measurement is null ? null : record.At, enrol.Evidence is null ? null : index)),
        },
        CommandRecord { Command: RetireMachine retire } => Ended(retire.Machine),
        CommandRecord { Command: Revoke { Target: var target } } when Machines.TryGetValue(target, out var machine) => this with
        {
            RevokedIn = RevokedIn.SetItems(MachinePart.Of(machine.Kind, machine.Enrolled.AttestationKey).Select(part => KeyValuePair.Create(part, target))),
            Machines = Machines.SetItem(target, machine with { Active = false, Revoked = true }),
        },
        ReleaseDecided { Measurement: { } measurement } decided => Measured(index, decided.Transcript.Machine, measurement, record.At),
        GuestDecided { Measurement: { } measurement } decided => Measured(index, decided.Transcript.Machine, measurement, record.At),
        RenewalDecided { Measurement: { } measurement } decided => Measured(index, decided.Transcript.Machine, measurement, record.At),
        _ => this,
    };

    private MachinesState Ended(string id) => this with { Machines = Machines.SetItem(id, Machines[id] with { Active = false }) };

    private MachinesState Measured(long index, string id, Digest measurement, DateTimeOffset at) =>
        this with { Machines = Machines.SetItem(id, Machines[id] with { Measurement = measurement, MeasuredAt = at, Proved = index }) };
}

/// <summary>What a machine with a TEE is made of, each part under what its maker certified.</summary>
/// <param name="Kind">The processor's kind of evidence, or <c>device</c>.</param>
/// <param name="Id">As in <see cref="MachineIdentity"/>.</param>
internal readonly record struct MachinePart(string Kind, string Id)
{
    private const string Device = "device";

    public string Word => Kind == Device ? $"device {Id}" : "processor";

    /// <summary>None where the kind is not a TEE's: a TPM's key is one part, and the machine's id.</summary>
    /// <exception cref="Bytes.MalformedException">A TEE's key that is no identity.</exception>
    public static IReadOnlyList<MachinePart> Of(string kind, ReadOnlyMemory<byte> attestationKey) =>
        CompositeEvidence.CpuKinds.Contains(kind) ? Of(kind, MachineIdentity.Parse(attestationKey.Span)) : [];

    public static IReadOnlyList<MachinePart> Of(string kind, MachineIdentity identity) =>
        [new(kind, identity.Cpu), .. identity.Devices.Select(device => new MachinePart(Device, device))];
}

/// <param name="Active">Neither retired nor revoked; once inactive for ever inactive.</param>
/// <param name="Revoked">Nor may its parts be in another machine, ever.</param>
/// <param name="Endorsement">SHA-256 of the certificate that vouched for it; null for development.</param>
/// <param name="Measurement">What its evidence proved last, before that what its operator said at its enrolment; null if neither.</param>
/// <param name="Proved">Ledger index of the record that rests on evidence for it; null while it is the operator's word.</param>
public sealed record Machine(
    EnrolledMachine Enrolled, bool Active, DateTimeOffset At, long Index, Digest? Endorsement, Digest? Measurement, DateTimeOffset? MeasuredAt,
    long? Proved, bool Revoked = false)
{
    public string Id => Enrolled.Id;

    public string Kind => Enrolled.Kind;
}
