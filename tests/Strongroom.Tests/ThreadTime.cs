using System.Runtime.InteropServices;

namespace Strongroom.Tests;

/// <summary>Processor time of this very thread: that the machine is busy is nobody's fault.</summary>
internal static partial class ThreadTime
{
    private const int Clock = 3; // CLOCK_THREAD_CPUTIME_ID

    public static TimeSpan Now
    {
        get
        {
            Assert.Equal(0, clock_gettime(Clock, out var now));
            return TimeSpan.FromSeconds(now.Seconds) + TimeSpan.FromTicks(now.Nanoseconds / 100);
        }
    }

    /// <summary>Of a few times the shortest: code that has just been compiled, or memory that was cleared meanwhile, is not the input's doing.</summary>
    public static TimeSpan Shortest(Action action) => Enumerable.Range(0, 5).Min(_ =>
    {
        var began = Now;
        action();
        return Now - began;
    });

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, out TimeSpec time);

    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
