using System.Text.Json.Serialization;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;

namespace Strongroom.Protocol;

/// <summary>An item of <c>GET /v1/models</c>.</summary>
/// <param name="Withdrawn">It was revoked: nothing is released any more.</param>
public sealed record ModelDetails(
    string Model, long Version, string Publisher, Digest ModelDigest, Digest RecipientsDigest, DateTimeOffset At, long Index, bool Withdrawn);

/// <summary>An item of <c>GET /v1/machines</c>.</summary>
/// <param name="Measurement">What its evidence proved last, before that what its operator said at its enrolment; absent if neither.</param>
/// <param name="MeasuredAt">When that was.</param>
/// <param name="Proved">Ledger index of the record that rests on evidence for it; absent while it is the operator's word.</param>
/// <param name="Identity">A TEE: its processor and its devices, as their makers certified them.</param>
public sealed record MachineDetails(
    string Machine, string Kind, bool Active, DateTimeOffset At, long Index, IReadOnlyList<int> Pcrs, int ApplicationPcr, Digest? Measurement = null,
    DateTimeOffset? MeasuredAt = null, MachineIdentity? Identity = null, long? Proved = null);

/// <summary>An item of <c>GET /v1/requests</c>, and the reply to <c>GET /v1/requests/{id}</c>.</summary>
/// <param name="Command">As it was signed; its digest is what approvers sign.</param>
/// <param name="PolicyDigest">Digest of the policy in force now, which approvers sign too; absent if there is none.</param>
/// <param name="Missing">What a release still needs, in words, evidence apart.</param>
/// <param name="Reasons">Why it is denied, in words; absent unless it is.</param>
/// <param name="LastRelease">Ledger index of the last release of this model on another request, else of the last on this machine; absent if there was none.</param>
public sealed record RequestDetails(
    string Request, OpenRequest Command, Digest Digest, long Index, RequestStatus Status, IReadOnlyList<ApprovalDetails> Approvals, Digest? PolicyDigest = null,
    string? OpenedByName = null, IReadOnlyList<string>? Missing = null, IReadOnlyList<string>? Reasons = null, IReadOnlyList<string>? Leases = null, long? LastRelease = null);

[JsonConverter(typeof(JsonStringEnumConverter<RequestStatus>))]
public enum RequestStatus
{
    /// <summary>Approvals are missing.</summary>
    [JsonStringEnumMemberName("pending")]
    Pending,

    /// <summary>Only the machine's evidence is missing.</summary>
    [JsonStringEnumMemberName("ready")]
    Ready,

    /// <summary>As things stand it would be denied.</summary>
    [JsonStringEnumMemberName("denied")]
    Denied,

    [JsonStringEnumMemberName("expired")]
    Expired,

    [JsonStringEnumMemberName("revoked")]
    Revoked,
}

/// <param name="Counts">It can still be counted: not consumed, not expired, of this policy, by a person who is still enrolled.</param>
public sealed record ApprovalDetails(string By, Answer Decision, DateTimeOffset At, DateTimeOffset Expires, long Index, bool Consumed, bool Counts, string? Name = null);

/// <summary>An item of <c>GET /v1/leases</c>.</summary>
public sealed record LeaseDetails(
    string Lease, string Request, string Model, long Version, string Machine, string Memory, DateTimeOffset At, DateTimeOffset Expires, long Index,
    LeaseStatus Status, bool? Development = null);

[JsonConverter(typeof(JsonStringEnumConverter<LeaseStatus>))]
public enum LeaseStatus
{
    [JsonStringEnumMemberName("live")]
    Live,

    [JsonStringEnumMemberName("expired")]
    Expired,

    [JsonStringEnumMemberName("revoked")]
    Revoked,
}

/// <summary>An item of <c>GET /v1/persons</c>; the name is not from the ledger.</summary>
/// <param name="Index">Where the ledger enrolled the person; the founders share index 0.</param>
public sealed record PersonDetails(string Person, Ed25519PublicKey Key, IReadOnlyList<string> Groups, bool Active, long Index, string? Name = null);

/// <summary>An item of <c>GET /v1/proposals</c>: changes of trust that wait for a second person.</summary>
public sealed record ProposalDetails(string Proposal, ProposeChange Command, Digest Digest, long Index, string? ProposedByName = null);

/// <summary>An item of <c>GET /v1/references</c>.</summary>
/// <param name="Values">Claim to what it must be (spec/policy.md, "Expected values").</param>
/// <param name="Index">Where the ledger put them in force.</param>
/// <param name="Proposed">Where they stand in the ledger, word for word.</param>
/// <param name="Corim">The signed CoRIM that vouches for them; absent if none does.</param>
public sealed record ReferenceDetails(string Name, string Kind, long Version, IReadOnlyDictionary<string, string> Values, long Index, long Proposed, CorimSource? Corim = null);

/// <summary>The reply to <c>GET /v1/policy</c>.</summary>
/// <param name="Index">Where the ledger put it in force.</param>
/// <param name="Proposed">Where it stands in the ledger, word for word.</param>
public sealed record PolicyReply(CanonicalDocument Policy, Digest Digest, long Index, long Proposed);

/// <summary>The reply to <c>GET /v1/endorsements</c>; the bundle itself is the blob of its digest.</summary>
/// <param name="Collector">Who collected it, by the name on record.</param>
/// <param name="At">When it was recorded.</param>
public sealed record EndorsementsReply(Digest Bundle, string Collector, DateTimeOffset Collected, DateTimeOffset At, long Index);

/// <summary>The reply to <c>GET /v1/requests/{id}/explanation</c>.</summary>
public sealed record ExplanationReply(string Request, IReadOnlyList<ExplainedCheck> Checks);

/// <param name="Rule">Name of the policy's rule; empty for the checks that every request must meet.</param>
/// <param name="Outcome"><c>met</c>, <c>missing</c>, <c>refused</c>, <c>not_applicable</c>.</param>
public sealed record ExplainedCheck(string Rule, string Check, string Outcome, string Words);

/// <summary>The reply to <c>GET /health</c>.</summary>
/// <param name="Shed">How many requests since the start were turned away by rate, or as more rubbish in a machine's name than is worth a record.</param>
public sealed record HealthReply(string Status, string Ledger, long Size, long Shed, bool? Development = null);
