namespace Strongroom.Cli;

/// <summary>
/// Bytes, rate and time left, from the first second on: a bar that redraws itself on a terminal, a plain line each five seconds elsewhere.
/// May be reported to from any thread.
/// </summary>
internal sealed class Progress(TextWriter error, string what, long total, bool live) : IProgress<long>, IDisposable
{
    private const int Width = 24;

    private readonly long started = TimeProvider.System.GetTimestamp();
    private readonly Lock drawing = new();
    private long done;
    private double nextDraw = 1;
    private bool drawn;

    /// <param name="value">Bytes finished since the last report.</param>
    public void Report(long value)
    {
        var now = Interlocked.Add(ref done, value);
        var seconds = TimeProvider.System.GetElapsedTime(started).TotalSeconds;
        if (seconds < nextDraw) return;
        lock (drawing)
        {
            if (seconds < nextDraw) return;
            nextDraw = seconds + (live ? 0.1 : 5);
            Draw(now, seconds);
        }
    }

    public void Dispose()
    {
        if (!drawn) return;
        Draw(done, TimeProvider.System.GetElapsedTime(started).TotalSeconds);
        if (live) error.WriteLine();
    }

    internal static string Size(double bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        var unit = 0;
        for (; bytes >= 1024 && unit < units.Length - 1; unit++) bytes /= 1024;
        return unit == 0 ? $"{bytes:0} B" : $"{bytes:0.0} {units[unit]}";
    }

    private void Draw(long now, double seconds)
    {
        drawn = true;
        var share = total == 0 ? 1 : Math.Min(1, (double)now / total);
        var rate = now / seconds;
        var left = rate > 0 ? TimeSpan.FromSeconds(Math.Round((total - now) / rate)) : TimeSpan.Zero;
        var line = $"{what}  {share,4:0%}  {Size(now)} of {Size(total)}  {Size(rate)}/s  {(now < total ? $"{left:c} left" : $"in {seconds:0.0} s")}";
        if (!live)
        {
            error.WriteLine(line);
            return;
        }
        var filled = (int)(share * Width);
        error.Write($"\r[{new string('#', filled)}{new string('.', Width - filled)}] {line}\u001b[K");
    }
}
