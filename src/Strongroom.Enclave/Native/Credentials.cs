using System.Runtime.InteropServices;

namespace Strongroom.Enclave.Native;

/// <summary>unistd.h, grp.h: who a process is. glibc changes every thread of it, unlike the kernel's own calls.</summary>
internal static unsafe partial class Credentials
{
    internal const uint Nobody = 65534;

    [LibraryImport("libc")]
    internal static partial uint geteuid();

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setgroups(nuint count, uint* groups);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setresgid(uint real, uint effective, uint saved);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setresuid(uint real, uint effective, uint saved);
}
