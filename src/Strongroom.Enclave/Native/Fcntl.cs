using System.Runtime.InteropServices;

namespace Strongroom.Enclave.Native;

/// <summary>fcntl.h, and statx(2), whose structure is the same on every architecture.</summary>
internal static unsafe partial class Fcntl
{
    internal const int ReadOnly = 0; // O_RDONLY
    internal const int NonBlocking = 0x800; // O_NONBLOCK
    internal const int CloseOnExec = 0x80000; // O_CLOEXEC

    private const int EmptyPath = 0x1000; // AT_EMPTY_PATH
    private const int WorkingDirectory = -100; // AT_FDCWD
    private const uint Type = 1; // STATX_TYPE
    private const uint Group = 0x10; // STATX_GID
    private const int SizeOfStatx = 256;
    private const int GroupInStatx = 24;
    private const int ModeInStatx = 28;
    private const int TypeMask = 0xF000; // S_IFMT
    private const int Regular = 0x8000; // S_IFREG

    /// <summary>O_NOFOLLOW, one of the few that differ.</summary>
    internal static int NoFollow => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open(string path, int flags);

    internal static bool IsRegular(int descriptor)
    {
        var found = stackalloc byte[SizeOfStatx];
        Errno.Require(statx(descriptor, "", EmptyPath, Type, found), "asking what a file is");
        return (*(ushort*)(found + ModeInStatx) & TypeMask) == Regular;
    }

    internal static uint GroupOf(string path)
    {
        var found = stackalloc byte[SizeOfStatx];
        Errno.Require(statx(WorkingDirectory, path, 0, Group, found), $"asking whose {path} is");
        return *(uint*)(found + GroupInStatx);
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int directory, string path, int flags, uint mask, byte* found);
}
