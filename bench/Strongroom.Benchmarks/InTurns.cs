using System.Diagnostics;

namespace Strongroom.Benchmarks;

/// <summary>Times of several actions done in turns, so that whatever else the machine does falls on all of them alike.</summary>
internal static class InTurns
{
    /// <param name="rounds">Of each action; as many go before, unmeasured, so that the compiler has finished with them.</param>
    /// <param name="actions">What to time.</param>
    /// <returns>Milliseconds of each action, ascending.</returns>
    internal static double[][] Time(int rounds, params Action[] actions)
    {
        var times = actions.Select(_ => new double[rounds]).ToArray();
        for (var round = -rounds; round < rounds; round++)
        {
            for (var i = 0; i < actions.Length; i++)
            {
                var began = Stopwatch.GetTimestamp();
                actions[i]();
                if (round >= 0) times[i][round] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            }
        }
        foreach (var each in times) Array.Sort(each);
        return times;
    }

    internal static double Median(double[] ascending) => ascending[ascending.Length / 2];

    /// <summary>What the two benches on real evidence say.</summary>
    internal static void Report(double[] verdict, double[] bare)
    {
        Console.WriteLine($"one verdict: median {Median(verdict):0.000} ms, p99 {verdict[verdict.Length * 99 / 100]:0.000} ms");
        Console.WriteLine($"bare ECDSA P-384 verification: median {Median(bare):0.000} ms");
        Console.WriteLine($"verdicts per second and core: {1000 / Median(verdict):0}");
        Console.WriteLine($"ratio of medians: {Median(verdict) / Median(bare):0.00}");
    }
}
