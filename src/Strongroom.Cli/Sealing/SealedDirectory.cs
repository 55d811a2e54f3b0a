using System.IO.Enumeration;
using Microsoft.Win32.SafeHandles;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Sealing;

namespace Strongroom.Cli.Sealing;

/// <summary>
/// A sealed model on disk, read strictly: exactly the files that the manifest names, each a regular file of the right length, no links.
/// Whatever is wrong with it is a refusal, since a sealed model that is not as it was sealed was tampered with.
/// </summary>
internal sealed class SealedDirectory
{
    internal const string ManifestName = "manifest.json";
    internal const string RecipientsName = "recipients.json";

    private SealedDirectory(string path, Manifest manifest, Recipients recipients) => (Path, Manifest, Recipients) = (path, manifest, recipients);

    internal string Path { get; }

    internal Manifest Manifest { get; }

    internal Recipients Recipients { get; }

    internal long SealedBytes => Manifest.Files.Sum(file => file.SealedLength);

    /// <exception cref="DirectoryNotFoundException">No such directory.</exception>
    /// <exception cref="RefusedException">It is not a sealed model as it was sealed.</exception>
    internal static SealedDirectory Read(string path)
    {
        if (!Directory.Exists(path)) throw new DirectoryNotFoundException($"there is no directory {path}");
        if (!File.Exists(System.IO.Path.Combine(path, ManifestName)) && !Directory.EnumerateFileSystemEntries(path).Any(IsPartOfAModel))
            throw new DirectoryNotFoundException($"{path} holds no sealed model");
        var manifest = Refusing(ManifestName, () => Manifest.Parse(Bytes(path, ManifestName, Manifest.MaxBytes)));
        var recipients = Refusing(RecipientsName, () => Recipients.Parse(Bytes(path, RecipientsName, Recipients.MaxBytes), manifest.ModelDigest));
        RequireExactly(path, manifest);
        return new(path, manifest, recipients);
    }

    /// <exception cref="RefusedException">Signed by somebody else.</exception>
    internal void RequirePublisher(Ed25519PublicKey publisher)
    {
        if (!Manifest.IsFrom(publisher)) throw new RefusedException($"{Path} is signed by {Manifest.Publisher}, not by the publisher {publisher} that you trust");
    }

    /// <exception cref="RefusedException">Older than that.</exception>
    internal void RequireVersion(long? atLeast)
    {
        if (Manifest.Version < atLeast) throw new RefusedException($"{Path} is version {Manifest.Version} of {Manifest.Name}, older than {atLeast}");
    }

    internal string PathOf(int file) => System.IO.Path.Combine(Path, Manifest.Files[file].Name + SealedLayout.Extension);

    /// <exception cref="RefusedException">A link, no regular file, or of another length than the manifest says.</exception>
    internal SafeFileHandle Open(int file)
    {
        var entry = Manifest.Files[file];
        var handle = Refusing(entry.Name, () => Linux.OpenRead(PathOf(file)));
        var length = RandomAccess.GetLength(handle);
        if (length == entry.SealedLength) return handle;
        handle.Dispose();
        throw new RefusedException($"{entry.Name}{SealedLayout.Extension} has {length} bytes, not the {entry.SealedLength} that were sealed: it was cut or appended to");
    }

    /// <summary>Puts other recipients in the place of those that were read, in one step: whoever reads meanwhile finds the old or the new ones.</summary>
    /// <remarks>Linux gives an unnamed file a new name only, so it has one for an instant: beside the model, which who is killed then leaves as it was.</remarks>
    /// <exception cref="RefusedException">Somebody else put others there since they were read.</exception>
    internal void Replace(Recipients recipients)
    {
        using var alone = Linux.OpenDirectory(Path, followLinks: true);
        Linux.Lock(alone, wait: true);
        if (!Bytes(Path, RecipientsName, Recipients.MaxBytes).AsSpan().SequenceEqual(Recipients.Bytes.Span))
            throw new RefusedException($"{RecipientsName} was changed meanwhile; see who can open the model now, and try again");
        var real = Directory.ResolveLinkTarget(Path, returnFinalTarget: true)?.FullName ?? System.IO.Path.GetFullPath(Path);
        real = System.IO.Path.TrimEndingDirectorySeparator(real);
        var parent = System.IO.Path.GetDirectoryName(real) ?? real;
        var (target, hidden) = (System.IO.Path.Combine(real, RecipientsName), System.IO.Path.Combine(parent, $".{System.IO.Path.GetFileName(real)}.{RecipientsName}"));
        using (var file = Linux.CreateUnnamed(parent))
        {
            RandomAccess.Write(file, recipients.Bytes.Span, 0);
            File.SetUnixFileMode(file, File.GetUnixFileMode(target));
            RandomAccess.FlushToDisk(file);
            File.Delete(hidden); // of one who was killed here: nobody else is here now
            Linux.Link(file, hidden);
        }
        try
        {
            Linux.Rename(hidden, target);
        }
        catch
        {
            File.Delete(hidden);
            throw;
        }
        Linux.SyncDirectory(real);
    }

    /// <summary>What the parsers call malformed was, in a sealed model, changed by somebody.</summary>
    private static T Refusing<T>(string name, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (MalformedException e)
        {
            throw new RefusedException($"{name} was changed: {e.Message}");
        }
        catch (FileNotFoundException)
        {
            throw new RefusedException($"{name} is missing from the sealed model");
        }
        catch (IOException e)
        {
            throw new RefusedException(e.Message);
        }
    }

    internal static byte[] Bytes(string directory, string name, int maxBytes)
    {
        using var handle = Linux.OpenRead(System.IO.Path.Combine(directory, name));
        var length = RandomAccess.GetLength(handle);
        if (length > maxBytes) throw new MalformedException(maxBytes, $"longer than {maxBytes} bytes");
        var bytes = new byte[length];
        return RandomAccess.Read(handle, bytes, 0) == length ? bytes : throw new IOException($"{name} became shorter while it was read");
    }

    private static void RequireExactly(string path, Manifest manifest)
    {
        var expected = manifest.Files.Select(file => file.Name + SealedLayout.Extension).Append(ManifestName).Append(RecipientsName).ToHashSet(StringComparer.Ordinal);
        var directories = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in expected)
            for (var slash = name.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = name.IndexOf('/', slash + 1)) directories.Add(name[..slash]);
        foreach (var (name, attributes) in Entries(path))
        {
            if (attributes.HasFlag(FileAttributes.ReparsePoint)) throw new RefusedException($"{name} is a symbolic link; a sealed model has none");
            var known = attributes.HasFlag(FileAttributes.Directory) ? directories.Contains(name) : expected.Remove(name);
            if (!known) throw new RefusedException($"{name} does not belong to the sealed model");
        }
        if (expected.FirstOrDefault() is { } missing) throw new RefusedException($"{missing} is missing from the sealed model");
    }

    private static FileSystemEnumerable<(string Name, FileAttributes Attributes)> Entries(string root) =>
        new(
            root,
            (ref FileSystemEntry entry) => (System.IO.Path.GetRelativePath(root, entry.ToFullPath()), entry.Attributes),
            new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0, IgnoreInaccessible = false })
        {
            ShouldRecursePredicate = (ref FileSystemEntry entry) => !entry.Attributes.HasFlag(FileAttributes.ReparsePoint),
        };

    private static bool IsPartOfAModel(string path) =>
        System.IO.Path.GetFileName(path) == RecipientsName || path.EndsWith(SealedLayout.Extension, StringComparison.Ordinal);
}
