namespace Strongroom.Cli;

/// <summary>Bytes, rate and time left, from the first second on, in one line that redraws itself. May be reported to from any thread.</summary>
/// <param name="terminal">Null where nobody watches: then nothing is written.</param>
/// <param name="what">A verb and its object.</param>
/// <param name="total">Bytes in all; <see cref="Expect"/> where that is only found out on the way.</param>
/// <param name="clock">Its timestamps.</param>
internal sealed class Progress(TextWriter? terminal, string what, long total, TimeProvider clock) : IProgress<long>, IDisposable
{
    private const int Width = 24;

    private readonly long started = clock.GetTimestamp();
    private readonly Lock drawing = new();
    private long done;
    private long expected = total;
    private double nextDraw = 1;
    private bool drawn;

    /// <param name="value">Bytes finished since the last report.</param>
    public void Report(long value)
    {
        Interlocked.Add(ref done, value);
        var seconds = Seconds();
        if (seconds < nextDraw) return;
        lock (drawing)
        {
            if (seconds < nextDraw) return;
            nextDraw = seconds + 0.1;
            Draw(seconds);
        }
    }

    /// <param name="bytes">In all, as far as is known now.</param>
    internal void Expect(long bytes) => Interlocked.Exchange(ref expected, bytes);

    /// <summary>Ends the line, once: what is reported or disposed later draws nothing.</summary>
    public void Dispose()
    {
        lock (drawing)
        {
            nextDraw = double.PositiveInfinity;
            if (!drawn) return;
            Draw(Seconds());
            terminal?.WriteLine();
            drawn = false;
        }
    }

    internal static string Size(double bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        var unit = 0;
        for (; bytes >= 1024 && unit < units.Length - 1; unit++) bytes /= 1024;
        return unit == 0 ? $"{bytes:0} B" : $"{bytes:0.0} {units[unit]}";
    }

    private double Seconds() => clock.GetElapsedTime(started).TotalSeconds;

    private void Draw(double seconds)
    {
        drawn = true;
        var (now, all) = (Interlocked.Read(ref done), Math.Max(Interlocked.Read(ref expected), Interlocked.Read(ref done)));
        var share = all == 0 ? 1 : (double)now / all;
        var rate = now / seconds;
        var left = rate > 0 ? TimeSpan.FromSeconds(Math.Round((all - now) / rate)) : TimeSpan.Zero;
        var filled = (int)(share * Width);
        terminal?.Write(
            $"\r[{new string('#', filled)}{new string('.', Width - filled)}] {what}  {share,4:0%}  {Size(now)} of {Size(all)}  {Size(rate)}/s  {(now < all ? $"{left:c} left" : $"in {seconds:0.0} s")}\u001b[K");
    }
}
