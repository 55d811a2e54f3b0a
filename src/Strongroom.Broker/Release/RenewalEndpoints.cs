using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Broker.Endorsements;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Release;

/// <summary>A lease lives on by fresh evidence, judged by what is true now. No key travels: the enclave has it.</summary>
internal static class RenewalEndpoints
{
    public static Results<Ok<RenewalChallenge>, ProblemHttpResult> Challenge(
        string lease, RenewalChallengeRequest asked, Journal journal, BrokerDirectory directory, Challenges<RenewalTranscript> challenges,
        TimeProvider clock)
    {
        var state = journal.State;
        if (state.Release.Find(lease) is not { } held) return Problem.NotFound.Because($"there is no {lease}");
        if (held.HpkeKey is not { } key) return Problem.Refused.Because("a guest of the KBS protocol has this key: its lease is not renewed");
        var machine = state.Machines.Machines[held.Machine].Enrolled;
        var transcript = new RenewalTranscript(
            state.Origin, RandomNumberGenerator.GetBytes(Transcript.NonceSizeInBytes), Timestamp.WholeSecond(clock.GetUtcNow()), lease, held.Machine, key,
            directory.BrokerKey, asked.Configuration);
        var (id, _, expires) = challenges.Give(transcript);
        return TypedResults.Ok(new RenewalChallenge(id, transcript, Timestamp.WholeSecond(expires), machine.Pcrs, machine.ApplicationPcr));
    }

    public static async Task<Results<Ok<RenewalReply>, ProblemHttpResult>> Renew(
        string lease, EvidenceSubmission answer, Journal journal, Challenges<RenewalTranscript> challenges, Strangers strangers, EndorsementShelf shelf, TimeProvider clock,
        CancellationToken cancel)
    {
        if (challenges.Open(answer.Challenge) is not { Bound: var transcript } given || transcript.Lease != lease) return Problem.ChallengeSpent.Because();
        var state = journal.State;
        if (Foregone.Renewal(state, lease, clock.GetUtcNow()) is { Count: > 0 } over) return Problem.ReleaseDenied.Because(over);
        var result = AttestationResult.Of(state, transcript, answer.Evidence, await shelf.ForAsync(state, transcript.Machine, cancel));
        if (result.IsTrusted && challenges.Spend(given, transcript.Machine) is { } spent) return spent.Because();
        RenewalDecision decision = null!;
        string? later = null;
        var receipt = await journal.WriteAsync(
            (newest, now) =>
            {
                decision = RenewalDecision.Make(newest, transcript, result, now);
                var hasRoom = newest.Refused.HasRoomFor(decision.Record);
                later = decision.Record.Outcome != Outcome.Allowed ? null
                    : newest.Release.Leases[lease].IsFresh(now) ? "the lease was renewed a moment ago, and stands"
                    : hasRoom ? null : "the lease's renewals of today are as large as they may be";
                if (decision.IsRepeated || later is not null) return null;
                if (hasRoom) return new(decision.Record, result.Blobs);
                strangers.Count();
                return null;
            },
            cancel);
        if (later is not null) return Problem.TooMany.Because(later);
        if (decision.Record.Outcome == Outcome.Allowed) return TypedResults.Ok(new RenewalReply(receipt!.Entry, receipt.Proof, decision.Record.Development));
        return (decision.Record.Measurement is null ? Problem.EvidenceRefused : Problem.ReleaseDenied).Because(decision.Record.Reasons!);
    }
}
