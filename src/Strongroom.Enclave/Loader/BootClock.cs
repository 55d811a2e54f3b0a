using System.Runtime.InteropServices;

namespace Strongroom.Enclave.Loader;

/// <summary>CLOCK_BOOTTIME: goes on while the machine sleeps and cannot be set, so that neither suspending it nor changing its date stretches a lease.</summary>
public sealed partial class BootClock : TimeProvider
{
    private const int BootTime = 7; // CLOCK_BOOTTIME

    /// <summary>Nanoseconds since boot.</summary>
    public override long GetTimestamp() =>
        clock_gettime(BootTime, out var now) == 0 ? checked((now.Seconds * 1_000_000_000) + now.Nanoseconds) : throw new InvalidOperationException("no CLOCK_BOOTTIME");

    public override long TimestampFrequency => 1_000_000_000;

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        internal long Seconds;
        internal long Nanoseconds;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int clock_gettime(int clock, out TimeSpec time);
}
