using System.Runtime.InteropServices;

namespace Strongroom.Enclave.Native;

/// <summary>sys/mman.h, and memfd_secret(2), which glibc does not wrap.</summary>
internal static partial class Mman
{
    internal const int ProtReadWrite = 1 | 2; // PROT_READ | PROT_WRITE
    internal const int Shared = 0x01; // MAP_SHARED
    internal const int PrivateAnonymous = 0x02 | 0x20; // MAP_PRIVATE | MAP_ANONYMOUS
    internal const int Fixed = 0x10; // MAP_FIXED

    internal const int DontFork = 10; // MADV_DONTFORK
    internal const int HugePage = 14; // MADV_HUGEPAGE
    internal const int DontDump = 16; // MADV_DONTDUMP

    internal const nint Failed = -1; // MAP_FAILED
    internal const int CloseOnExec = 0x80000; // O_CLOEXEC

    /// <summary>The number is the same on x86-64 and arm64 (include/uapi/asm-generic/unistd.h).</summary>
    private const long MemfdSecret = 447;

    internal static int memfd_secret(int flags) => (int)syscall(MemfdSecret, flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint mmap(nint address, nint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int munmap(nint address, nint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int madvise(nint address, nint length, int advice);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int mlock(nint address, nint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int ftruncate(int descriptor, long length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int close(int descriptor);

    [LibraryImport("libc", SetLastError = true)]
    private static partial long syscall(long number, long argument);
}
