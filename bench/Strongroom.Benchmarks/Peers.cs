using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Strongroom.Benchmarks;

/// <summary>Clocks, medians and the programs that are compared with.</summary>
internal static partial class Peers
{
    /// <summary>GB/s of AES-256-GCM at 16 KiB in the cache, per CPU-second: <c>openssl speed</c> of the libcrypto on this machine.</summary>
    internal static double OpenSslSpeed(bool decrypt)
    {
        var (_, output, _) = Run("openssl", ["speed", .. decrypt ? ["-decrypt"] : Array.Empty<string>(), "-evp", "aes-256-gcm", "-bytes", "16384", "-seconds", "1"]);
        return double.Parse(SpeedLine().Match(output).Groups[1].Value, CultureInfo.InvariantCulture) / 1e6;
    }

    /// <summary>Wall seconds, output, and whether the program exists and succeeded.</summary>
    internal static (double Seconds, string Output, bool Ran) Run(string program, IEnumerable<string> arguments)
    {
        try
        {
            var clock = Stopwatch.StartNew();
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (clock.Elapsed.TotalSeconds, output + error.Result, process.ExitCode == 0);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (0, "", false);
        }
    }

    /// <summary>Runs the body and gives its wall and its thread's CPU seconds.</summary>
    internal static (double Wall, double Cpu) Time(Action body)
    {
        var (clock, cpu) = (Stopwatch.StartNew(), ThreadSeconds());
        body();
        return (clock.Elapsed.TotalSeconds, ThreadSeconds() - cpu);
    }

    /// <summary>As <see cref="Time"/>, with the CPU seconds of all threads and of children.</summary>
    internal static (double Wall, double Cpu) TimeAll(Action body)
    {
        var (clock, cpu) = (Stopwatch.StartNew(), ProcessSeconds());
        body();
        return (clock.Elapsed.TotalSeconds, ProcessSeconds() - cpu);
    }

    internal static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>The median of the ratios within a round, least and most of them, and the medians of both sides.</summary>
    internal static void Ratio(string what, IEnumerable<(double Ours, double Theirs)> rounds)
    {
        var all = rounds.ToList();
        var ratios = all.ConvertAll(each => each.Ours / each.Theirs);
        Line(what, Median(ratios), string.Create(CultureInfo.InvariantCulture, $"({ratios.Min():0.00} to {ratios.Max():0.00}) {Median(all.Select(each => each.Ours)):0.00} and {Median(all.Select(each => each.Theirs)):0.00}"));
    }

    internal static void Line(string what, double ratio, string detail) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-66} {ratio,6:0.00}   {detail}"));

    private static double ThreadSeconds()
    {
        clock_gettime(3, out var time); // CLOCK_THREAD_CPUTIME_ID
        return time.Seconds + (time.Nanoseconds / 1e9);
    }

    private static unsafe double ProcessSeconds()
    {
        var seconds = 0.0;
        var usage = stackalloc long[18]; // struct rusage: user and system time as timeval, then 14 longs
        foreach (var who in new[] { 0, -1 })
        {
            _ = getrusage(who, usage);
            seconds += usage[0] + usage[2] + ((usage[1] + usage[3]) / 1e6);
        }
        return seconds;
    }

    [GeneratedRegex(@"AES-256-GCM\s+([0-9.]+)k", RegexOptions.IgnoreCase)]
    private static partial Regex SpeedLine();

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, out Instant time);

    [LibraryImport("libc")]
    private static unsafe partial int getrusage(int who, long* usage);

    private struct Instant
    {
        internal long Seconds;
        internal long Nanoseconds;
    }
}
