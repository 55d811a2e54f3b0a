using Microsoft.Win32.SafeHandles;
using Strongroom.Bytes;
using Strongroom.Sealing;

namespace Strongroom.Cli.Sealing;

/// <summary>Authenticates a sealed model and, into a directory, opens it: all of it or nothing.</summary>
internal sealed class Opener(SealedDirectory model, Secret? modelKey, IProgress<long> progress, CancellationToken cancellation)
{
    /// <summary>Reads every byte: with <paramref name="checkTree"/> against the signed tree, with a key chunk by chunk. Writes nothing.</summary>
    /// <exception cref="RefusedException">The sealed bytes are not those that were signed.</exception>
    /// <exception cref="System.Security.Cryptography.AuthenticationTagMismatchException">A chunk was changed.</exception>
    internal void Verify(bool checkTree)
    {
        for (var file = 0; file < model.Manifest.Files.Count; file++) Read(file, target: null, checkTree);
    }

    /// <summary>
    /// Decrypts into files without a name. Only when the last chunk of the last file is authenticated do they get names, in a directory beside
    /// <paramref name="path"/>, which then takes that place in one step.
    /// </summary>
    internal void OpenInto(string path, IReadOnlyList<int> files, bool checkTree)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        RequireFree(full);
        var parent = Path.GetDirectoryName(full) ?? throw new UsageException("/ cannot be opened into");
        Directory.CreateDirectory(parent);
        Staging.Sweep(parent);
        var unnamed = new List<SafeFileHandle>();
        try
        {
            foreach (var file in files)
            {
                unnamed.Add(Linux.CreateUnnamed(parent));
                Read(file, unnamed[^1], checkTree);
            }
            cancellation.ThrowIfCancellationRequested();
            Staging.Publish(full, parent, [.. files.Select((file, i) => (model.Manifest.Files[file].Name, unnamed[i]))]);
        }
        finally
        {
            foreach (var handle in unnamed) handle.Dispose();
        }
    }

    internal static void RequireFree(string path)
    {
        if (File.Exists(path) || (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any()))
            throw new UsageException($"{path} is not empty; name a new directory");
    }

    private void Read(int file, SafeFileHandle? target, bool checkTree)
    {
        var entry = model.Manifest.Files[file];
        using var source = model.Open(file);
        var tree = checkTree ? new SealedTree(SealedTree.SegmentCount(entry.Length)) : null;
        using var fileKey = modelKey is null ? null : ContentKeys.Derive(modelKey, model.Manifest, file);
        try
        {
            SegmentWorker.Run(SealedTree.SegmentCount(entry.Length), () => new OpenWorker(source, target, entry, Decryptor(source, file, fileKey), tree, progress), cancellation);
        }
        catch (System.Security.Cryptography.AuthenticationTagMismatchException e)
        {
            throw new RefusedException($"{entry.Name}{SealedLayout.Extension}: {e.Message}");
        }
        if (tree is not null && tree.Root() != entry.TreeRoot) throw new RefusedException($"{entry.Name}{SealedLayout.Extension} was changed: its tree is not the one that the publisher signed");
    }

    private ChunkDecryptor? Decryptor(SafeFileHandle source, int file, Secret? fileKey)
    {
        if (fileKey is null) return null;
        Span<byte> header = stackalloc byte[SealedLayout.HeaderSize];
        if (RandomAccess.Read(source, header, 0) != header.Length) throw new RefusedException($"{model.Manifest.Files[file].Name}{SealedLayout.Extension} was cut");
        return new(fileKey.Span, model.Manifest.Identity(file), header);
    }
}
