using System.Diagnostics;
using System.Globalization;
using Strongroom.Bytes;

namespace Strongroom.Tests.Fuzzing;

/// <summary>
/// Runs a target on mutated bytes for a second, or a minute with STRONGROOM_LONG: it may only return or throw <see cref="MalformedException"/>, within 200 ms of the thread's own
/// processor time and 16 MiB of memory. STRONGROOM_SEED makes other bytes; a failure names the input that it can be made from again.
/// </summary>
internal static class Fuzz
{
    private const long MaxAllocated = 16 * 1024 * 1024;

    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(Environment.GetEnvironmentVariable("STRONGROOM_LONG") is null ? 1 : 60);
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200);

    /// <param name="target">Throws what is no MalformedException where something is wrong, as an assertion does.</param>
    /// <param name="corpus">Bytes that the target takes as they should be.</param>
    public static void Run(Action<byte[]> target, params IReadOnlyList<byte[]> corpus)
    {
        foreach (var good in corpus) target(good); // warm, and no corpus of what is refused at once
        var seed = Environment.GetEnvironmentVariable("STRONGROOM_SEED") is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : 1;
        var began = Stopwatch.GetTimestamp();
        for (var i = 0; Stopwatch.GetElapsedTime(began) < Budget; i++)
        {
            var input = new Mutator(new Random(unchecked(seed * 1_000_003 + i)), corpus).Next();
            var (time, memory) = Cost(target, input, i, seed);
            // Code that has just been compiled, or a table that grew, is not the input's: it must be dear each time.
            for (var again = 0; again < 4 && (time > Patience || memory > MaxAllocated); again++)
            {
                var (other, less) = Cost(target, input, i, seed);
                (time, memory) = (time < other ? time : other, Math.Min(memory, less));
            }
            Assert.True(time <= Patience && memory <= MaxAllocated, $"input {i} of seed {seed}, {input.Length} bytes, took {time.TotalMilliseconds:0} ms and {memory} bytes: {Begin(input)}");
        }
    }

    private static (TimeSpan Time, long Memory) Cost(Action<byte[]> target, byte[] input, int number, int seed)
    {
        var (time, memory) = (ThreadTime.Now, GC.GetAllocatedBytesForCurrentThread());
        try
        {
            target(input);
        }
        catch (MalformedException)
        {
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"input {number} of seed {seed}, {input.Length} bytes: {e.GetType().Name}, {e.Message}: {Begin(input)}", e);
        }
        return (ThreadTime.Now - time, GC.GetAllocatedBytesForCurrentThread() - memory);
    }

    private static string Begin(byte[] input) => Convert.ToBase64String(input.AsSpan(0, Math.Min(input.Length, 6000)));
}
