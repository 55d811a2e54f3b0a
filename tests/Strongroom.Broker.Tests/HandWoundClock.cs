namespace Strongroom.Broker.Tests;

/// <summary>Stands still until it is wound.</summary>
public sealed class HandWoundClock : TimeProvider
{
    private long ticks = new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero).Ticks;

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref ticks), TimeSpan.Zero);

    public void Wind(TimeSpan by) => Interlocked.Add(ref ticks, by.Ticks);
}
