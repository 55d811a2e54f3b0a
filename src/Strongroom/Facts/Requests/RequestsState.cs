using System.Collections.Immutable;
using Strongroom.Bytes;
using Strongroom.Policy;

namespace Strongroom.Facts;

/// <summary>The requests that were opened, and who answered them.</summary>
public sealed record RequestsState
{
    public static readonly RequestsState Empty = new();

    public ImmutableDictionary<string, Request> Requests { get; private init; } = ImmutableDictionary<string, Request>.Empty;

    public Chronicle InOrder { get; private init; } = Chronicle.Empty;

    public Request? Find(string id) => Requests.GetValueOrDefault(id);

    internal RequestsState Apply(long index, LedgerRecord record) => record switch
    {
        CommandRecord { Command: OpenRequest open } => With(new(open, record.At, index, Revoked: false, [], [])) with { InOrder = InOrder.With(index, Ids.Request(open)) },
        CommandRecord { Command: Approval approval } => With(Requests[approval.Request].Answered(new(approval, record.At, index, ConsumedBy: null))),
        CommandRecord { Command: Revoke { Target: var target } } when Requests.TryGetValue(target, out var request) => With(request with { Revoked = true }),
        ReleaseDecided { Grant: { } grant } decided => With(Requests[decided.Transcript.Request].Consumed(grant)),
        ReleaseDecided decided => With(Requests[decided.Transcript.Request].Told(decided)),
        GuestDecided { Grant: { } grant } decided => With(Requests[decided.Transcript.Request].Consumed(grant)),
        GuestDecided decided => With(Requests[decided.Transcript.Request].Told(decided)),
        _ => this,
    };

    private RequestsState With(Request request) => this with { Requests = Requests.SetItem(request.Id, request) };
}

/// <param name="Leases">Ids of the leases that were granted on it, oldest first.</param>
public sealed record Request(
    OpenRequest Command, DateTimeOffset At, long Index, bool Revoked, ImmutableList<GivenApproval> Approvals, ImmutableList<string> Leases, LastAnswer LastAnswer = default)
{
    private ReleaseRequest? asked; // made when it is wanted: a start folds requests by the hundred thousand, and their digests would be a third of its cost

    public string Id { get; } = Ids.Request(Command);

    /// <summary>What policies decide on.</summary>
    public ReleaseRequest Asked => asked ??= new(
        Id, Command.Digest(), Command.Model, Command.Version, Command.ModelDigest, Command.Machine, Command.Measurement, Command.Purpose, Command.Files, Command.By, At,
        Command.Expires, Command.LeaseSeconds);

    public Digest Digest => Asked.Digest;

    internal Request Answered(GivenApproval approval) => this with { Approvals = Approvals.Add(approval) };

    internal Request Told(Decided decided) => this with { LastAnswer = LastAnswer.With(decided) };

    /// <summary>A release spends its approvals in the same record: there is no moment in which they could be spent twice.</summary>
    internal Request Consumed(GrantedLease grant) => this with
    {
        Approvals = Approvals.ConvertAll(approval => grant.Approvals.Contains(approval.Index) ? approval with { ConsumedBy = grant.Lease } : approval),
        Leases = Leases.Add(grant.Lease),
        LastAnswer = default,
    };
}

/// <param name="ConsumedBy">The lease that was released on it.</param>
public sealed record GivenApproval(Approval Command, DateTimeOffset At, long Index, string? ConsumedBy);
