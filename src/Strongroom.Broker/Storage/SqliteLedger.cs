using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using SQLitePCL;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Broker.Storage;

/// <summary>The embedded store: one SQLite file in WAL mode (spec/ledger.md, "SQLite store").</summary>
/// <remarks>
/// The file is trusted to be durable and to order commits, for nothing else: whoever changes it is found out by hashes and signatures, whoever
/// puts an old one back by the witnesses. COMMIT under synchronous=FULL returns after fdatasync of the WAL.
/// </remarks>
public sealed class SqliteLedger : LedgerStore
{
    private const string Schema = """
        CREATE TABLE IF NOT EXISTS leaves (idx INTEGER PRIMARY KEY, hashes BLOB NOT NULL, entry BLOB NOT NULL) STRICT;
        CREATE TABLE IF NOT EXISTS blobs (sha256 BLOB PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
        CREATE TABLE IF NOT EXISTS head (id INTEGER PRIMARY KEY CHECK (id = 0), size INTEGER NOT NULL, checkpoint TEXT NOT NULL) STRICT;
        PRAGMA user_version = 1;
        """;

    private const int Version = 1;

    // Result codes of sqlite3.h that say that the file is not what this program wrote.
    private const int Corrupt = 11;
    private const int NotADatabase = 26;

    private readonly string path;
    private readonly SqliteConnection writer;
    private readonly ConcurrentBag<SqliteReader> readers = [];
    private readonly SqliteStatement begin;
    private readonly SqliteStatement end;
    private readonly SqliteStatement selectHead;
    private readonly SqliteStatement insertLeaf;
    private readonly SqliteStatement insertBlob;
    private readonly SqliteStatement swapHead;

    /// <param name="path">The file; made if it is not there.</param>
    /// <param name="signer">The ledger's key.</param>
    /// <param name="witnesses">All must cosign every head.</param>
    /// <exception cref="UnavailableException">The file cannot be opened or made.</exception>
    /// <exception cref="LedgerBrokenException">The file is no ledger of this version.</exception>
    public SqliteLedger(string path, NoteSigner signer, IReadOnlyList<WitnessClient> witnesses) : base(signer, witnesses)
    {
        this.path = path;
        writer = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, DefaultTimeout = 5 }.ToString());
        try
        {
            writer.Open();
            Run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
            Run("BEGIN IMMEDIATE");
            if (Scalar("PRAGMA user_version") is long and not (0 or Version)) throw new LedgerBrokenException($"{path} was written by another version");
            Run(Schema + "COMMIT");
        }
        catch (SqliteException e)
        {
            writer.Dispose();
            throw Blame(e);
        }
        catch (LedgerBrokenException)
        {
            writer.Dispose();
            throw;
        }
        begin = new(writer, "BEGIN IMMEDIATE");
        end = new(writer, "COMMIT");
        selectHead = new(writer, "SELECT size, checkpoint FROM head");
        insertLeaf = new(writer, "INSERT INTO leaves (idx, hashes, entry) VALUES (?, ?, ?)");
        insertBlob = new(writer, "INSERT OR IGNORE INTO blobs (sha256, bytes) VALUES (?, ?)");
        swapHead = new(writer, "INSERT OR REPLACE INTO head (id, size, checkpoint) VALUES (0, ?, ?)");
    }

    /// <summary>Makes the file as good as full at its present size, or not, so that tests need no full disk.</summary>
    internal void Fill(bool full) => Run($"PRAGMA max_page_count = {(full ? (long)Scalar("PRAGMA page_count")! : uint.MaxValue - 1L)}");

    protected override ValueTask<StoredHead?> LoadCore(CancellationToken cancel)
    {
        try
        {
            return ValueTask.FromResult(ReadHead());
        }
        catch (SqliteException e)
        {
            throw Blame(e);
        }
    }

    protected override async ValueTask CommitCore(LedgerCommit commit, CancellationToken cancel)
    {
        try
        {
            begin.Run(); // no other process writes from here to the end
            if (ReadHead() != commit.Before) throw new LedgerBrokenException($"another process has appended to {path}: one ledger, one writer");
            foreach (var leaf in commit.Leaves) Insert(leaf);
            foreach (var blob in commit.Blobs) insertBlob.Bind(1, blob.Digest.Span).Bind(2, blob.Bytes.Span).Run();
            var after = await commit.After.ConfigureAwait(false);
            swapHead.Bind(1, after.Size).Bind(2, after.Checkpoint).Run();
            end.Run(); // durable from here on
        }
        catch (SqliteException e)
        {
            RollBack();
            var reason = Blame(e);
            throw reason is UnavailableException ? new AppendFailedException($"{Path.GetFileName(path)} did not take the entries: {e.Message}", reason) : reason;
        }
        catch (LedgerBrokenException)
        {
            RollBack();
            throw;
        }
    }

    protected override ValueTask<IReadOnlyList<Digest>> ReadNodesCore(IReadOnlyList<TreeNode> nodes, CancellationToken cancel) =>
        ValueTask.FromResult(Read(reader => reader.Nodes(nodes)));

    protected override ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> ReadEntriesCore(long first, int count, CancellationToken cancel) =>
        ValueTask.FromResult(Read(reader => reader.Entries(first, count)));

    protected override ValueTask<BlobPiece?> ReadBlobCore(Digest digest, int from, int most, CancellationToken cancel) =>
        ValueTask.FromResult(Read(reader => reader.Blob(digest, from, most)));

    protected override ValueTask CloseCore()
    {
        while (readers.TryTake(out var reader)) reader.Dispose();
        foreach (var statement in (SqliteStatement[])[begin, end, selectHead, insertLeaf, insertBlob, swapHead]) statement.Dispose();
        writer.Dispose();
        return ValueTask.CompletedTask;
    }

    private StoredHead? ReadHead() =>
        selectHead.Run(static row => new StoredHead(raw.sqlite3_column_int64(row, 0), raw.sqlite3_column_text(row, 1).utf8_to_string()));

    private void Insert(LedgerLeaf leaf)
    {
        Span<byte> hashes = stackalloc byte[leaf.Hashes.Count * Digest.SizeInBytes]; // one for each level: 64 at most
        for (var i = 0; i < leaf.Hashes.Count; i++) leaf.Hashes[i].Span.CopyTo(hashes[(i * Digest.SizeInBytes)..]);
        insertLeaf.Bind(1, leaf.Index).Bind(2, hashes).Bind(3, leaf.Entry.Span).Run();
    }

    /// <summary>Readers have connections of their own, so that they never wait for the writer nor see half of its commit.</summary>
    private T Read<T>(Func<SqliteReader, T> read)
    {
        if (!readers.TryTake(out var reader)) reader = new(path);
        try
        {
            return read(reader);
        }
        catch (SqliteException e)
        {
            throw Blame(e);
        }
        finally
        {
            readers.Add(reader);
        }
    }

    private Exception Blame(SqliteException e) => e.SqliteErrorCode is Corrupt or NotADatabase
        ? new LedgerBrokenException($"{path} is damaged: {e.Message}")
        : new UnavailableException($"{path} cannot be used: {e.Message}", e);

    private void RollBack()
    {
        try
        {
            Run("ROLLBACK");
        }
        catch (SqliteException)
        {
            // SQLite has rolled back by itself, as it does when the disk is full.
        }
    }

    private void Run(string sql)
    {
        using var command = writer.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private object? Scalar(string sql)
    {
        using var command = writer.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }
}
