using System.Collections.Immutable;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Policy;

namespace Strongroom.Facts;

/// <summary>The keys that are out, and those that were.</summary>
public sealed record ReleaseState
{
    public static readonly ReleaseState Empty = new();

    /// <summary>Every lease ever granted, by id.</summary>
    public ImmutableDictionary<string, Lease> Leases { get; private init; } = ImmutableDictionary<string, Lease>.Empty;

    public Chronicle InOrder { get; private init; } = Chronicle.Empty;

    /// <summary>By the second of their expiry, those apart that ended before: what lives is found without looking at what ever lived.</summary>
    private Chronicle ByExpiry { get; init; } = Chronicle.Empty;

    private ImmutableDictionary<string, LastLeases> ByModel { get; init; } = ImmutableDictionary<string, LastLeases>.Empty;

    private ImmutableDictionary<string, LastLeases> ByMachine { get; init; } = ImmutableDictionary<string, LastLeases>.Empty;

    private ImmutableDictionary<(string Request, HpkePublicKey Key), string> ByKey { get; init; } =
        ImmutableDictionary<(string Request, HpkePublicKey Key), string>.Empty;

    private ImmutableDictionary<(string Request, JweKey Key), string> ByGuestKey { get; init; } = ImmutableDictionary<(string Request, JweKey Key), string>.Empty;

    public Lease? Find(string id) => Leases.GetValueOrDefault(id);

    /// <summary>The lease that this enclave already has on this request, if it still lives: asked again, it is answered the same.</summary>
    public Lease? Standing(string request, HpkePublicKey key, DateTimeOffset now) =>
        ByKey.TryGetValue((request, key), out var id) && Leases[id] is var lease && lease.LivesAt(now) ? lease : null;

    /// <summary>The last release of the request's model on another request, else on its machine; null if there was none. What approvers compare the request's measurement with.</summary>
    public Lease? LastBesides(Request request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var (model, machine) = (ByModel.GetValueOrDefault(request.Command.Model), ByMachine.GetValueOrDefault(request.Command.Machine));
        return model.Besides(request.Id) ?? machine.Besides(request.Id);
    }

    /// <summary>As for an enclave, for a guest and its key.</summary>
    public Lease? Standing(string request, JweKey key, DateTimeOffset now) =>
        ByGuestKey.TryGetValue((request, key), out var id) && Leases[id] is var lease && lease.LivesAt(now) ? lease : null;

    internal ReleaseState Apply(long index, LedgerRecord record, LedgerState before) => record switch
    {
        ReleaseDecided { Grant: { } grant } decided => Granted(index, decided, grant, before),
        GuestDecided { Grant: { } grant } decided => Granted(index, decided, grant, before),
        RenewalDecided { Expires: { } expires } decided => Renewed(Leases[decided.Transcript.Lease], expires, record.At),
        RenewalDecided { Transcript.Lease: var id } decided => this with
        {
            Leases = Leases.SetItem(id, Leases[id] with { LastAnswer = Leases[id].LastAnswer.With(decided) }),
        },
        CommandRecord { Command: Revoke revoke } => Ended(index, revoke.Target, revoke.Reason, record.At),
        CommandRecord { Command: RetireMachine retire } => Ended(index, retire.Machine, "the machine was retired", record.At),
        CommandRecord { Command: ApproveChange approve } when before.Access.Proposals[approve.Proposal].Command.Change is RemovePerson leave =>
            Ended(index, leave.Person, "a person on whose word it was released has left", record.At),
        _ => this,
    };

    private ReleaseState Granted(long index, ReleaseDecided decided, GrantedLease grant, LedgerState before)
    {
        var (asked, request) = (decided.Transcript, before.Requests.Requests[decided.Transcript.Request]);
        var lease = new Lease(
            grant.Lease, request.Id, decided.Model, decided.Version, asked.Machine, asked.HpkeKey, asked.Configuration, asked.Memory, Measurement(decided), [.. grant.Approvals],
            People(request, grant), decided.At, grant.Expires, index, decided.Development == true, Ended: null);
        return With(lease) with { ByKey = ByKey.SetItem((request.Id, asked.HpkeKey), lease.Id) };
    }

