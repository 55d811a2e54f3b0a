namespace Strongroom.Broker.Tests;

/// <summary>Stands still until it is wound.</summary>
public sealed class HandWoundClock : TimeProvider
{
    private long ticks = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000).Ticks; // within the validity of the test maker's certificates

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref ticks), TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Read(ref ticks);

    /// <summary>For tests with another process, which has the machine's clock.</summary>
    public void SetToNow() => Interlocked.Exchange(ref ticks, DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds()).Ticks);

    public void Wind(TimeSpan by) => Interlocked.Add(ref ticks, by.Ticks);
}
