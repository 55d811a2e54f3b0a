using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Release;

/// <summary>Keys that are out: who holds them, for how long, and the line on which their end is told.</summary>
internal static class LeaseEndpoints
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(5);

    public static void MapLeases(this IEndpointRouteBuilder app)
    {
        var group = app.MapGroup("/v1/leases").WithTags("Leases");
        group.MapGet("", List).WithSummary("Every lease ever granted, page by page").Refuses(400);
        group.MapPost("/{lease}/challenges", RenewalEndpoints.Challenge).RequireRateLimiting(Limits.Strangers)
            .WithSummary("Ask for a challenge to renew a lease").Refuses(400, 404, 429);
        group.MapPost("/{lease}/renewals", RenewalEndpoints.Renew).RequireRateLimiting(Limits.Strangers).TakesUpTo(Listener.MaxEvidenceBodySizeInBytes).ProvesCaller()
            .WithSummary("Renew a lease by fresh evidence").Refuses(400, 403, 404, 429, 503);
        group.MapGet("/{lease}/events", Events).RequireRateLimiting(Limits.Streams)
            .WithSummary("Server-sent events: the lease stands, or it is over").Refuses(404, 429).DisableRequestTimeout();
    }

    private static Ok<IReadOnlyList<LeaseDetails>> List([AsParameters] Page page, Journal journal, TimeProvider clock)
    {
        var (release, now) = (journal.State.Release, clock.GetUtcNow());
        return page.Of(release.InOrder, release.Leases, lease => new LeaseDetails(
            lease.Id, lease.Request, lease.Model, lease.Version, lease.Machine, lease.Memory, lease.At, lease.Expires, lease.Index, Status(lease, now),
            lease.Development ? true : null));
    }

    private static Results<ServerSentEventsResult<LeaseEvent>, ProblemHttpResult> Events(string lease, Journal journal, TimeProvider clock, CancellationToken cancel) =>
        journal.State.Release.Find(lease) is null
            ? Problem.NotFound.Because($"there is no {lease}")
            : TypedResults.ServerSentEvents(Follow(lease, journal, clock, cancel));

    private static async IAsyncEnumerable<SseItem<LeaseEvent>> Follow(
        string id, Journal journal, TimeProvider clock, [EnumeratorCancellation] CancellationToken cancel)
    {
        while (true)
        {
            var changed = journal.Changed; // taken before the state is read: what comes between the two wakes us
            var lease = journal.State.Release.Leases[id];
            if (!lease.LivesAt(clock.GetUtcNow()))
            {
                yield return new(new LeaseEvent(LeaseEventKind.Revoked, id, lease.Ended?.Index, lease.Ended?.Reason ?? "the lease has expired"), "revoked");
                yield break;
            }
            yield return new(new LeaseEvent(LeaseEventKind.Stands, id), "stands");
            await WaitAsync(journal, id, changed, cancel);
        }
    }

    /// <summary>Until this lease has ended or the heartbeat is due; other leases' records wake nobody's enclave.</summary>
    private static async Task WaitAsync(Journal journal, string id, Task changed, CancellationToken cancel)
    {
        var due = Task.Delay(Heartbeat, cancel);
        while (await Task.WhenAny(changed, due) == changed)
        {
            changed = journal.Changed;
            if (journal.State.Release.Leases[id].Ended is not null) return;
        }
        await due;
    }

    private static LeaseStatus Status(Lease lease, DateTimeOffset now) =>
        lease.Ended is not null ? LeaseStatus.Revoked : lease.LivesAt(now) ? LeaseStatus.Live : LeaseStatus.Expired;
}
