using System.IO.Enumeration;
using Microsoft.Win32.SafeHandles;
using Strongroom.Bytes;
using Strongroom.Enclave.Native;
using Strongroom.Sealing;

namespace Strongroom.Enclave.Loader;

/// <summary>The directory of a sealed model, which anybody may have filled: regular files that belong to the model, and nothing else (spec/sealed-model.md).</summary>
internal static class SealedFiles
{
    private const string ManifestName = "manifest.json";
    private const string RecipientsName = "recipients.json";

    /// <summary>Follows no link at the end of the path, waits for no pipe, and wakes no device by reading it.</summary>
    /// <exception cref="RefusedException">Not a regular file.</exception>
    /// <exception cref="FileNotFoundException">No such file.</exception>
    internal static SafeFileHandle OpenRead(string path)
    {
        var name = Path.GetFileName(path);
        var descriptor = Fcntl.open(path, Fcntl.ReadOnly | Fcntl.NonBlocking | Fcntl.CloseOnExec | Fcntl.NoFollow);
        if (descriptor < 0)
        {
            throw Errno.Last switch
            {
                Errno.NoEntry => new FileNotFoundException($"there is no {path}"),
                Errno.Loop => new RefusedException($"{name} is a symbolic link; a sealed model has none"),
                Errno.NoDevice => new RefusedException($"{name} is not a regular file"),
                _ => Errno.Failure(path),
            };
        }
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        if (Fcntl.IsRegular(descriptor)) return handle;
        handle.Dispose();
        throw new RefusedException($"{name} is not a regular file");
    }

    internal static byte[] ReadManifest(string directory)
    {
        using var handle = OpenRead(Path.Combine(directory, ManifestName));
        var length = RandomAccess.GetLength(handle);
        if (length > Manifest.MaxBytes) throw new MalformedException(Manifest.MaxBytes, $"{ManifestName} is longer than {Manifest.MaxBytes} bytes");
        var bytes = new byte[length];
        return RandomAccess.Read(handle, bytes, 0) == length ? bytes : throw new RefusedException($"{ManifestName} was cut while it was read");
    }

    /// <summary>Files that were not released may be missing; what the manifest does not name may not be there.</summary>
    /// <exception cref="RefusedException">A link, a pipe or device, or a file or directory of something else.</exception>
    internal static void RequireNothingElse(string directory, Manifest manifest)
    {
        var files = manifest.Files.Select(file => file.Name + SealedLayout.Extension).Append(ManifestName).Append(RecipientsName).ToHashSet(StringComparer.Ordinal);
        var directories = files.SelectMany(name => name.Select((letter, at) => letter == '/' ? name[..at] : "")).ToHashSet(StringComparer.Ordinal);
        foreach (var (name, attributes) in Entries(directory))
        {
            if (attributes.HasFlag(FileAttributes.ReparsePoint)) throw new RefusedException($"{name} is a symbolic link; a sealed model has none");
            if (!(attributes.HasFlag(FileAttributes.Directory) ? directories : files).Contains(name)) throw new RefusedException($"{name} does not belong to the sealed model");
        }
    }

    private static FileSystemEnumerable<(string Name, FileAttributes Attributes)> Entries(string root) =>
        new(
            root,
            (ref FileSystemEntry entry) => (Path.GetRelativePath(root, entry.ToFullPath()), entry.Attributes),
            new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0, IgnoreInaccessible = false })
        {
            ShouldRecursePredicate = (ref FileSystemEntry entry) => !entry.Attributes.HasFlag(FileAttributes.ReparsePoint),
        };
}
