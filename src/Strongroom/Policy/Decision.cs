using System.Text.Json.Serialization;
using Strongroom.Attestation;
using Strongroom.Bytes;

namespace Strongroom.Policy;

/// <summary>The answer to a request: <see cref="Allowed"/>, <see cref="Pending"/> or <see cref="Denied"/>, and nothing else.</summary>
public abstract record Decision
{
    private Decision()
    {
    }

    /// <summary>Every check was met, on this evidence. Only <see cref="ReleasePolicy.Decide"/> makes one, so a release without a decision does not compile.</summary>
    public sealed record Allowed : Decision
    {
        internal Allowed(ReleaseRequest request, VerifiedEvidence evidence, IReadOnlyList<ApprovalFact> approvals, PolicyRule rule, Digest policyDigest, string memory) =>
            (Request, Evidence, Approvals, Rule, PolicyDigest, Memory, CheckTree) =
            (request, evidence, approvals, rule.Name, policyDigest, memory, rule.CheckTree);

        public ReleaseRequest Request { get; }

        public VerifiedEvidence Evidence { get; }

        /// <summary>The approvals that were counted, in ledger order: the release consumes exactly these.</summary>
        public IReadOnlyList<ApprovalFact> Approvals { get; }

        /// <summary>Name of the rule that allowed it.</summary>
        public string Rule { get; }

        public Digest PolicyDigest { get; }

        /// <summary>The kind of protected memory that the lease binds.</summary>
        public string Memory { get; }

        /// <summary>The enclave must check the manifest's tree over the sealed bytes before it uses the model.</summary>
        public bool CheckTree { get; }

        public long LeaseSeconds => Request.LeaseSeconds;

        public bool Development => Evidence.IsDevelopment;
    }

    /// <summary>Nothing speaks against it, but something is still missing.</summary>
    public sealed record Pending(IReadOnlyList<string> Missing) : Decision;

    /// <summary>Refused, for every reason that was found, not only the first.</summary>
    public sealed record Denied(IReadOnlyList<string> Reasons) : Decision;
}

/// <summary>What one check of one rule found.</summary>
/// <param name="Rule">Name of the rule; empty for the checks that every request must meet.</param>
/// <param name="Check">Short name of the check, a heading of spec/policy.md.</param>
public sealed record Finding(string Rule, string Check, FindingOutcome Outcome, string Words);

[JsonConverter(typeof(JsonStringEnumConverter<FindingOutcome>))]
public enum FindingOutcome
{
    /// <summary>The check is satisfied.</summary>
    [JsonStringEnumMemberName("met")]
    Met,

    /// <summary>Not yet satisfied, but it can be: the decision is pending.</summary>
    [JsonStringEnumMemberName("missing")]
    Missing,

    /// <summary>Not satisfied: the decision is denied.</summary>
    [JsonStringEnumMemberName("refused")]
    Refused,

    /// <summary>The rule is about other models or purposes.</summary>
    [JsonStringEnumMemberName("not_applicable")]
    NotApplicable,
}
