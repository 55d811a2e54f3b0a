using System.Runtime.InteropServices;

namespace Strongroom.Enclave.Native;

/// <summary>mkdir(2) and rmdir(2) as they are: the one fails where something is there already, the other removes an entry of configfs whose files only the kernel can remove.</summary>
internal static partial class Directories
{
    private const uint OwnerOnly = 0b111_000_000; // S_IRWXU

    /// <returns>False where the file system says that nothing stands behind it: configfs, for a subsystem without a driver.</returns>
    internal static bool Make(string path)
    {
        if (mkdir(path, OwnerOnly) == 0) return true;
        return Errno.Last == Errno.NoDevice ? false : throw Errno.Failure($"making {path}");
    }

    internal static void Remove(string path) => Errno.Require(rmdir(path), $"removing {path}");

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkdir(string path, uint mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rmdir(string path);
}
