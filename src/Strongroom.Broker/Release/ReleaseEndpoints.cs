using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Broker.Endorsements;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Release;

/// <summary>May this key, for this model, go to this machine, now? Challenge, evidence, decision, ledger, key: in this order and in no other.</summary>
internal static class ReleaseEndpoints
{
    public static readonly TimeSpan ChallengeTimeToLive = TimeSpan.FromSeconds(60);

    private const int RetryAfterSeconds = 2;

    public static void MapReleases(this IEndpointRouteBuilder app)
    {
        var group = app.MapGroup("/v1").WithTags("Release").RequireRateLimiting(Limits.Strangers);
        group.MapPost("/challenges", Challenge).WithSummary("Ask for a challenge: the transcript that fresh evidence must sign").Refuses(400, 404, 429);
        group.MapPost("/releases", Release).TakesUpTo(Listener.MaxEvidenceBodySizeInBytes).ProvesCaller()
            .WithSummary("Answer a challenge by evidence; 200 with the key, 202 while people are missing").Refuses(400, 403, 429, 503);
    }

    private static Results<Ok<Challenge>, ProblemHttpResult> Challenge(
        ChallengeRequest asked, Journal journal, BrokerDirectory directory, Challenges<Transcript> challenges, TimeProvider clock)
    {
        var state = journal.State;
        if (asked.Memory is not ("secret" or "locked")) return Problem.Malformed.Because($"there is no memory of the kind {asked.Memory}");
        if (state.Requests.Find(asked.Request)?.Asked is not { } request) return Problem.NotFound.Because($"there is no {asked.Request}");
        var machine = state.Machines.Machines[request.Machine].Enrolled;
        var transcript = new Transcript(
            state.Origin, RandomNumberGenerator.GetBytes(Transcript.NonceSizeInBytes), Timestamp.WholeSecond(clock.GetUtcNow()), request.Id, request.ModelDigest,
            request.Machine, asked.HpkeKey, directory.BrokerKey, asked.Memory, asked.Configuration, request.Files);
        var (id, _, expires) = challenges.Give(transcript with { Files = null }); // which follow from the request, and may be many
        return TypedResults.Ok(new Challenge(id, transcript, Timestamp.WholeSecond(expires), machine.Pcrs, machine.ApplicationPcr));
    }

    private static async Task<Results<Ok<GrantReply>, Accepted<PendingReply>, ProblemHttpResult>> Release(
        EvidenceSubmission answer, Journal journal, Challenges<Transcript> challenges, Strangers strangers, EndorsementShelf shelf, KeyRelease keys, TimeProvider clock,
        CancellationToken cancel)
    {
        if (challenges.Open(answer.Challenge) is not { } given) return Problem.ChallengeSpent.Because();
        var state = journal.State;
        if (Foregone.Release(state, given.Bound.Request, clock.GetUtcNow()) is { Count: > 0 } over) return Problem.ReleaseDenied.Because(over);
        var transcript = given.Bound with { Files = state.Requests.Requests[given.Bound.Request].Asked.Files };
        var result = AttestationResult.Of(state, transcript, answer.Evidence, await shelf.ForAsync(state, transcript.Machine, cancel)); // out here, where a stranger's evidence makes nobody wait
        if (result.IsTrusted && challenges.Spend(given, transcript.Machine) is { } spent) return spent.Because();
        ReleaseDecision decision = null!;
        var receipt = await journal.WriteAsync(
            (newest, now) =>
            {
                decision = ReleaseDecision.Make(newest, transcript, result, now);
                if (decision.IsRepeated || decision.Standing is not null) return null;
                if (newest.Refused.HasRoomFor(decision.Record)) return new(decision.Record, result.Blobs);
                strangers.Count();
                return null;
            },
            cancel);
        // The same request with the same key is answered the same, from the same entry of the ledger.
        if (decision.Standing is { } lease) receipt = await journal.ReceiptAsync(lease.Index, cancel);
        else if (decision.Record.Outcome != Outcome.Allowed) return Say(decision.Record);
        return TypedResults.Ok(await keys.AnswerAsync(ReleaseGrant.From(receipt!), cancel));
    }

    private static Results<Ok<GrantReply>, Accepted<PendingReply>, ProblemHttpResult> Say(ReleaseDecided decided) => decided switch
    {
        { Outcome: Outcome.Pending } => TypedResults.Accepted((string?)null, new PendingReply(decided.Missing!, RetryAfterSeconds, decided.Development)),
        { Measurement: null } => Problem.EvidenceRefused.Because(decided.Reasons!),
        _ => Problem.ReleaseDenied.Because(decided.Reasons!),
    };
}
