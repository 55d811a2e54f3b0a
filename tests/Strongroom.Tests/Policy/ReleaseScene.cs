using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Policy;

namespace Strongroom.Tests.Policy;

/// <summary>A request that is allowed in every respect; each test spoils one and looks at the answer.</summary>
internal sealed record ReleaseScene
{
    internal static readonly DateTimeOffset Noon = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    private static readonly Dictionary<string, string> Boot = new() { ["pcr0"] = "aa", ["pcr1"] = "bb" };

    internal PolicyRule Rule { get; init; } = new(
        "storyteller", ["storyteller"], ["inference"], [new("tpm", ["rack-7"], 60, 1)], [new("owners", 1), new("security", 1)], ["secret"], true, 3600, 86_400, 7200);

    internal IReadOnlyList<PolicyRule> OtherRules { get; init; } = [];

    internal ReleaseRequest Request { get; init; } = new(
        "request-1", Digest.Of("request"u8), "storyteller", 2, Digest.Of("model"u8), "machine-1", Measurement.Of("tpm", Boot), "inference", null,
        "person-opener", Noon.AddHours(-2), Noon.AddHours(2), 3600);

    internal VerifiedEvidence? Evidence { get; init; } = EvidenceOf(Boot);

    internal Func<ReleaseFacts, ReleaseFacts> Facts { get; init; } = facts => facts;

    /// <summary>The answers as given, before any test touches them: one by an owner, one by a security engineer.</summary>
    internal Func<ApprovalFact, ApprovalFact> Second { get; init; } = answer => answer;

    internal DateTimeOffset Now { get; init; } = Noon;

    internal ReleasePolicy Policy => ReleasePolicy.From([Rule, .. OtherRules]);

    internal Decision Decide() => Policy.Decide(Request, Evidence, GivenFacts(), Now);

    internal IReadOnlyList<Finding> Explain() => Policy.Explain(Request, Evidence, GivenFacts(), Now);

    internal ReleaseFacts GivenFacts() => Facts(new()
    {
        PolicyDigest = Policy.Digest,
        Model = new("storyteller", 2, Digest.Of("model"u8), 2, PublisherTrusted: true, Withdrawn: false),
        Machine = new("machine-1", "tpm", Active: true),
        ReferenceValues = [new("rack-7", "tpm", Boot)],
        Approvals = [Approval(1, "person-owner", "owners"), Second(Approval(2, "person-security", "security"))],
        OpenerActive = true,
        RequestRevoked = false,
        AskedMemory = "secret",
        DevelopmentAllowed = false,
    });

    internal ApprovalFact Approval(long index, string person, params string[] groups) => new(
        index, person, PersonActive: true, groups, Approves: true, Request.Digest, Policy.Digest, Request.ModelDigest, Request.Machine, Request.Measurement,
        Request.Purpose, Request.LeaseSeconds, Noon.AddHours(-1), Noon.AddHours(1), Consumed: false);

    internal static VerifiedEvidence EvidenceOf(
        IReadOnlyDictionary<string, string> claims, string kind = "tpm", string machine = "machine-1", int starts = 1, DateTimeOffset? verifiedAt = null) => new()
    {
        Kind = kind,
        Machine = machine,
        Digest = Digest.Of("evidence"u8),
        Transcript = Digest.Of("transcript"u8),
        Claims = claims,
        Starts = [.. Enumerable.Repeat(new EnclaveStart(Digest.Of("hpke"u8), Digest.Of("configuration"u8)), starts)],
        ResetCount = 1,
        RestartCount = 0,
        VerifiedAt = verifiedAt ?? Noon,
    };
}
