using Strongroom.Attestation;
using Strongroom.Bytes;

namespace Strongroom.Policy;

/// <summary>Who may get which key, in force once two people have signed it; spec/policy.md.</summary>
public sealed class ReleasePolicy
{
    /// <summary>Name and version of the format.</summary>
    public const string Type = "policy.v1";

    private readonly byte[] canonical;

    private ReleasePolicy(byte[] canonical, IReadOnlyList<PolicyRule> rules) =>
        (this.canonical, Rules, Digest) = (canonical, rules, Digest.Of(canonical));

    /// <summary>SHA-256 of <see cref="Canonical"/>; what approvals and decisions name.</summary>
    public Digest Digest { get; }

    /// <summary>Canonical JSON (RFC 8785).</summary>
    public ReadOnlyMemory<byte> Canonical => canonical;

    public IReadOnlyList<PolicyRule> Rules { get; }

    /// <exception cref="MalformedException">Not the canonical JSON of a policy.v1: a member unknown, missing or repeated, or a rule that spec/policy.md forbids.</exception>
    public static ReleasePolicy Parse(ReadOnlySpan<byte> canonicalJson)
    {
        var document = CanonicalJson.Parse(canonicalJson, PolicyJson.Default.PolicyDocument);
        PolicyShape.Require(document);
        return new(canonicalJson.ToArray(), document.Rules);
    }

    /// <exception cref="MalformedException">As for <see cref="Parse"/>.</exception>
    public static ReleasePolicy From(IReadOnlyList<PolicyRule> rules) =>
        Parse(CanonicalJson.Serialize(new PolicyDocument(Type, rules), PolicyJson.Default.PolicyDocument));

    /// <summary>The rule that names the model and covers the purpose; only where no rule names the model, the one written for every other.</summary>
    public PolicyRule? RuleFor(string model, string purpose)
    {
        var named = Rules.Any(rule => rule.NamesModel(model));
        return Rules.SingleOrDefault(rule => (named ? rule.NamesModel(model) : rule.CoversEveryOtherModel) && rule.CoversPurpose(purpose));
    }

    /// <summary>The groups whose approval the key needs; empty when no rule lets it be used so.</summary>
    public IEnumerable<string> GroupsAsked(string model, string purpose) => RuleFor(model, purpose)?.Approvals.Select(clause => clause.Group) ?? [];

    /// <summary>
    /// The decision, a pure and total function of its arguments. Without evidence it answers for the time in which people decide: never
    /// <see cref="Decision.Allowed"/>.
    /// </summary>
    public Decision Decide(ReleaseRequest request, VerifiedEvidence? evidence, ReleaseFacts facts, DateTimeOffset now)
    {
        var judgement = new Judgement(this, request, evidence, facts, now);
        if (judgement.Words(FindingOutcome.Refused) is { Count: > 0 } reasons) return new Decision.Denied(reasons);
        if (judgement.Words(FindingOutcome.Missing) is { Count: > 0 } missing) return new Decision.Pending(missing);
        return judgement.Allowed() ?? (Decision)new Decision.Denied(["no rule was met"]);
    }

    /// <summary>What each rule found, in the order of the policy; <see cref="Decide"/> says exactly what follows from this.</summary>
    public IReadOnlyList<Finding> Explain(ReleaseRequest request, VerifiedEvidence? evidence, ReleaseFacts facts, DateTimeOffset now) =>
        new Judgement(this, request, evidence, facts, now).Findings;

    /// <summary>The policy said back in plain English.</summary>
    public IReadOnlyList<string> Sentences => PolicyWords.Sentences(Rules);

    /// <summary>Holes that the policy's writer may not have meant.</summary>
    public IReadOnlyList<string> Warnings => PolicyWords.Warnings(Rules);

    /// <summary>Holes that show only beside the people: rules that nobody can meet, and groups that are one group.</summary>
    /// <param name="groupsOfPeople">The groups of everybody who is enrolled; every person once.</param>
    public IReadOnlyList<string> WarningsAmong(IReadOnlyList<IReadOnlyList<string>> groupsOfPeople) => [.. PolicyWords.Warnings(Rules, groupsOfPeople)];
}
