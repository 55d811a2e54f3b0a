using System.Text.Json.Nodes;

namespace Strongroom.Enclave;

/// <summary>Work of many bytes, as it is told: how many of them, how fast, and how many seconds are left.</summary>
/// <param name="report">Where it is told.</param>
/// <param name="clock">Its timers and timestamps.</param>
/// <param name="about">What the work is about: in words, and as a member for programs.</param>
/// <param name="of">Bytes in all.</param>
internal sealed class Pace(Report report, TimeProvider clock, (string Words, string Member, string Value) about, long of)
{
    private readonly long started = clock.GetTimestamp();

    internal double Seconds => Math.Max(1e-6, clock.GetElapsedTime(started).TotalSeconds);

    /// <summary>Tells it each second, not in the first, until what is returned is disposed.</summary>
    internal IAsyncDisposable EachSecond(string name, Func<long> bytes) =>
        clock.CreateTimer(_ => Tell(name, bytes()), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));

    internal void Tell(string name, long bytes)
    {
        var rate = bytes / Seconds;
        var left = rate > 0 ? Math.Ceiling((of - bytes) / rate) : (double?)null;
        report.Say(
            name, $"{name} {about.Words}: {bytes >> 20} of {of >> 20} MiB, {rate / 1e6:0} MB/s{(left > 0 ? $", {left:0} s left" : "")}",
            (about.Member, about.Value), ("bytes", bytes), ("of", of), ("megabytes_per_second", Math.Round(rate / 1e6)), ("seconds_left", left));
    }
}
