using Microsoft.Data.Sqlite;
using SQLitePCL;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Broker.Storage;

/// <summary>
/// The one statement that runs for every entry, bound without the layers of ADO.NET, which cost more than the insert itself.
/// </summary>
internal sealed class SqliteLeaves : IDisposable
{
    private readonly sqlite3 database;
    private readonly sqlite3_stmt insert;

    public SqliteLeaves(SqliteConnection connection)
    {
        database = connection.Handle ?? throw new InvalidOperationException("the connection is not open");
        Require(raw.sqlite3_prepare_v2(database, "INSERT INTO leaves (idx, hashes, entry) VALUES (?, ?, ?)", out insert));
    }

    public void Insert(LedgerLeaf leaf)
    {
        Span<byte> hashes = stackalloc byte[leaf.Hashes.Count * Digest.SizeInBytes]; // one for each level: 64 at most
        for (var i = 0; i < leaf.Hashes.Count; i++) leaf.Hashes[i].Span.CopyTo(hashes[(i * Digest.SizeInBytes)..]);
        Require(raw.sqlite3_bind_int64(insert, 1, leaf.Index));
        Require(raw.sqlite3_bind_blob(insert, 2, hashes));
        Require(raw.sqlite3_bind_blob(insert, 3, leaf.Entry.Span));
        var done = raw.sqlite3_step(insert);
        var message = done == raw.SQLITE_DONE ? "" : raw.sqlite3_errmsg(database).utf8_to_string();
        raw.sqlite3_reset(insert);
        if (done != raw.SQLITE_DONE) throw new SqliteException(message, done);
    }

    public void Dispose() => insert.Dispose();

    private void Require(int result)
    {
        if (result != raw.SQLITE_OK) throw new SqliteException(raw.sqlite3_errmsg(database).utf8_to_string(), result);
    }
}
