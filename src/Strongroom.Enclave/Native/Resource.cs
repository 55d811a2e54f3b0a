using System.Runtime.InteropServices;

namespace Strongroom.Enclave.Native;

/// <summary>sys/resource.h.</summary>
internal static partial class Resource
{
    internal const int ProcessorTime = 0; // RLIMIT_CPU
    internal const int Data = 2; // RLIMIT_DATA
    internal const int Core = 4; // RLIMIT_CORE
    internal const int LockedMemory = 8; // RLIMIT_MEMLOCK
    internal const ulong Infinity = ulong.MaxValue; // RLIM_INFINITY

    [StructLayout(LayoutKind.Sequential)]
    internal struct Limit
    {
        internal ulong Soft;
        internal ulong Hard;
    }

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int getrlimit(int resource, out Limit limit);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setrlimit(int resource, in Limit limit);
}
