using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Strongroom.Enclave.Hardening;

namespace Strongroom.Benchmarks;

/// <summary>
/// What it costs to be traced by a guardian: a signal stops its thread for the tracer, and the runtime uses signals to stop busy threads for a collection
/// and to turn a null reference into an exception. The same process before and after the guardian takes its place.
/// </summary>
internal static class Guarded
{
    private const int Collections = 2000, Nulls = 2000;

    public static int Run()
    {
        Measure(); // warms the just-in-time compiler
        var (collection, exception) = Measure();
        using var guardian = Process.Start(new ProcessStartInfo("dotnet", [typeof(Guardian).Assembly.Location, Guardian.Verb, Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]))!;
        while (!Tracers.AllHeld(Environment.ProcessId, guardian.Id)) Thread.Sleep(10);
        Tracer.Hold(guardian.Id);
        var (guardedCollection, guardedException) = Measure();
        Report("a collection beside busy threads", collection, guardedCollection);
        Report("a null reference caught", exception, guardedException);
        return 0;
    }

    private static void Report(string what, double before, double after) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-36} {after / before:F2} times as long under the guardian ({before:F0} and {after:F0} microseconds)"));

    /// <summary>Microseconds, medians.</summary>
    private static (double Collection, double Exception) Measure()
    {
        var stop = false;
        var busy = new Thread(() => Spin(ref stop));
        busy.Start();
        var collections = Time(Collections, () => GC.Collect(0));
        Volatile.Write(ref stop, true);
        busy.Join();
        return (collections, Time(Nulls, Dereference));
    }

    private static double Time(int count, Action work)
    {
        var times = new double[count];
        for (var i = 0; i < count; i++)
        {
            var started = Stopwatch.GetTimestamp();
            work();
            times[i] = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
        }
        return times.Order().ElementAt(count / 2);
    }

    /// <summary>No call and no poll inside: only a signal stops such a loop.</summary>
    private static void Spin(ref bool stop)
    {
        ulong mixed = 1;
        while (!Volatile.Read(ref stop))
            for (var i = 0; i < 1_000_000; i++) mixed = unchecked((mixed * 6364136223846793005) + 1442695040888963407);
        GC.KeepAlive(mixed);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Dereference()
    {
        try
        {
            _ = Nothing()!.Length;
        }
        catch (NullReferenceException)
        {
            // The point.
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string? Nothing() => null;
}
