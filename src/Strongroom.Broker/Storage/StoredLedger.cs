using System.Buffers.Binary;
using System.Text;
using Microsoft.Data.Sqlite;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Broker.Storage;

/// <summary>
/// The ledger as it stands in a broker's directory or a backup, for an auditor: by the paths of C2SP tlog-tiles and judged by nobody, since a store that was rolled back or
/// rewritten is what an auditor must see. Nothing in the directory is changed, no key is read, and a broker may write to it meanwhile.
/// </summary>
internal sealed class StoredLedger : IDisposable
{
    /// <summary>Before each answer of <see cref="Answer"/>.</summary>
    private enum Kind : byte
    {
        Absent,
        Found,
        Damaged,
    }

    private readonly string log;
    private readonly bool still;
    private readonly SqliteReader reader;

    /// <exception cref="FileNotFoundException">There is no ledger.db.</exception>
    /// <exception cref="UnavailableException">It cannot be opened.</exception>
    public StoredLedger(string directory)
    {
        var path = Path.GetFullPath(Path.Combine(directory, "ledger.db"));
        if (!File.Exists(path)) throw new FileNotFoundException($"{directory} holds no ledger: there is no ledger.db", path);
        log = path + "-wal";
        // SQLite makes files beside a database that it reads, unless told that nobody writes to it; whoever does keeps a log there.
        still = !File.Exists(log);
        try
        {
            reader = new(still ? $"file:{Uri.EscapeDataString(path)}?immutable=1" : path);
        }
        catch (SqliteException e)
        {
            throw new UnavailableException($"{path} cannot be opened: {e.Message}", e);
        }
    }

    /// <summary>Answers each line of <paramref name="paths"/> with one byte of a kind, the length in 32 bits, big-endian, and as many bytes: what stands at that path, or the reason why it cannot be read.</summary>
    /// <exception cref="UnavailableException">A broker was started over what was read as nobody's.</exception>
    public void Answer(TextReader paths, Stream answers)
    {
        Span<byte> head = stackalloc byte[5];
        while (paths.ReadLine() is { } path)
        {
            var (kind, bytes) = Read(path);
            if (still && File.Exists(log)) throw new UnavailableException("a broker was started meanwhile: ask again");
            head[0] = (byte)kind;
            BinaryPrimitives.WriteInt32BigEndian(head[1..], bytes.Length);
            answers.Write(head);
            answers.Write(bytes.Span);
            answers.Flush();
        }
    }

    public void Dispose() => reader.Dispose();

    private (Kind, ReadOnlyMemory<byte>) Read(string path)
    {
        try
        {
            return Find(path) is { } bytes ? (Kind.Found, bytes) : (Kind.Absent, default);
        }
        catch (Exception e) when (e is SqliteException or LedgerBrokenException)
        {
            return (Kind.Damaged, Encoding.UTF8.GetBytes($"{path} cannot be read from ledger.db: {e.Message}"));
        }
    }

    private ReadOnlyMemory<byte>? Find(string path)
    {
        if (path == "checkpoint") return reader.Head() is { } head ? Encoding.UTF8.GetBytes(head) : default(ReadOnlyMemory<byte>?);
        if (path.StartsWith("blob/", StringComparison.Ordinal)) return reader.Blob(Digest.Parse(path.AsSpan("blob/".Length)), 0, int.MaxValue)?.Bytes;
        var tile = TilePath.Parse(path);
        var bytes = new ByteWriter();
        if (tile.Level is null)
        {
            foreach (var entry in reader.Entries(tile.Index * TilePath.FullWidth, tile.Width))
            {
                if (entry.Length > LedgerStore.MaxEntrySizeInBytes) throw new LedgerBrokenException($"an entry has {entry.Length} bytes");
                bytes.Sized16(entry.Span);
            }
        }
        else
        {
            foreach (var hash in reader.Nodes(tile.Nodes)) bytes.Bytes(hash.Span);
        }
        return bytes.ToArray();
    }
}
