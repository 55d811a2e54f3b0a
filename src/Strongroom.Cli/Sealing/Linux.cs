using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Strongroom.Cli.Sealing;

/// <summary>fcntl.h, unistd.h, sys/file.h and sys/stat.h: what .NET cannot say. Numbers of x86-64 and arm64, which differ in two.</summary>
internal static partial class Linux
{
    private const string Libc = "libc";
    private const int ReadOnly = 0;
    private const int ReadWrite = 2;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int CurrentDirectory = -100;
    private const int FollowSymlink = 0x400;
    private const int EmptyPath = 0x1000;
    private const int LockExclusive = 2;
    private const int LockNonBlocking = 4;
    private const int WouldBlock = 11;
    private const int CrossDevice = 18; // EXDEV
    private const int NotSupported = 95;
    private const int IsDirectoryError = 21;
    private const int TooManyLinks = 40; // ELOOP: the last part of the path is a symbolic link

    private static bool IsArm => RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    private static int DirectoryOnly => IsArm ? 0x4000 : 0x10000;

    private static int NoFollow => IsArm ? 0x8000 : 0x20000;

    private static int Unnamed => 0x400000 | DirectoryOnly;

    /// <summary>Opens a regular file and never follows a link at its end; a pipe does not block.</summary>
    /// <exception cref="IOException">With what is wrong.</exception>
    internal static SafeFileHandle OpenRead(string path, bool followLinks = false)
    {
        var descriptor = open(path, ReadOnly | NonBlocking | CloseOnExec | (followLinks ? 0 : NoFollow), 0);
        if (descriptor < 0 && Marshal.GetLastPInvokeError() == TooManyLinks) throw new IOException($"{path} is a symbolic link");
        var handle = Handle(descriptor, path);
        try
        {
            _ = RandomAccess.GetLength(handle);
            return handle;
        }
        catch (NotSupportedException)
        {
            handle.Dispose();
            throw new IOException($"{path} is not a regular file");
        }
    }

    /// <summary>A file without a name in <paramref name="directory"/> (O_TMPFILE): it disappears with its last descriptor.</summary>
    internal static SafeFileHandle CreateUnnamed(string directory)
    {
        var descriptor = open(directory, Unnamed | ReadWrite | CloseOnExec, 0x180); // 0600
        return descriptor < 0 && Marshal.GetLastPInvokeError() is NotSupported or IsDirectoryError
            ? throw new IOException($"the file system of {directory} has no unnamed files (O_TMPFILE); name a directory on another one")
            : Handle(descriptor, directory);
    }

    /// <summary>Gives an unnamed file its name.</summary>
    internal static void Link(SafeFileHandle file, string path)
    {
        var done = linkat(CurrentDirectory, $"/proc/self/fd/{(int)file.DangerousGetHandle()}", CurrentDirectory, path, FollowSymlink);
        if (done != 0) throw Failure(path);
    }

    /// <summary>Atomic; a file in the way of a file, or an empty directory in that of a directory, is replaced.</summary>
    internal static void Rename(string from, string to)
    {
        if (rename(from, to) != 0) throw Failure(to);
    }

    /// <summary>Opens a directory, by default not through a link at the end of the path.</summary>
    internal static SafeFileHandle OpenDirectory(string path, bool followLinks = false) =>
        Handle(open(path, ReadOnly | CloseOnExec | DirectoryOnly | (followLinks ? 0 : NoFollow), 0), path);

    /// <summary>Locks an open file or directory (flock) until its handle or the process is gone.</summary>
    /// <returns>false when somebody else holds the lock and <paramref name="wait"/> is false.</returns>
    internal static bool Lock(SafeFileHandle file, bool wait)
    {
        if (flock((int)file.DangerousGetHandle(), wait ? LockExclusive : LockExclusive | LockNonBlocking) == 0) return true;
        return Marshal.GetLastPInvokeError() == WouldBlock ? false : throw Failure("flock");
    }

    /// <summary>True when the user that this process acts as owns the file.</summary>
    internal static bool IsOurs(SafeFileHandle file)
    {
        const uint wantsOwner = 0x8;
        var status = new byte[256]; // struct statx, the same on every architecture; stx_uid is at 20
        return statx((int)file.DangerousGetHandle(), "", EmptyPath, wantsOwner, status) == 0 && BitConverter.ToUInt32(status, 20) == geteuid();
    }

    /// <summary>Makes the names in a directory durable.</summary>
    internal static void SyncDirectory(string path)
    {
        using var handle = OpenDirectory(path, followLinks: true);
        if (fsync((int)handle.DangerousGetHandle()) != 0) throw Failure(path);
    }

    private static SafeFileHandle Handle(int descriptor, string path) => descriptor >= 0 ? new(descriptor, ownsHandle: true) : throw Failure(path);

    private static Exception Failure(string path)
    {
        var error = Marshal.GetLastPInvokeError();
        return error switch
        {
            2 => new FileNotFoundException(null, path),
            CrossDevice => new IOException($"{path} is a mount point's, out of which nothing can be moved in one step: name it by its path on the file system that was mounted"),
            1 or 13 => new UnauthorizedAccessException($"access to {path} is denied"),
            _ => new IOException($"{path}: {Marshal.GetPInvokeErrorMessage(error)}"),
        };
    }

    [LibraryImport(Libc, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode);

    [LibraryImport(Libc, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int linkat(int fromDirectory, string from, int toDirectory, string to, int flags);

    [LibraryImport(Libc, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rename(string from, string to);

    [LibraryImport(Libc, SetLastError = true)]
    private static partial int fsync(int descriptor);

    [LibraryImport(Libc, SetLastError = true)]
    private static partial int flock(int descriptor, int operation);

    [LibraryImport(Libc)]
    private static partial uint geteuid();

    [LibraryImport(Libc, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int directory, string path, int flags, uint mask, byte[] status);
}
