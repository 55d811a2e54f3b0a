using System.Collections.Immutable;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Policy;

namespace Strongroom.Facts;

/// <summary>Who may do what, and what counts as trusted: folded from genesis and from the changes that two administrators agreed on.</summary>
public sealed record AccessState
{
    public static readonly AccessState Empty = new();

    /// <summary>Everybody who was ever enrolled, by id; a leaver stays, inactive, so that neither id nor key comes back.</summary>
    public ImmutableDictionary<string, Person> People { get; private init; } = ImmutableDictionary<string, Person>.Empty;

    public Chronicle PeopleInOrder { get; private init; } = Chronicle.Empty;

    /// <summary>Proposals that wait for a second person, by id.</summary>
    public ImmutableDictionary<string, Proposal> Proposals { get; private init; } = ImmutableDictionary<string, Proposal>.Empty;

    public Chronicle ProposalsInOrder { get; private init; } = Chronicle.Empty;

    /// <summary>Trusted roots, by SHA-256 of the certificate.</summary>
    public ImmutableDictionary<Digest, AddRoot> Roots { get; private init; } = ImmutableDictionary<Digest, AddRoot>.Empty;

    /// <summary>DER of the roots that vouch for TPMs.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> EndorsementRoots => Roots.Values.Where(root => root.Kind == "tpm-ek").Select(root => root.Certificate);

    /// <summary>Publishers' keys by name.</summary>
    public ImmutableDictionary<string, Ed25519PublicKey> Publishers { get; private init; } = ImmutableDictionary<string, Ed25519PublicKey>.Empty;

    /// <summary>Keys of those who collect vendors' endorsements, by name.</summary>
    public ImmutableDictionary<string, Ed25519PublicKey> Collectors { get; private init; } = ImmutableDictionary<string, Ed25519PublicKey>.Empty;

    /// <summary>Reference values by name.</summary>
    public ImmutableSortedDictionary<string, ReferenceSet> References { get; private init; } =
        ImmutableSortedDictionary.Create<string, ReferenceSet>(StringComparer.Ordinal);

    public Chronicle ReferencesInOrder { get; private init; } = Chronicle.Empty;

    /// <summary>The highest version that each name of reference values ever had, those that were removed too.</summary>
    public ImmutableDictionary<string, long> ReferenceVersions { get; private init; } = ImmutableDictionary<string, long>.Empty;

    /// <summary>The highest version of each CoRIM's tag that a set was taken from, by signer (SHA-256 of the key) and tag.</summary>
    public ImmutableDictionary<(Digest Signer, string Tag), CorimTagVersion> CorimTags { get; private init; } = ImmutableDictionary<(Digest Signer, string Tag), CorimTagVersion>.Empty;

    /// <summary>Null until two people set the first one; without a policy nothing is released.</summary>
    public PolicyInForce? Policy { get; private init; }

    private ImmutableDictionary<Ed25519PublicKey, string> Keys { get; init; } = ImmutableDictionary<Ed25519PublicKey, string>.Empty;

    /// <summary>The person, if enrolled now.</summary>
    public Person? ActivePerson(string id) => People.GetValueOrDefault(id) is { Active: true } person ? person : null;

    /// <summary>Who holds or ever held this key; null if nobody did.</summary>
    public string? HolderOf(Ed25519PublicKey key) => Keys.GetValueOrDefault(key);

    internal int ActiveAdministrators(string? without = null) =>
        People.Values.Count(person => person.Active && person.Id != without && person.IsIn(Groups.Administrators));

