using System.Text.Json.Serialization;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;

namespace Strongroom.Protocol;

/// <summary>The body of <c>POST /v1/challenges</c>.</summary>
/// <param name="Request">Id of an open request.</param>
/// <param name="HpkeKey">The enclave's key, made for this start and measured before it asked.</param>
/// <param name="Memory">The kind of protected memory it reserved: <c>secret</c>, <c>locked</c>.</param>
/// <param name="Configuration">Digest of the enclave's <see cref="Facts.Configuration"/>.</param>
public sealed record ChallengeRequest(string Request, HpkePublicKey HpkeKey, string Memory, Digest Configuration);

/// <param name="Id">Names this challenge; works once, until <paramref name="Expires"/>.</param>
/// <param name="Transcript">What the evidence must sign; the enclave compares every member with what it knows before it does.</param>
/// <param name="Pcrs">tpm: the boot PCRs to quote.</param>
/// <param name="ApplicationPcr">tpm: the PCR that holds the starts.</param>
public sealed record Challenge(string Id, Transcript Transcript, DateTimeOffset Expires, IReadOnlyList<int> Pcrs, int ApplicationPcr);

/// <summary>The body of <c>POST /v1/releases</c> and of <c>POST /v1/leases/{id}/renewals</c>.</summary>
/// <param name="Challenge">The challenge's id.</param>
/// <param name="Evidence">As spec/evidence.md says, for the digest of the challenge's transcript.</param>
public sealed record EvidenceSubmission(string Challenge, ReadOnlyMemory<byte> Evidence);

/// <summary>200: the key, and the proof that the decision to release it stands in the witnessed ledger.</summary>
/// <param name="Entry">The bytes of the decision's leaf, a <see cref="ReleaseDecided"/>.</param>
/// <param name="Proof">The leaf's inclusion proof with its cosigned checkpoint (C2SP tlog-proof).</param>
/// <param name="SealedKeys">The files' keys, 32 bytes each in the manifest's order, sealed by HPKE to the enclave's key with the leaf hash in info.</param>
/// <param name="Development">Present, and true, when the evidence was of the kind that proves nothing about a machine.</param>
public sealed record GrantReply(ReadOnlyMemory<byte> Entry, string Proof, ReadOnlyMemory<byte> SealedKeys, bool? Development = null);

/// <summary>202: nothing speaks against the release, something is missing still. A new challenge and fresh evidence may be tried later.</summary>
public sealed record PendingReply(IReadOnlyList<string> Missing, long RetryAfterSeconds, bool? Development = null);

/// <summary>The body of <c>POST /v1/leases/{id}/challenges</c>.</summary>
public sealed record RenewalChallengeRequest(Digest Configuration);

public sealed record RenewalChallenge(string Id, RenewalTranscript Transcript, DateTimeOffset Expires, IReadOnlyList<int> Pcrs, int ApplicationPcr);

/// <summary>200: the lease is longer, and here is the proof.</summary>
/// <param name="Entry">The bytes of the decision's leaf, a <see cref="RenewalDecided"/>.</param>
public sealed record RenewalReply(ReadOnlyMemory<byte> Entry, string Proof, bool? Development = null);

/// <summary>The data of one server-sent event of <c>GET /v1/leases/{id}/events</c>.</summary>
/// <param name="Index">Where the ledger says so.</param>
public sealed record LeaseEvent(LeaseEventKind Kind, string Lease, long? Index = null, string? Reason = null);

[JsonConverter(typeof(JsonStringEnumConverter<LeaseEventKind>))]
public enum LeaseEventKind
{
    /// <summary>Sent at once and then every few seconds: the line is alive and the lease stands.</summary>
    [JsonStringEnumMemberName("stands")]
    Stands,

    /// <summary>The lease is over; wipe now. The stream ends.</summary>
    [JsonStringEnumMemberName("revoked")]
    Revoked,
}
