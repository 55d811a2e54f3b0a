using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Policy;

namespace Strongroom.Facts;

/// <summary>
/// The release decision: a pure function of the ledger so far, the transcript, the evidence and the time. The broker calls it to decide, the auditor
/// calls it to see whether the broker did, and both get the same bytes.
/// </summary>
public sealed class ReleaseDecision
{
    private ReleaseDecision(ReleaseDecided record, bool isRepeated, Lease? standing) =>
        (Record, Entry, IsRepeated, Standing) = (record, record.ToEntry(), isRepeated, standing);

    public ReleaseDecided Record { get; }

    /// <summary>The bytes to append; the evidence goes beside them as a blob.</summary>
    public ReadOnlyMemory<byte> Entry { get; }

    /// <summary>The last answer to this request was the same in substance: give it again and append nothing.</summary>
    public bool IsRepeated { get; }

    /// <summary>Set when this enclave has a living lease on this request that could be renewed now: answer with the grant at its index and append nothing.</summary>
    public Lease? Standing { get; }

    /// <param name="state">The ledger before the decision.</param>
    /// <param name="transcript">What broker and enclave agreed on.</param>
    /// <param name="result">What the evidence was found to be, on this state or an earlier one.</param>
    /// <param name="now">The broker's clock; the record has its whole second.</param>
    /// <exception cref="ArgumentException">The transcript names a request that is not on record, or the result is not of it.</exception>
    public static ReleaseDecision Make(LedgerState state, Transcript transcript, AttestationResult result, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(state);
        return Make(state, transcript, result, now, state.Access.Policy?.Policy, facts => facts);
    }

    /// <summary>As <see cref="Make(LedgerState, Transcript, AttestationResult, DateTimeOffset)"/>, under a policy that is not in force.</summary>
    internal static ReleaseDecision Make(
        LedgerState state, Transcript transcript, AttestationResult result, DateTimeOffset now, ReleasePolicy? policy, Func<ReleaseFacts, ReleaseFacts> facts)
    {
        ArgumentNullException.ThrowIfNull(transcript);
        ArgumentNullException.ThrowIfNull(result);
        now = Timestamp.WholeSecond(now);
        var request = state.Requests.Find(transcript.Request) ?? throw new ArgumentException($"there is no request {transcript.Request}", nameof(transcript));
        var verdict = result.For(state, request.Asked.Machine, transcript.Digest());
        var verified = (verdict as Verdict.Trusted)?.Evidence;
        IReadOnlyList<string> reasons = [.. OtherThanAsked(state, request.Asked, transcript), .. (verdict as Verdict.Rejected)?.Reasons ?? []];
        var decision = reasons.Count > 0 ? new Decision.Denied(reasons)
            : policy is null ? new Decision.Denied(["no policy is in force: two administrators set the first one"])
            : policy.Decide(request.Asked, verified, facts(state.FactsFor(request.Asked, transcript.Memory)), now);
        var record = new ReleaseDecided(
            now, Outcome.Denied, transcript, request.Asked.Model, request.Asked.Version, result.EvidenceDigest, result.Evidence.Length, policy?.Digest, verified?.Measurement,
            state.Machines.Machines[request.Asked.Machine].Kind == DevelopmentEvidence.KindName ? true : null, Endorsements: result.Endorsements);
        record = decision switch
        {
            Decision.Allowed allowed => record with { Outcome = Outcome.Allowed, Grant = Grant(allowed, transcript.Digest(), now) },
            Decision.Pending pending => record with { Outcome = Outcome.Pending, Missing = Reasons.Fitting(pending.Missing) },
            Decision.Denied denied => record with { Reasons = Reasons.Fitting(denied.Reasons) },
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        return new(record, record.Grant is null && request.LastAnswer.Repeats(record), reasons.Count > 0 ? null : Standing());

        // What has changed since the grant counts here as it does at a renewal: a key is not handed out a second time because it was handed out once.
        Lease? Standing() =>
            state.Release.Standing(request.Id, transcript.HpkeKey, now) is { } lease
            && policy?.Decide(request.Asked, verified, facts(state.FactsFor(request.Asked, transcript.Memory, renewing: lease.Id)), now) is Decision.Allowed ? lease : null;
    }

    /// <summary>No lease outlives its request: what people approved ends when they said.</summary>
    internal static GrantedLease Grant(Decision.Allowed allowed, Digest transcript, DateTimeOffset now)
    {
        var seconds = Math.Min(allowed.LeaseSeconds, (long)(allowed.Request.Expires - now).TotalSeconds);
        return new(
            Ids.Lease(transcript), [.. allowed.Approvals.Select(approval => approval.LedgerIndex)], allowed.Rule, seconds, now.AddSeconds(seconds),
            allowed.CheckTree);
    }

    /// <summary>The broker writes transcripts, so none of these but the last, the enclave's own word, is ever met; an auditor must not have to believe that.</summary>
    private static IEnumerable<string> OtherThanAsked(LedgerState state, ReleaseRequest asked, Transcript transcript)
    {
        if (transcript.Ledger != state.Origin) yield return "the transcript is of another ledger";
        if (transcript.BrokerKey != state.Founding?.BrokerKey) yield return "the transcript is of another broker";
        if (transcript.Nonce.Length != Transcript.NonceSizeInBytes) yield return "the transcript's nonce has another length than 32 bytes";
        if (transcript.Machine != asked.Machine) yield return "the transcript is of another machine than the request";
        if (transcript.ModelDigest != asked.ModelDigest) yield return "the transcript is of another model than the request";
        if (!(transcript.Files ?? []).SequenceEqual(asked.Files ?? []) || transcript.Files is null != asked.Files is null)
            yield return "the transcript asks for other files than the request";
        foreach (var reason in Configuration.Refusals(state, asked.Model, asked.Version, transcript.Configuration)) yield return reason;
    }
}
