using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Keys;
using Strongroom.Sealing;

namespace Strongroom.Cli.Sealing;

/// <summary>
/// Seals a model into a directory. Each file is written beside its name, made durable and renamed; then manifest.json; the journal goes last. A directory
/// without the one or with the other was never finished: every reader refuses it, and <c>--resume</c> finishes it, wherever it was interrupted.
/// </summary>
internal sealed class Sealer(string path, KeyProvider custody, Ed25519PrivateKey publisher, IReadOnlyList<HpkePublicKey> recipients)
{
    internal const string Partial = ".partial";

    private readonly string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));

    /// <summary>Why the manifest that an interrupted run had signed already was not kept; null if it was, or there was none.</summary>
    internal string? NotKept { get; private set; }

    private string JournalPath => Path.Combine(target, SealingJournal.FileName);

    internal async Task<Manifest> SealAsync(
        IReadOnlyList<PlainFile> model, string name, long version, bool resume, bool followLinks, DateTimeOffset now, IProgress<long> progress, CancellationToken cancellation)
    {
        Manifest.RequireModelName(name);
        var plan = new SealingPlan(name, version, publisher.PublicKey.ToString(), $"{custody.Kind} {custody.KeyId}");
        using var journal = resume
            ? await SealingJournal.ResumeAsync(JournalPath, plan, custody, cancellation)
            : await StartAsync(plan, cancellation);
        if (resume) RemoveLeftovers(model);
        var files = new List<ManifestFile>();
        foreach (var plain in model) files.Add(Seal(plain, plan, journal, followLinks, progress, cancellation));
        // One publisher's two manifests of one version would be two models to everybody who compares digests.
        var manifest = Signed(name, version, files) ?? Manifest.Sign(publisher, name, version, now, files);
        var entries = new List<Recipient> { await custody.WrapModelKeyAsync(journal.ModelKey, manifest.ModelDigest, cancellation) };
        entries.AddRange(recipients.Select(to => Recipients.Wrap(journal.ModelKey, manifest.ModelDigest, to)));
        Finish(manifest, Recipients.Create(journal.ModelKey, manifest.ModelDigest, entries));
        return manifest;
    }

    private async Task<SealingJournal> StartAsync(SealingPlan plan, CancellationToken cancellation)
    {
        if (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any())
            throw new UsageException($"{target} is not empty; name a new directory, or finish an interrupted sealing with --resume");
        Directory.CreateDirectory(target);
        return await SealingJournal.StartAsync(JournalPath, plan, custody, cancellation);
    }

    private ManifestFile Seal(PlainFile plain, SealingPlan plan, SealingJournal journal, bool followLinks, IProgress<long> progress, CancellationToken cancellation)
    {
        var path = Path.Combine(target, plain.Name + SealedLayout.Extension);
        using var source = Linux.OpenRead(plain.Path, followLinks);
        var length = RandomAccess.GetLength(source);
        var entry = new ManifestFile(plain.Name, length, SealedLayout.SealedLength(length), default, PlainModel.Index(source, plain.Name, length));
        if (journal.Find(plain) is { } root && length == plain.Length && IsIntact(path, entry, root, progress, cancellation)) return entry with { TreeRoot = root };

        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var tree = new SealedTree(SealedTree.SegmentCount(length));
        var identity = new FileIdentity(publisher.PublicKey, plan.Name, plan.Version, plain.Name);
        using var fileKey = ContentKeys.Derive(journal.ModelKey, identity);
        using (var sealing = ChunkEncryptor.Create(fileKey.Span, identity))
        using (var output = File.OpenHandle(path + Partial, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            SegmentWorker.Run(
                SealedTree.SegmentCount(length), () => new SealWorker(source, output, entry, sealing.Fork(fileKey.Span, identity), tree, progress), cancellation);
            RequireUnchanged(plain, RandomAccess.GetLength(source));
            RandomAccess.FlushToDisk(output);
        }
        File.Move(path + Partial, path, overwrite: true);
        for (var directory = Path.GetDirectoryName(path)!; directory.Length >= target.Length; directory = Path.GetDirectoryName(directory)!) Linux.SyncDirectory(directory);
        journal.Add(plain, tree.Root());
        return entry with { TreeRoot = tree.Root() };
    }

    /// <summary>What an interrupted run signed, if it says of these very files what would be signed now; null else.</summary>
    private Manifest? Signed(string name, long version, List<ManifestFile> files)
    {
        var path = Path.Combine(target, SealedDirectory.ManifestName);
        if (!File.Exists(path)) return null;
        try
        {
            var found = Manifest.Parse(SealedDirectory.Bytes(target, SealedDirectory.ManifestName, Manifest.MaxBytes));
            if (found.IsFrom(publisher.PublicKey) && found.Name == name && found.Version == version && found.Files.SequenceEqual(files)) return found;
            NotKept = "the model's files have changed since";
        }
        catch (Exception e) when (e is MalformedException or RefusedException)
        {
            NotKept = e.Message;
        }
        return null;
    }

    private static bool IsIntact(string path, ManifestFile entry, Digest root, IProgress<long> progress, CancellationToken cancellation)
    {
        if (!File.Exists(path)) return false;
        using var file = Linux.OpenRead(path);
        if (RandomAccess.GetLength(file) != entry.SealedLength) return false;
        var tree = new SealedTree(SealedTree.SegmentCount(entry.Length));
        SegmentWorker.Run(SealedTree.SegmentCount(entry.Length), () => new OpenWorker(file, null, entry, null, tree, progress), cancellation);
        return tree.Root() == root;
    }

    private static void RequireUnchanged(PlainFile plain, long length)
    {
        var now = new FileInfo(plain.Path);
        if (length != plain.Length || now.Length != plain.Length || now.LastWriteTimeUtc.Ticks != plain.Modified)
            throw new IOException($"{plain.Path} changed while it was sealed; seal it again when nobody writes to it");
    }

    /// <summary>What the interrupted run was writing, and what it finished of files that the model no longer has.</summary>
    private void RemoveLeftovers(IReadOnlyList<PlainFile> model)
    {
        var below = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };
        var names = model.Select(file => file.Name + SealedLayout.Extension).ToHashSet(StringComparer.Ordinal);
        foreach (var path in Directory.EnumerateFiles(target, "*", below))
            if (path.EndsWith(Partial, StringComparison.Ordinal) || (path.EndsWith(SealedLayout.Extension, StringComparison.Ordinal) && !names.Contains(Path.GetRelativePath(target, path))))
                File.Delete(path);
        foreach (var path in Directory.EnumerateDirectories(target, "*", below).OrderByDescending(path => path.Length).Where(path => !Directory.EnumerateFileSystemEntries(path).Any()))
            Directory.Delete(path);
    }

    private void Finish(Manifest manifest, Recipients to)
    {
        Write(SealedDirectory.RecipientsName, to.Bytes.Span);
        Write(SealedDirectory.ManifestName, manifest.Bytes.Span);
        Linux.SyncDirectory(target); // the journal must not be gone before the names are there
        File.Delete(JournalPath); // from here on the model is sealed
        Linux.SyncDirectory(target);
    }

    private void Write(string name, ReadOnlySpan<byte> bytes)
    {
        var path = Path.Combine(target, name);
        using (var file = File.OpenHandle(path + Partial, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            RandomAccess.Write(file, bytes, 0);
            RandomAccess.FlushToDisk(file);
        }
        File.Move(path + Partial, path, overwrite: true);
    }
}
