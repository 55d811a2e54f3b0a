using Microsoft.Win32.SafeHandles;

namespace Strongroom.Cli.Sealing;

/// <summary>
/// The hidden directory beside OUT_DIR in which authenticated files get their names before it takes OUT_DIR's place in one step. Linux names one
/// file at a time, so a kill in between leaves it: the next opening beside it knows it by name, owner and a lock that nobody holds, and removes it.
/// </summary>
internal sealed class Staging : IDisposable
{
    private const string Mark = ".opening-"; // .OUT_DIR.opening-32HEX

    private readonly SafeFileHandle locked;

    private Staging(string path, SafeFileHandle locked) => (Path, this.locked) = (path, locked);

    internal string Path { get; }

    /// <summary>Gives files without a name theirs, all at once as far as anybody sees: they are in <paramref name="full"/>, durable, or nowhere.</summary>
    /// <exception cref="IOException">Meanwhile something else took the place.</exception>
    internal static void Publish(string full, string parent, IReadOnlyList<(string Name, SafeFileHandle File)> files)
    {
        foreach (var (_, file) in files) RandomAccess.FlushToDisk(file);
        using var staging = Create(full);
        var at = staging.Path;
        try
        {
            foreach (var (name, file) in files) staging.Link(name, file);
            foreach (var directory in Directory.EnumerateDirectories(at, "*", SearchOption.AllDirectories)) Linux.SyncDirectory(directory);
            Linux.SyncDirectory(at);
            Linux.Rename(at, full);
            at = full;
            Linux.SyncDirectory(parent);
        }
        catch
        {
            Directory.Delete(at, recursive: true);
            throw;
        }
    }

    internal static Staging Create(string full)
    {
        while (true)
        {
            var path = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(full)!, $".{System.IO.Path.GetFileName(full)}{Mark}{Guid.NewGuid():n}");
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            try
            {
                var directory = Linux.OpenDirectory(path);
                Linux.Lock(directory, wait: true);
                if (Directory.Exists(path)) return new(path, directory);
                directory.Dispose();
            }
            catch (FileNotFoundException)
            {
                // swept away before it was locked, as any after: another name
            }
        }
    }

    /// <summary>Removes what killed openings left in <paramref name="parent"/>; those that are still at work hold their locks.</summary>
    internal static void Sweep(string parent)
    {
        foreach (var path in Directory.EnumerateDirectories(parent, $".*{Mark}*").Where(IsStaging))
        {
            try
            {
                using var directory = Linux.OpenDirectory(path);
                // What was moved into place meanwhile has lost its hidden name, and stays.
                if (Linux.IsOurs(directory) && Linux.Lock(directory, wait: false) && Directory.Exists(path)) Directory.Delete(path, recursive: true);
            }
            catch (Exception e) when (e is FileNotFoundException or UnauthorizedAccessException)
            {
                // finished since it was listed; or another user's
            }
        }
    }

    public void Dispose() => locked.Dispose();

    private void Link(string name, SafeFileHandle file)
    {
        var path = System.IO.Path.Combine(Path, name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        Linux.Link(file, path);
    }

    private static bool IsStaging(string path) =>
        new DirectoryInfo(path).LinkTarget is null && Guid.TryParseExact(path[(path.LastIndexOf(Mark, StringComparison.Ordinal) + Mark.Length)..], "n", out _);
}
