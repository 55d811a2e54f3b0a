using Microsoft.Data.Sqlite;
using Strongroom.Bytes;

namespace Strongroom.Broker;

/// <summary>
/// Things that must not be in the ledger, by key: names, because they must be deletable; wrapped keys and answers, because the ledger is public.
/// Nothing here is trusted: what decides is in the ledger, and what was stored here is compared with a digest there or opened by custody.
/// Losing a table loses convenience, changing one makes the broker refuse.
/// </summary>
internal sealed class Table : IDisposable
{
    private readonly SqliteConnection connection;
    private readonly Lock gate = new();

    private Table(SqliteConnection connection) => this.connection = connection;

    /// <param name="path">The file; made if it is not there.</param>
    /// <param name="durable">Whether what was put survives a power failure. What can be made again from the ledger need not, and costs no sync.</param>
    public static Table Open(string path, bool durable = true)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        connection.Open();
        var table = new Table(connection);
        // secure_delete: a deleted name is overwritten, not only unlinked from the index
        table.Run("PRAGMA journal_mode=WAL; PRAGMA secure_delete=ON; CREATE TABLE IF NOT EXISTS things (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID");
        table.Run(durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
        return table;
    }

    public byte[]? Find(string key)
    {
        lock (gate)
        {
            using var command = Command("SELECT value FROM things WHERE key = $key", ("$key", key));
            return command.ExecuteScalar() as byte[];
        }
    }

    public IReadOnlyDictionary<string, byte[]> All()
    {
        lock (gate)
        {
            using var command = Command("SELECT key, value FROM things");
            using var reader = command.ExecuteReader();
            var all = new Dictionary<string, byte[]>();
            while (reader.Read()) all.Add(reader.GetString(0), (byte[])reader[1]);
            return all;
        }
    }

    public void Put(string key, byte[] value) => Run("INSERT OR REPLACE INTO things VALUES ($key, $value)", ("$key", key), ("$value", value));

    /// <summary>False, and nothing changed, when the key is there already.</summary>
    public bool Add(string key, byte[] value) => Run("INSERT OR IGNORE INTO things VALUES ($key, $value)", ("$key", key), ("$value", value)) == 1;

    /// <summary>The value is gone from the file, its log included, when this returns.</summary>
    public void Delete(string key)
    {
        Run("DELETE FROM things WHERE key = $key", ("$key", key));
        Run("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    public void Dispose() => connection.Dispose();

    private int Run(string sql, params ReadOnlySpan<(string, object)> values)
    {
        lock (gate)
        {
            using var command = Command(sql, values);
            try
            {
                return command.ExecuteNonQuery();
            }
            catch (SqliteException e)
            {
                throw new UnavailableException($"{Path.GetFileName(connection.DataSource)} cannot be written", e);
            }
        }
    }

    private SqliteCommand Command(string sql, params ReadOnlySpan<(string Name, object Value)> values)
    {
        var command = connection.CreateCommand();
#pragma warning disable CA2100 // every statement is a constant of this file
        command.CommandText = sql;
#pragma warning restore CA2100
        foreach (var (name, value) in values) command.Parameters.AddWithValue(name, value);
        return command;
    }
}
