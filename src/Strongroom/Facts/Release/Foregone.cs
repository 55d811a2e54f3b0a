using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>
/// What no evidence can change any more. A broker asks it before it verifies any: verifying is dear, and where endorsements are stale it ends in "not now", which an enclave
/// takes for an outage, though its lease was ended long ago. Each of these reasons is one for the decision as well, so that nothing is refused here that it would allow.
/// </summary>
public static class Foregone
{
    /// <summary>Why no evidence brings this request a key; empty if some might.</summary>
    /// <exception cref="ArgumentException">The request is not on record.</exception>
    public static IReadOnlyList<string> Release(LedgerState state, string request, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(state);
        return [.. OfRequest(state, state.Requests.Find(request) ?? throw new ArgumentException($"there is no request {request}", nameof(request)), Timestamp.WholeSecond(now))];
    }

    /// <summary>Why no evidence lets this lease live on; empty if some might.</summary>
    /// <exception cref="ArgumentException">The lease is not on record.</exception>
    public static IReadOnlyList<string> Renewal(LedgerState state, string lease, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(state);
        var held = state.Release.Find(lease) ?? throw new ArgumentException($"there is no lease {lease}", nameof(lease));
        now = Timestamp.WholeSecond(now);
        return [.. OfLease(held, now), .. OfRequest(state, state.Requests.Requests[held.Request], now)];
    }

    internal static IEnumerable<string> OfLease(Lease lease, DateTimeOffset now)
    {
        if (lease.Ended is { } end) yield return $"the lease was ended: {end.Reason}";
        else if (!lease.LivesAt(now)) yield return "the lease has expired";
    }

    private static IEnumerable<string> OfRequest(LedgerState state, Request request, DateTimeOffset now)
    {
        if (request.Revoked) yield return "the request was revoked";
        if (request.Command.Expires <= now) yield return $"the request expired at {Timestamp.Format(request.Command.Expires)}: open a new one";
        if (!state.Machines.Machines[request.Command.Machine].Active) yield return $"{request.Command.Machine} was retired or revoked";
    }
}