    private ReleaseState Granted(long index, GuestDecided decided, GrantedLease grant, LedgerState before)
    {
        var (asked, request) = (decided.Transcript, before.Requests.Requests[decided.Transcript.Request]);
        var lease = new Lease(
            grant.Lease, request.Id, decided.Model, decided.Version, asked.Machine, HpkeKey: null, Configuration: null, ReleaseFacts.GuestMemory, Measurement(decided),
            [.. grant.Approvals], People(request, grant), decided.At, grant.Expires, index, Development: false, Ended: null);
        return With(lease) with { ByGuestKey = ByGuestKey.SetItem((request.Id, asked.TeeKey), lease.Id) };
    }

    private ReleaseState With(Lease lease) => this with
    {
        Leases = Leases.Add(lease.Id, lease), InOrder = InOrder.With(lease.Index, lease.Id), ByExpiry = ByExpiry.With(Second(lease.Expires), lease.Id),
        ByModel = ByModel.SetItem(lease.Model, ByModel.GetValueOrDefault(lease.Model).With(lease)),
        ByMachine = ByMachine.SetItem(lease.Machine, ByMachine.GetValueOrDefault(lease.Machine).With(lease)),
    };

    private static Digest Measurement(Decided granted) => granted.Measurement ?? throw new MalformedException(-1, "a grant without a measurement");

    private static ImmutableList<string> People(Request request, GrantedLease grant) =>
        [request.Command.By, .. request.Approvals.Where(given => grant.Approvals.Contains(given.Index)).Select(given => given.Command.By)];

    private ReleaseState Renewed(Lease lease, DateTimeOffset expires, DateTimeOffset at) => this with
    {
        Leases = Leases.SetItem(lease.Id, lease with { Expires = expires, Renewed = at, LastAnswer = default }),
        ByExpiry = ByExpiry.Without(Second(lease.Expires), lease.Id).With(Second(expires), lease.Id),
    };

    private ReleaseState Ended(long index, string target, string reason, DateTimeOffset at)
    {
        var ended = ByExpiry.After(Second(at), Leases.Count).Select(id => Leases[id]).Where(lease => lease.RestsOn(target)).ToList();
        if (Find(target) is { Ended: null } named && !named.LivesAt(at)) ended.Add(named); // revoked by its own name, so that it is not once more
        return this with
        {
            Leases = Leases.SetItems(ended.Select(lease => KeyValuePair.Create(lease.Id, lease with { Ended = new(index, at, reason) }))),
            ByExpiry = ended.Aggregate(ByExpiry, (alive, lease) => alive.Without(Second(lease.Expires), lease.Id)),
        };
    }

    private static long Second(DateTimeOffset time) => time.ToUnixTimeSeconds();

    /// <summary>The last lease, as it was granted, and the last on another request than that one's.</summary>
    private readonly record struct LastLeases(Lease? Last, Lease? Other)
    {
        public LastLeases With(Lease lease) => new(lease, lease.Request == Last?.Request ? Other : Last);

        public Lease? Besides(string request) => Last?.Request == request ? Other : Last;
    }
}

/// <param name="HpkeKey">The enclave's; null where a guest has the key, which no lease reaches: then nothing is renewed, and its end stops only further answers.</param>
/// <param name="Configuration">The enclave's; null for a guest.</param>
/// <param name="Memory"><c>secret</c>, <c>locked</c>; <see cref="ReleaseFacts.GuestMemory"/> for a guest.</param>
/// <param name="People">Who opened the request, and whose approvals were spent.</param>
/// <param name="Index">The decision that granted it.</param>
/// <param name="Renewed">When it was renewed last; null if it never was.</param>
public sealed record Lease(
    string Id, string Request, string Model, long Version, string Machine, HpkePublicKey? HpkeKey, Digest? Configuration, string Memory, Digest Measurement,
    ImmutableList<long> Approvals, ImmutableList<string> People, DateTimeOffset At, DateTimeOffset Expires, long Index, bool Development, LeaseEnd? Ended,
    DateTimeOffset? Renewed = null, LastAnswer LastAnswer = default)
{
    public bool LivesAt(DateTimeOffset now) => Ended is null && now < Expires;

    /// <summary>It was renewed a moment ago: a renewal is a record for ever, and eight of them within a lease's length are enough for everybody.</summary>
    public bool IsFresh(DateTimeOffset now) => Renewed is { } last && now - last < (Expires - last) / 8;

    /// <summary>A lease lives as long as everything that justified it.</summary>
    internal bool RestsOn(string target) =>
        target == Id || target == Request || target == Machine || target == Ids.Model(Model, Version) || People.Contains(target);
}

/// <param name="Index">The record that ended it.</param>
public sealed record LeaseEnd(long Index, DateTimeOffset At, string Reason);
