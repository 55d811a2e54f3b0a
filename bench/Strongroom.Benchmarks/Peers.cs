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
        var (_, output, _) = Run("openssl", $"speed {(decrypt ? "-decrypt " : "")}-evp aes-256-gcm -bytes 16384 -seconds 1");
        return double.Parse(SpeedLine().Match(output).Groups[1].Value, CultureInfo.InvariantCulture) / 1e6;
    }

    /// <summary>Wall seconds, output, and whether the program exists and succeeded.</summary>
    internal static (double Seconds, string Output, bool Ran) Run(string program, string arguments)
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

    internal static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    internal static void Line(string what, double ratio, string detail) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-66} {ratio,6:0.00}   {detail}"));

    private static double ThreadSeconds()
    {
        clock_gettime(3, out var time); // CLOCK_THREAD_CPUTIME_ID
        return time.Seconds + (time.Nanoseconds / 1e9);
    }

    [GeneratedRegex(@"AES-256-GCM\s+([0-9.]+)k", RegexOptions.IgnoreCase)]
    private static partial Regex SpeedLine();

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, out Instant time);

    private struct Instant
    {
        internal long Seconds;
        internal long Nanoseconds;
    }
}
