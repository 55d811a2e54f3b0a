using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Attestation.Kbs;
using Strongroom.Broker.Endorsements;
using Strongroom.Broker.Release;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;

namespace Strongroom.Broker.Kbs;

/// <summary>
/// The same release decision for guests that speak RCAR, the protocol of Confidential Containers' key brokers (spec/kbs.md). Such a guest checks no proof of the ledger;
/// so a policy must allow it by name, and the record of its decision is of a type of its own, durable and witnessed before it is answered like every other.
/// </summary>
internal static class KbsEndpoints
{
    public const string Cookie = "kbs-session-id";

    public static void MapKbs(this IEndpointRouteBuilder app)
    {
        var group = app.MapGroup("/kbs/v0").ExcludeFromDescription().RequireRateLimiting(Limits.Strangers);
        group.MapPost("/auth", Auth);
        group.MapPost("/attest", Attest).TakesUpTo(Listener.MaxEvidenceBodySizeInBytes).ProvesCaller();
        group.MapGet("/resource/{repository}/{type}/{tag}", Resource);
    }

    private static Results<Ok<KbsChallenge>, ProblemHttpResult> Auth(KbsRequest asked, HttpResponse response, Challenges<GuestChallenge> challenges, TimeProvider clock)
    {
        if (asked.Version != KbsRequest.ProtocolVersion) return Problem.Malformed.Because($"the protocol spoken here is RCAR {KbsRequest.ProtocolVersion}, in these digits");
        if (GuestEvidence.KindOf(asked.Tee) is null) return Problem.Malformed.Because($"guests of the kind {asked.Tee} are not judged here: snp and tdx are");
        var challenge = new GuestChallenge(RandomNumberGenerator.GetBytes(GuestEvidence.NonceSizeInBytes), Timestamp.WholeSecond(clock.GetUtcNow()), asked.Tee);
        var (id, _, _) = challenges.Give(challenge);
        response.Cookies.Append(Cookie, id, new() { Path = "/kbs", MaxAge = ReleaseEndpoints.ChallengeTimeToLive, HttpOnly = true, Secure = true, SameSite = SameSiteMode.Strict });
        return TypedResults.Ok(new KbsChallenge(Convert.ToBase64String(challenge.Nonce.Span)));
    }

    private static async Task<Results<Ok<KbsToken>, ProblemHttpResult>> Attest(
        KbsAttestation said, HttpRequest request, Journal journal, Challenges<GuestChallenge> challenges, GuestSessions sessions, EndorsementShelf shelf, Strangers strangers,
        CancellationToken cancel)
    {
        if (challenges.Open(request.Cookies[Cookie] ?? "") is not { } given) return Problem.Unattested.Because("there is no such challenge, or it is over: begin at /kbs/v0/auth");
        var (asked, key) = (given.Bound, said.RuntimeData.Key());
        if (said.RuntimeData.Nonce != Convert.ToBase64String(asked.Nonce.Span)) return Problem.Unattested.Because("the nonce is of another challenge than the cookie");
        var evidence = new GuestEvidence(said.TeeEvidence.AdditionalEvidence, said.TeeEvidence.PrimaryEvidence.GetRawText()).ToBytes();
        var state = journal.State;
        var attestation = GuestAttestation.Of(state, asked.Tee, asked.Nonce, asked.Issued, key, evidence, await shelf.OnRecordAsync(state, cancel));
        if (attestation.Machine is not { } machine)
        {
            strangers.Count();
            return Problem.EvidenceRefused.Because(attestation.Reasons);
        }
        if (challenges.Spend(given, machine) is { } spent) return (spent == Problem.ChallengeSpent ? Problem.Unattested : spent).Because("one challenge opens one session");
        using var secret = challenges.SecretOf(given);
        var token = GuestSessions.Token(secret, asked.Issued, asked.Issued + ReleaseEndpoints.ChallengeTimeToLive);
        sessions.Open(new(given, key, machine, attestation, token));
        return TypedResults.Ok(new KbsToken(token));
    }

    private static async Task<Results<Ok<Jwe>, ProblemHttpResult>> Resource(
        string repository, string type, string tag, HttpRequest request, Journal journal, BrokerDirectory directory, Challenges<GuestChallenge> challenges, GuestSessions sessions,
        Strangers strangers, KeyRelease keys, CancellationToken cancel)
    {
        if (Session(request, challenges, sessions) is not { } session) return Problem.Unattested.Because("there is no such session, or it is over: begin at /kbs/v0/auth");
        var resource = $"{repository}/{type}/{tag}";
        // One spelling of each: what is judged is what was named, and a version is written as the ledger writes it.
        if (journal.State.Requests.Find(tag)?.Asked is not { } asked || resource != GuestDecided.ResourceOf(asked.Model, asked.Version, asked.Id))
            return Problem.NotFound.Because($"there is no request {resource}: a resource is MODEL/VERSION/REQUEST");
        if (!session.Attestation.StandsOn(journal.State)) return Problem.Unattested.Because("other endorsements were put on record meanwhile: attest again");
        if (!session.IsFor(resource)) return Problem.Unattested.Because("this session is for another resource: attest again");
        var transcript = new GuestTranscript(
            journal.State.Origin, session.Asked.Nonce, session.Asked.Issued, session.Asked.Tee, session.Key, session.Machine, asked.Id, asked.ModelDigest,
            directory.BrokerKey, asked.Files);
        GuestDecision decision = null!;
        var receipt = await journal.WriteAsync(
            (newest, now) =>
            {
                decision = GuestDecision.Make(newest, transcript, session.Attestation, now);
                if (decision.IsRepeated || decision.Standing is not null) return null;
                if (newest.Refused.HasRoomFor(decision.Record)) return new(decision.Record, session.Attestation.Blobs);
                strangers.Count();
                return null;
            },
            cancel);
        if (decision.Standing is { } lease) receipt = await journal.ReceiptAsync(lease.Index, cancel);
        else if (decision.Record.Outcome == Outcome.Pending) return Problem.NotApproved.Because(decision.Record.Missing!);
        else if (decision.Record.Outcome == Outcome.Denied) return Problem.ReleaseDenied.Because(decision.Record.Reasons!);
        return TypedResults.Ok(await keys.AnswerAsync(GuestGrant.From(receipt!), cancel));
    }

    /// <summary>By cookie or by token, never by both: whoever sends two has to mean one.</summary>
    private static GuestSession? Session(HttpRequest request, Challenges<GuestChallenge> challenges, GuestSessions sessions) =>
        (request.Cookies[Cookie], request.Headers.Authorization.ToString()) switch
        {
            ({ } cookie, "") => challenges.Open(cookie) is { } given ? sessions.Find(given.Tag) : null,
            (null, var header) when header.StartsWith("Bearer ", StringComparison.Ordinal) => sessions.Find(header["Bearer ".Length..]),
            _ => null,
        };
}