    internal AccessState Apply(long index, LedgerRecord record) => record switch
    {
        Genesis genesis => genesis.Founding.Administrators.Aggregate(this, (state, founder) =>
            state.Change(index, new EnrolPerson(founder.Person, founder.Key, [Groups.Administrators]))),
        CommandRecord { Command: ProposeChange propose } =>
            this with
            {
                Proposals = Proposals.Add(Ids.Proposal(propose), new(propose, propose.Digest(), index)),
                ProposalsInOrder = ProposalsInOrder.With(index, Ids.Proposal(propose)),
            },
        CommandRecord { Command: ApproveChange approve } => WithoutProposal(approve.Proposal).Change(index, Proposals[approve.Proposal].Command.Change, Proposals[approve.Proposal].Index),
        CommandRecord { Command: RefuseChange refuse } => WithoutProposal(refuse.Proposal),
        CommandRecord { Command: Revoke { Target: var target } } when People.ContainsKey(target) => Change(index, new RemovePerson(target)),
        _ => this,
    };

    private AccessState WithoutProposal(string id) =>
        this with { Proposals = Proposals.Remove(id), ProposalsInOrder = ProposalsInOrder.Without(Proposals[id].Index, id) };

    private Chronicle WithoutReference(string name) => References.GetValueOrDefault(name) is { } set ? ReferencesInOrder.Without(set.Index, name) : ReferencesInOrder;

    private AccessState Change(long index, TrustChange change, long proposed = 0) => change switch
    {
        EnrolPerson enrol => this with
        {
            People = People.Add(enrol.Person, new(enrol.Person, enrol.Key, enrol.Groups, true, index)),
            PeopleInOrder = PeopleInOrder.With(index, enrol.Person),
            Keys = Keys.Add(enrol.Key, enrol.Person),
        },
        SetGroups set => this with { People = People.SetItem(set.Person, People[set.Person] with { Groups = set.Groups }) },
        RemovePerson leave => this with { People = People.SetItem(leave.Person, People[leave.Person] with { Active = false }) },
        SetPolicy set => this with { Policy = new(ReleasePolicy.Parse(set.Policy.Utf8), set.Policy, index, proposed) },
        AddRoot add => this with { Roots = Roots.SetItem(Digest.Of(add.Certificate.Span), add) },
        RemoveRoot remove => this with { Roots = Roots.Remove(remove.Certificate) },
        AddPublisher add => this with { Publishers = Publishers.Add(add.Name, add.Key) },
        RemovePublisher remove => this with { Publishers = Publishers.Remove(remove.Name) },
        AddCollector add => this with { Collectors = Collectors.Add(add.Name, add.Key) },
        RemoveCollector remove => this with { Collectors = Collectors.Remove(remove.Name) },
        SetReference set => this with
        {
            References = References.SetItem(set.Name, new(new(set.Name, set.Kind, set.Values, set.Version), index, proposed, set.Corim)),
            ReferencesInOrder = WithoutReference(set.Name).With(index, set.Name),
            ReferenceVersions = ReferenceVersions.SetItem(set.Name, set.Version),
            CorimTags = set.Corim is { } corim ? CorimTags.SetItems(corim.Tags.Select(tag => KeyValuePair.Create((Digest.Of(corim.Signer.Span), tag.Key), tag.Value))) : CorimTags,
        },
        RemoveReference remove => this with { References = References.Remove(remove.Name), ReferencesInOrder = WithoutReference(remove.Name) },
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}

/// <param name="Index">Where the ledger enrolled the person.</param>
public sealed record Person(string Id, Ed25519PublicKey Key, IReadOnlyList<string> Groups, bool Active, long Index)
{
    public bool IsIn(string group) => Groups.Contains(group, StringComparer.Ordinal);
}

/// <param name="Digest">What the approver signs.</param>
public sealed record Proposal(ProposeChange Command, Digest Digest, long Index);

/// <param name="Index">Where the ledger put them in force.</param>
/// <param name="Proposed">Where they stand, word for word.</param>
/// <param name="Corim">Who vouches for them besides those two; null if nobody does.</param>
public sealed record ReferenceSet(ReferenceValues Values, long Index, long Proposed, CorimSource? Corim);

/// <param name="Index">Where the ledger put it in force.</param>
/// <param name="Proposed">Where it stands, word for word.</param>
public sealed record PolicyInForce(ReleasePolicy Policy, CanonicalDocument Document, long Index, long Proposed)
{
    public Digest Digest => Document.Digest;
}
