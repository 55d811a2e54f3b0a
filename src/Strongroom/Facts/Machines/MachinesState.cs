using System.Collections.Immutable;
using Strongroom.Attestation;
using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>The machines that were enrolled, and what each proved last.</summary>
public sealed record MachinesState
{
    public static readonly MachinesState Empty = new();

    public ImmutableDictionary<string, Machine> Machines { get; private init; } = ImmutableDictionary<string, Machine>.Empty;

    public Chronicle InOrder { get; private init; } = Chronicle.Empty;

    public Machine? Find(string id) => Machines.GetValueOrDefault(id);

    internal MachinesState Apply(long index, LedgerRecord record) => record switch
    {
        CommandRecord { Command: EnrolMachine enrol } => this with
        {
            InOrder = InOrder.With(index, enrol.Machine),
            Machines = Machines.Add(enrol.Machine, new(
                new(enrol.Machine, enrol.Kind, enrol.AttestationKey, enrol.Pcrs, enrol.ApplicationPcr), true, record.At, index, enrol.Endorsement,
                enrol.Measurement, enrol.Measurement is null ? null : record.At)),
        },
        CommandRecord { Command: RetireMachine retire } => Ended(retire.Machine),
        CommandRecord { Command: Revoke { Target: var target } } when Machines.ContainsKey(target) => Ended(target),
        ReleaseDecided { Measurement: { } measurement } decided => Measured(decided.Transcript.Machine, measurement, record.At),
        GuestDecided { Measurement: { } measurement } decided => Measured(decided.Transcript.Machine, measurement, record.At),
        RenewalDecided { Measurement: { } measurement } decided => Measured(decided.Transcript.Machine, measurement, record.At),
        _ => this,
    };

    private MachinesState Ended(string id) => this with { Machines = Machines.SetItem(id, Machines[id] with { Active = false }) };

    private MachinesState Measured(string id, Digest measurement, DateTimeOffset at) =>
        this with { Machines = Machines.SetItem(id, Machines[id] with { Measurement = measurement, MeasuredAt = at }) };
}

/// <param name="Active">Neither retired nor revoked; once inactive for ever inactive.</param>
/// <param name="Endorsement">SHA-256 of the certificate that vouched for it; null for development.</param>
/// <param name="Measurement">What its evidence proved last; null if it never gave any.</param>
public sealed record Machine(
    EnrolledMachine Enrolled, bool Active, DateTimeOffset At, long Index, Digest? Endorsement, Digest? Measurement, DateTimeOffset? MeasuredAt)
{
    public string Id => Enrolled.Id;

    public string Kind => Enrolled.Kind;
}
