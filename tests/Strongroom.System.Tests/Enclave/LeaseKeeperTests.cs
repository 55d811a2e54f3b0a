using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Strongroom.Bytes;
using Strongroom.Enclave.Loader;
using Strongroom.Protocol;
using Strongroom.Tests;

namespace Strongroom.System.Tests.Enclave;

/// <summary>A lease by the boot clock: what ends it, what renews it, what does neither.</summary>
public sealed class LeaseKeeperTests
{
    private readonly HandWoundClock clock = new();
    private readonly Channel<LeaseEvent> events = Channel.CreateUnbounded<LeaseEvent>();
    private readonly Queue<Func<TimeSpan>> renewals = new();
    private int asked;

    [Fact]
    public async Task Ends_when_its_time_is_over_and_the_broker_is_away()
    {
        var over = Keep(90);
        await WindUntilAsync(over, seconds: 90);
        Assert.Equal("the lease ended", await over);
        Assert.InRange(asked, 1, 100);
    }

    [Fact]
    public async Task Is_renewed_at_two_thirds_and_counts_from_before_it_asked()
    {
        renewals.Enqueue(() => TimeSpan.FromSeconds(90));
        var over = Keep(90);
        await WindUntilAsync(over, seconds: 59);
        Assert.Equal(0, asked);
        await WindUntilAsync(over, seconds: 4);
        Assert.Equal(1, asked);
        await WindUntilAsync(over, seconds: 84);
        Assert.False(over.IsCompleted);
        await WindUntilAsync(over, seconds: 10);
        Assert.Equal("the lease ended", await over);
    }

    [Fact]
    public async Task Ends_at_once_when_the_renewal_is_refused()
    {
        renewals.Enqueue(() => throw new RefusedException("the policy has changed"));
        var over = Keep(90);
        await WindUntilAsync(over, seconds: 65);
        Assert.Contains("the policy has changed", await over);
    }

    [Fact]
    public async Task Ends_at_once_when_it_is_revoked()
    {
        var over = Keep(90);
        events.Writer.TryWrite(new(LeaseEventKind.Stands, "lease-1"));
        events.Writer.TryWrite(new(LeaseEventKind.Revoked, "lease-1", 9, "rack opened"));
        await WindUntilAsync(over, seconds: 1);
        Assert.Equal("revoked: rack opened", await over);
    }

    [Fact]
    public async Task Does_not_end_by_the_revocation_of_another_lease()
    {
        var over = Keep(90);
        events.Writer.TryWrite(new(LeaseEventKind.Revoked, "lease-2", 9, "another's"));
        await WindUntilAsync(over, seconds: 30);
        Assert.False(over.IsCompleted);
    }

    [Fact]
    public void The_boot_clock_counts_nanoseconds_since_boot()
    {
        var uptime = double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], global::System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(new BootClock().GetTimestamp() / 1e9 - uptime, -1, 10);
    }

    private Task<string> Keep(int seconds) =>
        new LeaseKeeper("lease-1", clock, clock.GetTimestamp(), TimeSpan.FromSeconds(seconds), RenewAsync, FollowAsync).EndAsync(TestContext.Current.CancellationToken);

    private Task<TimeSpan> RenewAsync(CancellationToken cancellation)
    {
        asked++;
        return renewals.TryDequeue(out var renew) ? Task.FromResult(renew()) : throw new UnavailableException("the broker is away");
    }

    private async IAsyncEnumerable<LeaseEvent> FollowAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var said in events.Reader.ReadAllAsync(cancellation)) yield return said;
    }

    /// <summary>In steps of a tick, letting what woke up run in between.</summary>
    private async Task WindUntilAsync(Task over, int seconds)
    {
        for (var i = 0; i < seconds * 4 && !over.IsCompleted; i++)
        {
            clock.Wind(TimeSpan.FromMilliseconds(250));
            for (var turns = 0; turns < 20; turns++) await Task.Yield();
        }
    }
}
