using System.Runtime.InteropServices;

namespace Strongroom.Witness;

/// <summary>Replaces a file so that after a crash either the old or the new content is there, and the new once this has returned.</summary>
/// <remarks>write, fsync, rename, fsync of the directory: without the last, the name may still point to the old content after power loss.</remarks>
internal static partial class DurableFile
{
    private const int O_DIRECTORY = 0x10000; // asm-generic/fcntl.h, x86-64
    private const int O_CLOEXEC = 0x80000;

    public static void Replace(string path, ReadOnlySpan<byte> content)
    {
        var fresh = path + ".new";
        using (var file = new FileStream(fresh, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }
        File.Move(fresh, path, overwrite: true);
        SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    private static void SyncDirectory(string path)
    {
        var directory = open(path, O_DIRECTORY | O_CLOEXEC);
        if (directory < 0) throw new IOException($"{path} cannot be opened: error {Marshal.GetLastPInvokeError()}");
        var synced = fsync(directory);
        var error = Marshal.GetLastPInvokeError();
        _ = close(directory);
        if (synced != 0) throw new IOException($"{path} cannot be made durable: error {error}");
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(int file);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close(int file);
}
