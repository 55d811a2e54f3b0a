using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Policy;

namespace Strongroom.Facts;

/// <summary>
/// The decision on a guest's request: what a <see cref="ReleaseDecision"/> asks, but for an enclave's pins, which a guest has none of. So the policy must allow guests by
/// a dangerous name, and the record says what it was. As pure, and computed again by the auditor.
/// </summary>
public sealed class GuestDecision
{
    private GuestDecision(GuestDecided record, bool isRepeated, Lease? standing) => (Record, Entry, IsRepeated, Standing) = (record, record.ToEntry(), isRepeated, standing);

    public GuestDecided Record { get; }

    /// <summary>The bytes to append; the evidence goes beside them as a blob.</summary>
    public ReadOnlyMemory<byte> Entry { get; }

    /// <summary>The last answer to this request was the same in substance: give it again and append nothing.</summary>
    public bool IsRepeated { get; }

    /// <summary>Set when this guest's key has a living lease on this request that would be granted now: answer from the grant at its index and append nothing.</summary>
    public Lease? Standing { get; }

    /// <param name="state">The ledger before the decision.</param>
    /// <param name="transcript">What was spoken about.</param>
    /// <param name="result">What the evidence was found to be, on this state or an earlier one.</param>
    /// <param name="now">The broker's clock; the record has its whole second.</param>
    /// <exception cref="ArgumentException">The transcript names a request that is not on record, or the result is not of it.</exception>
    /// <exception cref="UnavailableException">The result rests on other endorsements than those on record.</exception>
    public static GuestDecision Make(LedgerState state, GuestTranscript transcript, GuestAttestation result, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(state);
        return Make(state, transcript, result, now, state.Access.Policy?.Policy, facts => facts);
    }

    /// <summary>As <see cref="Make(LedgerState, GuestTranscript, GuestAttestation, DateTimeOffset)"/>, under a policy that is not in force.</summary>
    internal static GuestDecision Make(
        LedgerState state, GuestTranscript transcript, GuestAttestation result, DateTimeOffset now, ReleasePolicy? policy, Func<ReleaseFacts, ReleaseFacts> facts)
    {
        ArgumentNullException.ThrowIfNull(transcript);
        ArgumentNullException.ThrowIfNull(result);
        now = Timestamp.WholeSecond(now);
        var request = state.Requests.Find(transcript.Request) ?? throw new ArgumentException($"there is no request {transcript.Request}", nameof(transcript));
        var verdict = result.For(state, transcript);
        var verified = (verdict as Verdict.Trusted)?.Evidence;
        IReadOnlyList<string> reasons = [.. OtherThanAsked(state, request.Asked, transcript), .. (verdict as Verdict.Rejected)?.Reasons ?? []];
        var decision = reasons.Count > 0 ? new Decision.Denied(reasons)
            : policy is null ? new Decision.Denied(["no policy is in force: two administrators set the first one"])
            : policy.Decide(request.Asked, verified, facts(Facts()), now);
        var record = new GuestDecided(
            now, Outcome.Denied, transcript, request.Asked.Model, request.Asked.Version, result.EvidenceDigest, result.Evidence.Length, policy?.Digest, verified?.Measurement,
            Endorsements: result.Endorsements);
        record = decision switch
        {
            Decision.Allowed allowed => record with { Outcome = Outcome.Allowed, Grant = ReleaseDecision.Grant(allowed, transcript.Digest(), now) },
            Decision.Pending pending => record with { Outcome = Outcome.Pending, Missing = Reasons.Fitting(pending.Missing) },
            Decision.Denied denied => record with { Reasons = Reasons.Fitting(denied.Reasons) },
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        return new(record, record.Grant is null && request.LastAnswer.Repeats(record), reasons.Count > 0 ? null : Standing());

        ReleaseFacts Facts(string? renewing = null) => state.FactsFor(request.Asked, ReleaseFacts.GuestMemory, renewing) with { KbsGuest = true };

        Lease? Standing() =>
            state.Release.Standing(request.Id, transcript.TeeKey, now) is { } lease
            && policy?.Decide(request.Asked, verified, facts(Facts(renewing: lease.Id)), now) is Decision.Allowed ? lease : null;
    }

    /// <summary>The broker writes transcripts, so none of these but the machine, which the guest's evidence says, is ever met; an auditor must not have to believe that.</summary>
    private static IEnumerable<string> OtherThanAsked(LedgerState state, ReleaseRequest asked, GuestTranscript transcript)
    {
        if (transcript.Ledger != state.Origin) yield return "the transcript is of another ledger";
        if (transcript.BrokerKey != state.Founding?.BrokerKey) yield return "the transcript is of another broker";
        if (transcript.Nonce.Length != Transcript.NonceSizeInBytes) yield return "the transcript's nonce has another length than 32 bytes";
        if (transcript.Machine != asked.Machine) yield return $"the guest runs on {transcript.Machine}, and the request is for {asked.Machine}";
        if (transcript.ModelDigest != asked.ModelDigest) yield return "the transcript is of another model than the request";
        if (!(transcript.Files ?? []).SequenceEqual(asked.Files ?? []) || transcript.Files is null != asked.Files is null)
            yield return "the transcript asks for other files than the request";
    }
}
