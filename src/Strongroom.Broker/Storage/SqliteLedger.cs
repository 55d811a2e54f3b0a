using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
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
    private readonly SqliteCommand begin;
    private readonly SqliteCommand end;
    private readonly SqliteCommand selectHead;
    private readonly SqliteLeaves leaves;
    private readonly SqliteCommand insertBlob;
    private readonly SqliteCommand swapHead;

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
        begin = Prepare("BEGIN IMMEDIATE");
        end = Prepare("COMMIT");
        selectHead = Prepare("SELECT size, checkpoint FROM head");
        leaves = new(writer);
        insertBlob = Prepare("INSERT OR IGNORE INTO blobs (sha256, bytes) VALUES ($sha256, $bytes)", "$sha256", "$bytes");
        swapHead = Prepare("INSERT OR REPLACE INTO head (id, size, checkpoint) VALUES (0, $size, $checkpoint)", "$size", "$checkpoint");
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

    protected override ValueTask CommitCore(LedgerCommit commit, CancellationToken cancel)
    {
        try
        {
            begin.ExecuteNonQuery(); // no other process writes from here to the end
            if (ReadHead() != commit.Before) throw new LedgerBrokenException($"another process has appended to {path}: one ledger, one writer");
            foreach (var leaf in commit.Leaves) leaves.Insert(leaf);
            foreach (var blob in commit.Blobs) Execute(insertBlob, blob.Digest.Span.ToArray(), blob.Bytes.ToArray());
            Execute(swapHead, commit.After.Size, commit.After.Checkpoint);
            end.ExecuteNonQuery(); // durable from here on
            return ValueTask.CompletedTask;
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

    protected override ValueTask<ReadOnlyMemory<byte>?> ReadBlobCore(Digest digest, CancellationToken cancel) =>
        ValueTask.FromResult(Read(reader => reader.Blob(digest)));

    protected override ValueTask CloseCore()
    {
        while (readers.TryTake(out var reader)) reader.Dispose();
        foreach (var command in (SqliteCommand[])[begin, end, selectHead, insertBlob, swapHead]) command.Dispose();
        leaves.Dispose();
        writer.Dispose();
        return ValueTask.CompletedTask;
    }

    private StoredHead? ReadHead()
    {
        using var row = selectHead.ExecuteReader();
        return row.Read() ? new(row.GetInt64(0), row.GetString(1)) : null;
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

    private SqliteCommand Prepare(string sql, params IReadOnlyList<string> parameters)
    {
        var command = writer.CreateCommand();
        command.CommandText = sql;
        foreach (var name in parameters) command.Parameters.Add(new() { ParameterName = name });
        return command;
    }

    private static void Execute(SqliteCommand command, params IReadOnlyList<object> values)
    {
        for (var i = 0; i < values.Count; i++) command.Parameters[i].Value = values[i];
        command.ExecuteNonQuery();
    }
}
