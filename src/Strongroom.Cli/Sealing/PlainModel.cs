using System.Buffers.Binary;
using Strongroom.Bytes;
using Strongroom.Sealing;

namespace Strongroom.Cli.Sealing;

/// <summary>A file of a model that is to be sealed.</summary>
/// <param name="Name">Its name in the model.</param>
/// <param name="Path">Where it lies.</param>
/// <param name="Length">Bytes when it was listed.</param>
/// <param name="Modified">Nanoseconds-precise time of its last change, so that a resumed sealing notices an edit.</param>
internal sealed record PlainFile(string Name, string Path, long Length, long Modified);

/// <summary>Lists a model's files: every regular file below a directory, or the one file that was named.</summary>
internal static class PlainModel
{
    private const int MaxHeader = 100_000_000; // the safetensors format's own limit

    /// <exception cref="MalformedException">A name that cannot be sealed.</exception>
    /// <exception cref="UsageException">A link without --follow-links, no file at all, or too many.</exception>
    internal static IReadOnlyList<PlainFile> List(string path, bool followLinks)
    {
        var files = new List<PlainFile>();
        if (Directory.Exists(path)) Walk(new DirectoryInfo(path), "", followLinks, depth: 0, files);
        else if (File.Exists(path)) Add(new FileInfo(path), System.IO.Path.GetFileName(path), files);
        else throw new DirectoryNotFoundException($"there is no model at {path}");
        if (files.Count is 0 or > Manifest.MaxFiles) throw new UsageException($"{path} holds {files.Count} files; a model has 1 to {Manifest.MaxFiles}");
        files.Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
        FileName.RequireDistinct(files.Select(file => file.Name));
        RequireRoom(files);
        return files;
    }

    /// <summary>In the sealed directory the model's directories keep their names, so none may have one that sealing itself gives to a file there.</summary>
    private static void RequireRoom(IReadOnlyList<PlainFile> files)
    {
        var given = files.Select(file => file.Name + SealedLayout.Extension).Append(SealedDirectory.ManifestName).Append(SealedDirectory.RecipientsName)
            .SelectMany(name => new[] { name, name + Sealer.Partial }).Append(SealingJournal.FileName).ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, _, _, _) in files)
            for (var slash = name.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = name.IndexOf('/', slash + 1))
                if (given.Contains(name[..slash]))
                    throw new MalformedException(-1, $"the directory '{name[..slash]}' has the name of a file that sealing makes; give it another one");
    }

    /// <summary>Present when the file is a safetensors file by name and by its first bytes.</summary>
    internal static SafetensorsIndex? Index(Microsoft.Win32.SafeHandles.SafeFileHandle file, string name, long length)
    {
        Span<byte> start = stackalloc byte[9];
        if (!name.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) || length < 10 || RandomAccess.Read(file, start, 0) != start.Length) return null;
        var header = BinaryPrimitives.ReadInt64LittleEndian(start);
        return header is >= 2 and <= MaxHeader && header <= length - 8 && start[8] == (byte)'{' ? new(header) : null;
    }

    private static void Walk(DirectoryInfo directory, string prefix, bool followLinks, int depth, List<PlainFile> files)
    {
        if (depth > 64) throw new UsageException($"{directory.FullName} lies 64 directories deep; a link may lead in a circle");
        foreach (var entry in directory.EnumerateFileSystemInfos())
        {
            if (entry.LinkTarget is not null && !followLinks)
                throw new UsageException($"{entry.FullName} is a symbolic link; use --follow-links to seal what it points to");
            var target = entry.LinkTarget is null ? entry : entry.ResolveLinkTarget(returnFinalTarget: true) ?? entry;
            if (target is DirectoryInfo) Walk(new DirectoryInfo(entry.FullName), $"{prefix}{entry.Name}/", followLinks, depth + 1, files);
            else Add(new FileInfo(target.FullName), prefix + entry.Name, files);
        }
    }

    private static void Add(FileInfo file, string name, List<PlainFile> files)
    {
        if (!file.Exists) throw new FileNotFoundException(null, file.FullName);
        files.Add(new(name, file.FullName, file.Length, file.LastWriteTimeUtc.Ticks));
    }
}
