using Strongroom.Bytes;
using Strongroom.Protocol;

namespace Strongroom.Enclave.Loader;

/// <summary>
/// Keeps a lease: renews it by fresh evidence at two thirds of its length, and says when it is over, whichever comes first: its end on CLOCK_BOOTTIME, a
/// revocation, or a renewal that is denied. An unreachable broker is no end; the lease is the bound.
/// </summary>
/// <param name="lease">Its id.</param>
/// <param name="clock">CLOCK_BOOTTIME; timers only wake, time is always read from it.</param>
/// <param name="asked">Its timestamp from before the lease was asked for: time on the way counts against the lease, not for it.</param>
/// <param name="length">The lease's.</param>
/// <param name="renew">Asks for a renewal; gives the new length, counted from before the call.</param>
/// <param name="follow">The lease's events, until the line breaks.</param>
public sealed class LeaseKeeper(
    string lease, TimeProvider clock, long asked, TimeSpan length,
    Func<CancellationToken, Task<TimeSpan>> renew, Func<CancellationToken, IAsyncEnumerable<LeaseEvent>> follow)
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(250);

    private readonly Lock gate = new();

    public string Lease => lease;

    /// <summary>Until the end, unless renewed before; zero or less when it is over.</summary>
    public TimeSpan Remaining
    {
        get
        {
            lock (gate) return length - clock.GetElapsedTime(asked);
        }
    }

    /// <summary>Told of every renewal, and of every one that failed, in words.</summary>
    public Action<string>? Renewed { get; init; }

    /// <summary>Completes when the lease is over, with the reason.</summary>
    public async Task<string> EndAsync(CancellationToken cancellation)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            return await await Task.WhenAny(RunOutAsync(over.Token), RenewAsync(over.Token), RevokedAsync(over.Token));
        }
        finally
        {
            await over.CancelAsync();
        }
    }

    private async Task<string> RunOutAsync(CancellationToken cancellation)
    {
        while (Remaining > TimeSpan.Zero) await Task.Delay(Min(Tick, Remaining), clock, cancellation);
        return "the lease ended";
    }

    private async Task<string> RenewAsync(CancellationToken cancellation)
    {
        while (true)
        {
            while (clock.GetElapsedTime(asked) < length * 2 / 3) await Task.Delay(Tick, clock, cancellation);
            var before = clock.GetTimestamp();
            try
            {
                var renewed = await renew(cancellation);
                lock (gate) (asked, length) = (before, renewed);
                Renewed?.Invoke($"renewed for {renewed.TotalSeconds:0} s");
            }
            catch (RefusedException e)
            {
                return $"the renewal was refused: {e.Message}";
            }
            catch (Exception e) when (e is UnavailableException or MalformedException)
            {
                Renewed?.Invoke($"not renewed yet: {e.Message}");
                await Task.Delay(Min(TimeSpan.FromSeconds(10), Max(Remaining / 4, Tick)), clock, cancellation);
            }
        }
    }

    private async Task<string> RevokedAsync(CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                await foreach (var said in follow(cancellation))
                    if (said.Kind == LeaseEventKind.Revoked && said.Lease == lease) return $"revoked: {said.Reason ?? "no reason given"}";
            }
            catch (Exception e) when (e is UnavailableException or RefusedException or MalformedException)
            {
                // The line broke; the lease stands until its end, and the line is tried again.
            }
            await Task.Delay(TimeSpan.FromSeconds(1), clock, cancellation);
        }
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
