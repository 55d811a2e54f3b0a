using System.Collections.Immutable;
using Strongroom.Bytes;
using Strongroom.Policy;

namespace Strongroom.Facts;

/// <summary>
/// What is true now, folded from the ledger's records and from nothing else. Immutable: a reader keeps the state it has while the next one is made, and
/// a writer whose append failed simply keeps the one before.
/// </summary>
/// <remarks>The fold trusts its records: who asks whether they should have been written calls <see cref="Refusals"/> first, or <see cref="DecisionAudit"/>.</remarks>
public sealed record LedgerState
{
    public static readonly LedgerState Empty = new();

    /// <summary>Records folded so far, and so the index of the next one.</summary>
    public long Size { get; private init; }

    /// <summary>When the last record was written.</summary>
    public DateTimeOffset At { get; private init; } = DateTimeOffset.MinValue;

    /// <summary>Null in an empty ledger.</summary>
    public Founding? Founding { get; private init; }

    /// <summary>The ledger's origin; empty in an empty ledger.</summary>
    public string Origin => Founding?.Ledger ?? "";

    /// <summary>This ledger was founded to try things out: software may stand in for a TPM, and every decision says so.</summary>
    public bool DevelopmentAllowed => Founding?.DangerDevelopmentEvidence == true;

    public AccessState Access { get; private init; } = AccessState.Empty;

    public ModelsState Models { get; private init; } = ModelsState.Empty;

    public MachinesState Machines { get; private init; } = MachinesState.Empty;

    public EndorsementsState Endorsements { get; private init; } = EndorsementsState.Empty;

    public RequestsState Requests { get; private init; } = RequestsState.Empty;

    public ReleaseState Release { get; private init; } = ReleaseState.Empty;

    public RefusalsState Refused { get; private init; } = RefusalsState.Empty;

    private ImmutableHashSet<string> CommandIds { get; init; } = [];

    public bool HasCommand(string id) => CommandIds.Contains(id);

    /// <summary>Every reason why the command may not be written now; empty if it may.</summary>
    public IReadOnlyList<string> Refusals(SignedCommand command, DateTimeOffset now) => Rules.Refusals(this, command, now);

    /// <summary>An enrolled person's own word, said here, now and for the first time: nobody else can have brought it about.</summary>
    public bool IsOwnWord(SignedCommand command, DateTimeOffset now) => Rules.IsOwnWord(this, command, now);

    /// <summary>What is true now about everything that the request names, for a policy to decide on.</summary>
    /// <param name="askedMemory">The kind of protected memory; null before an enclave asked.</param>
    /// <param name="renewing">The lease that is to be renewed: approvals that it consumed are still its own, and no others count.</param>
    /// <exception cref="InvalidOperationException">No policy is in force yet.</exception>
    public ReleaseFacts FactsFor(ReleaseRequest request, string? askedMemory, string? renewing = null)
    {
        ArgumentNullException.ThrowIfNull(request);
        var known = Requests.Find(request.Id);
        return new()
        {
            PolicyDigest = Access.Policy?.Digest ?? throw new InvalidOperationException("no policy is in force yet"),
            Model = Models.Find(request.Model, request.Version) is { } model
                ? new(model.Model, model.Version, model.Digest, Models.LatestVersion(model.Model), Trusted(model), model.Withdrawn)
                : null,
            Machine = Machines.Find(request.Machine) is { } machine ? new(machine.Id, machine.Kind, machine.Active) : null,
            ReferenceValues = [.. Access.References.Values.Select(set => set.Values)],
            Approvals = known is null ? [] : [.. known.Approvals.Select(given => Fact(given, renewing))],
            OpenerActive = Access.ActivePerson(request.OpenedBy) is not null,
            RequestRevoked = known?.Revoked != false,
            AskedMemory = askedMemory,
            DevelopmentAllowed = DevelopmentAllowed,
        };
    }

    /// <summary>The state after one more record.</summary>
    /// <exception cref="LedgerBrokenException">The record cannot follow what was folded: no rule would have let it in.</exception>
    public LedgerState Apply(long index, LedgerRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        if (index != Size) throw new LedgerBrokenException($"record {index} cannot be folded after {Size} records");
        if (index == 0 != record is Genesis) throw new LedgerBrokenException($"record {index} is no place for {record.GetType().Name}");
        try
        {
            return new()
            {
                Size = Size + 1,
                At = record.At,
                Founding = record is Genesis genesis ? genesis.Founding : Founding,
                Access = Access.Apply(index, record),
                Models = Models.Apply(index, record, Access),
                Machines = Machines.Apply(index, record),
                Endorsements = Endorsements.Apply(index, record, Access),
                Requests = Requests.Apply(index, record),
                Release = Release.Apply(index, record, this),
                Refused = Refused.Apply(record),
                CommandIds = record switch
                {
                    CommandRecord written => CommandIds.Add(written.Command.Id),
                    CommandRefused refused => CommandIds.Add(refused.Command.Id), // an id is used up by a no as well
                    _ => CommandIds,
                },
            };
        }
        catch (Exception e) when (e is KeyNotFoundException or ArgumentException or MalformedException)
        {
            throw new LedgerBrokenException($"record {index} does not follow from those before it: {e.Message}");
        }
    }

    private bool Trusted(ModelVersion model) => model.PublisherKey.Equals(Access.Publishers.GetValueOrDefault(model.Command.Publisher));

    private ApprovalFact Fact(GivenApproval given, string? renewing)
    {
        var (command, person) = (given.Command, Access.People[given.Command.By]);
        return new(
            given.Index, person.Id, person.Active, person.Groups, command.Decision == Answer.Approve, command.RequestDigest, command.PolicyDigest,
            command.ModelDigest, command.Machine, command.Measurement, command.Purpose, command.LeaseSeconds, given.At, command.Expires,
            given.ConsumedBy != renewing);
    }
}
