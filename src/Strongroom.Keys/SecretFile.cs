using Strongroom.Bytes;

namespace Strongroom.Keys;

/// <summary>A file that holds a secret, or what a passphrase makes one of: its owner's alone.</summary>
internal static class SecretFile
{
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <summary>Opens the file, or a pipe by its descriptor (/dev/fd/N), without a buffer that nobody would wipe.</summary>
    internal static FileStream Open(string path) => new(path, new FileStreamOptions { BufferSize = 0 });

    /// <summary>Asked of what was opened, so that nothing can be put in its place in between.</summary>
    /// <exception cref="RefusedException">Others may read it, or write another secret into it.</exception>
    internal static void RequirePrivate(FileStream file, string path)
    {
        if ((File.GetUnixFileMode(file.SafeFileHandle) & Others) != 0)
            throw new RefusedException($"others may read or write {path}: chmod 600 it, and change what is in it if they did");
    }
}
