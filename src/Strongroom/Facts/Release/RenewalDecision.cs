using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Policy;

namespace Strongroom.Facts;

/// <summary>
/// The decision to let a lease live on, as pure as <see cref="ReleaseDecision"/>. It asks all that a release asks, of fresh evidence and of what is true
/// now, and counts the approvals that the lease itself consumed: a changed policy, a leaver among the approvers or another measurement ends it.
/// </summary>
public sealed class RenewalDecision
{
    private RenewalDecision(RenewalDecided record, bool isRepeated = false) => (Record, Entry, IsRepeated) = (record, record.ToEntry(), isRepeated);

    public RenewalDecided Record { get; }

    /// <summary>The bytes to append; the evidence goes beside them as a blob.</summary>
    public ReadOnlyMemory<byte> Entry { get; }

    /// <summary>The last answer to this lease was the same in substance: give it again and append nothing. Never so when allowed.</summary>
    public bool IsRepeated { get; }

    /// <exception cref="ArgumentException">The transcript names a lease that is not on record, or the result is not of it.</exception>
    public static RenewalDecision Make(LedgerState state, RenewalTranscript transcript, AttestationResult result, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(transcript);
        ArgumentNullException.ThrowIfNull(result);
        now = Timestamp.WholeSecond(now);
        var lease = state.Release.Find(transcript.Lease) ?? throw new ArgumentException($"there is no lease {transcript.Lease}", nameof(transcript));
        var request = state.Requests.Requests[lease.Request].Asked;
        var machine = state.Machines.Machines[lease.Machine];
        var verdict = result.For(state, lease.Machine, transcript.Digest());
        var verified = (verdict as Verdict.Trusted)?.Evidence;
        List<string> reasons = [.. OtherThanLeased(state, lease, transcript, now), .. (verdict as Verdict.Rejected)?.Reasons ?? []];
        if (verified is not null && verified.Measurement != lease.Measurement) reasons.Add("the machine's measurement has changed since the release");
        if (state.Access.Policy is not { } policy) reasons.Add("no policy is in force");
        else if (reasons.Count == 0) reasons.AddRange(WhyNot(policy.Policy.Decide(request, verified, state.FactsFor(request, lease.Memory, renewing: lease.Id), now)));
        var record = new RenewalDecided(
            now, Outcome.Denied, transcript, result.EvidenceDigest, result.Evidence.Length, state.Access.Policy?.Digest, verified?.Measurement,
            machine.Kind == DevelopmentEvidence.KindName ? true : null, Endorsements: result.Endorsements);
        if (reasons.Count > 0)
        {
            record = record with { Reasons = Reasons.Fitting(reasons) };
            return new(record, lease.LastAnswer.Repeats(record));
        }
        var seconds = Math.Min(request.LeaseSeconds, (long)(request.Expires - now).TotalSeconds);
        return new(record with { Outcome = Outcome.Allowed, Seconds = seconds, Expires = now.AddSeconds(seconds) });
    }

    /// <summary>A renewal has no time to wait for people: what is missing is a reason to say no.</summary>
    private static IReadOnlyList<string> WhyNot(Decision decision) => decision switch
    {
        Decision.Allowed => [],
        Decision.Pending pending => pending.Missing,
        Decision.Denied denied => denied.Reasons,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static IEnumerable<string> OtherThanLeased(LedgerState state, Lease lease, RenewalTranscript transcript, DateTimeOffset now)
    {
        if (transcript.Ledger != state.Origin) yield return "the transcript is of another ledger";
        if (transcript.BrokerKey != state.Founding?.BrokerKey) yield return "the transcript is of another broker";
        if (transcript.Nonce.Length != Transcript.NonceSizeInBytes) yield return "the transcript's nonce has another length than 32 bytes";
        if (transcript.Machine != lease.Machine) yield return "the transcript is of another machine than the lease";
        if (!transcript.HpkeKey.Equals(lease.HpkeKey)) yield return "the transcript is of another enclave than the lease";
        if (transcript.Configuration != lease.Configuration) yield return "the transcript is of another configuration than the lease";
        foreach (var reason in Configuration.Refusals(state, lease.Model, lease.Version, transcript.Configuration)) yield return reason;
        foreach (var reason in Foregone.OfLease(lease, now)) yield return reason;
    }
}
