using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using Microsoft.Win32.SafeHandles;
using Strongroom.Bytes;

namespace Strongroom.Broker.Storage;

/// <summary>
/// A consistent copy of a broker's directory (spec/broker-directory.md), while a broker writes to it. Backup and restore are this same act in two
/// directions, so that what is restored was written by code that every backup has run.
/// </summary>
internal static partial class DirectoryCopy
{
    private static readonly string[] Files = ["broker.json", "genesis.json", "ledger.key", "tls.pem", "tls.key"];

    // The ledger first: tables may know more than it, but what it knows must be in them.
    private static readonly string[] Databases = ["ledger.db", "models.db", "answers.db"];

    /// <param name="withNames">Names can be deleted here, but not in copies that somebody keeps; so they stay out unless they are asked for.</param>
    /// <exception cref="IOException">The copy exists already, or there is no room for it; then nothing of it is left.</exception>
    /// <exception cref="LedgerBrokenException">A database is damaged.</exception>
    public static void Make(string directory, string copy, bool withNames)
    {
        foreach (var file in Files)
        {
            if (!File.Exists(Path.Combine(directory, file))) throw new FileNotFoundException($"{directory} is no broker's directory: there is no {file}");
        }
        if (Path.Exists(copy)) throw Failure.Taken(copy);
        var building = Path.TrimEndingDirectorySeparator(copy) + ".building";
        Directory.CreateDirectory(building, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            foreach (var file in (IEnumerable<string>)[.. Files, "custody.key"]) CopyFile(Path.Combine(directory, file), Path.Combine(building, file));
            foreach (var database in (IEnumerable<string>)[.. Databases, .. withNames ? ["names.db"] : Array.Empty<string>()])
                CopyDatabase(Path.Combine(directory, database), Path.Combine(building, database));
            SyncNames(building);
            Directory.Move(building, copy);
        }
        catch
        {
            Directory.Delete(building, recursive: true);
            throw;
        }
        SyncNames(Path.GetDirectoryName(Path.GetFullPath(Path.TrimEndingDirectorySeparator(copy)))!);
    }

    private static void CopyFile(string from, string to)
    {
        if (!File.Exists(from)) return;
        using var source = new FileStream(from, new FileStreamOptions { BufferSize = 0 });
        using var target = New(to);
        using var bytes = new Secret(checked((int)source.Length + 1)); // keys among them, which must not stay on the collected heap; one more, for an empty file
        source.ReadExactly(bytes.Span[..^1]);
        target.Write(bytes.Span[..^1]);
        target.Flush(flushToDisk: true);
    }

    internal static void CopyDatabase(string from, string to)
    {
        if (!File.Exists(from)) return;
        New(to).Dispose();
        try
        {
            using var source = Open(from, SqliteOpenMode.ReadOnly);
            using var target = Open(to, SqliteOpenMode.ReadWrite);
            source.BackupDatabase(target);
            using var check = target.CreateCommand();
            check.CommandText = "PRAGMA integrity_check";
            if (check.ExecuteScalar() as string != "ok") throw new LedgerBrokenException($"{from} is damaged");
        }
        catch (SqliteException e)
        {
            throw new LedgerBrokenException($"{from} cannot be copied: {e.Message}");
        }
    }

    /// <summary>A file that is on the disk is lost all the same when its directory was not written: it has no name.</summary>
    private static void SyncNames(string directory)
    {
        using var handle = new SafeFileHandle(open(directory, ReadOnlyCloseOnExec), ownsHandle: true);
        if (handle.IsInvalid) throw new IOException($"{directory} cannot be opened: {Marshal.GetLastPInvokeErrorMessage()}");
        RandomAccess.FlushToDisk(handle);
    }

    private const int ReadOnlyCloseOnExec = 0x80000; // O_RDONLY | O_CLOEXEC; .NET opens no directories

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode = 0);

    private static SqliteConnection Open(string path, SqliteOpenMode mode)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = mode, Pooling = false }.ToString());
        connection.Open();
        return connection;
    }

    private static FileStream New(string path) => new(path, new FileStreamOptions
    {
        Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
    });
}
