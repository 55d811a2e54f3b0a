using System.Text.Json.Serialization;
using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>What decisions on evidence have in common: a pure function of the ledger before it, the transcript, the evidence and the time, so that anybody who holds those computes the same bytes.</summary>
/// <param name="Evidence">SHA-256 of the evidence, the blob of which lies beside the ledger.</param>
/// <param name="EvidenceSize">Its length in bytes.</param>
/// <param name="Policy">Digest of the policy in force; absent when there was none.</param>
/// <param name="Measurement">Digest of what the evidence proved, a blob as well (<see cref="Attestation.Measurement"/>); absent when it proved nothing.</param>
/// <param name="Development">Present, and true, when the evidence was of the kind that proves nothing about a machine.</param>
/// <param name="Reasons">Present exactly when the outcome is <see cref="Outcome.Denied"/>.</param>
/// <param name="Endorsements">A TEE: digest of the bundle on record that its evidence was judged with; absent where none was on record.</param>
public abstract record Decided(
    DateTimeOffset At, Outcome Outcome, Digest Evidence, long EvidenceSize, Digest? Policy, Digest? Measurement, bool? Development, IReadOnlyList<string>? Reasons,
    Digest? Endorsements)
    : LedgerRecord(At)
{
    /// <summary>In whose name the evidence came.</summary>
    internal abstract string Asker { get; }

    /// <summary>
    /// What is left when everything that differs from one asking to the next is taken out. An enclave that asks again and is told the same again has not
    /// made a new fact, and cannot fill the ledger by asking.
    /// </summary>
    internal Digest Substance() => Digest.Of((WithoutChallenge() with { At = DateTimeOffset.UnixEpoch, Evidence = Digest.Of([]), EvidenceSize = 0 }).ToEntry());

    private protected abstract Decided WithoutChallenge();
}

/// <summary>The decision on one request to release a key: the leaf that the wrapped key is bound to (<see cref="ReleaseDecision"/>).</summary>
/// <param name="Grant">Present exactly when the outcome is <see cref="Outcome.Allowed"/>.</param>
/// <param name="Missing">Present exactly when the outcome is <see cref="Outcome.Pending"/>.</param>
public sealed record ReleaseDecided(
    DateTimeOffset At, Outcome Outcome, Transcript Transcript, string Model, long Version, Digest Evidence, long EvidenceSize, Digest? Policy = null,
    Digest? Measurement = null, bool? Development = null, GrantedLease? Grant = null, IReadOnlyList<string>? Missing = null, IReadOnlyList<string>? Reasons = null,
    Digest? Endorsements = null)
    : Decided(At, Outcome, Evidence, EvidenceSize, Policy, Measurement, Development, Reasons, Endorsements)
{
    /// <summary>What the HPKE message that carries the keys is bound to: <c>strongroom/release/v1</c>, a line feed and the leaf hash of the decision.</summary>
    public static byte[] HpkeInfo(Digest leafHash) => [.. "strongroom/release/v1\n"u8, .. leafHash.Span];

    internal override string Asker => Transcript.Machine;

    private protected override Decided WithoutChallenge() => this with { Transcript = Transcript with { Nonce = default, Issued = DateTimeOffset.UnixEpoch } };
}

/// <param name="Approvals">Ledger indices of the approvals that this release consumed.</param>
/// <param name="Seconds">The enclave keeps the key for so long, counted from before it asked.</param>
/// <param name="Expires">The same bound by the broker's clock.</param>
/// <param name="CheckTree">The enclave must check the manifest's tree over the sealed bytes before it uses the model.</param>
public sealed record GrantedLease(string Lease, IReadOnlyList<long> Approvals, string Rule, long Seconds, DateTimeOffset Expires, bool CheckTree);

/// <summary>The decision on one renewal of a lease; fresh evidence, the policy in force now, the approvals that the release consumed.</summary>
/// <param name="Seconds">Present exactly when allowed: the lease's new length, counted from before the enclave asked.</param>
/// <param name="Expires">Present exactly when allowed: the same bound by the broker's clock.</param>
public sealed record RenewalDecided(
    DateTimeOffset At, Outcome Outcome, RenewalTranscript Transcript, Digest Evidence, long EvidenceSize, Digest? Policy = null, Digest? Measurement = null,
    bool? Development = null, long? Seconds = null, DateTimeOffset? Expires = null, IReadOnlyList<string>? Reasons = null, Digest? Endorsements = null)
    : Decided(At, Outcome, Evidence, EvidenceSize, Policy, Measurement, Development, Reasons, Endorsements)
{
    internal override string Asker => Transcript.Machine;

    private protected override Decided WithoutChallenge() => this with { Transcript = Transcript with { Nonce = default, Issued = DateTimeOffset.UnixEpoch } };
}

/// <summary>What was said last, of evidence that the machine gave and of evidence that anybody may have sent: the second never makes the first new again.</summary>
/// <param name="Proved">Substance of the last decision that was no grant, on evidence of the machine; null after a grant and before any.</param>
/// <param name="Unproved">The same, on evidence that proved nothing.</param>
public readonly record struct LastAnswer(Digest? Proved, Digest? Unproved)
{
    internal bool Repeats(Decided decided) => (decided.Measurement is null ? Unproved : Proved) == decided.Substance();

    internal LastAnswer With(Decided decided) => decided.Measurement is null ? this with { Unproved = decided.Substance() } : this with { Proved = decided.Substance() };
}

[JsonConverter(typeof(JsonStringEnumConverter<Outcome>))]
public enum Outcome
{
    [JsonStringEnumMemberName("allowed")]
    Allowed,

    [JsonStringEnumMemberName("pending")]
    Pending,

    [JsonStringEnumMemberName("denied")]
    Denied,
}
