using Microsoft.Data.Sqlite;
using SQLitePCL;
using Strongroom.Bytes;

namespace Strongroom.Broker.Storage;

/// <summary>
/// A statement that runs in every commit, bound without the layers of ADO.NET, which cost more than an insert itself. For one thread at a time.
/// </summary>
internal sealed class SqliteStatement : IDisposable
{
    private readonly sqlite3 database;
    private readonly sqlite3_stmt statement;

    public SqliteStatement(SqliteConnection connection, string sql)
    {
        database = connection.Handle ?? throw new InvalidOperationException("the connection is not open");
        Require(raw.sqlite3_prepare_v2(database, sql, out statement));
    }

    /// <param name="parameter">From 1, as SQLite counts.</param>
    /// <param name="value">What it stands for.</param>
    public SqliteStatement Bind(int parameter, long value)
    {
        Require(raw.sqlite3_bind_int64(statement, parameter, value));
        return this;
    }

    public SqliteStatement Bind(int parameter, string value)
    {
        Require(raw.sqlite3_bind_text(statement, parameter, value));
        return this;
    }

    public SqliteStatement Bind(int parameter, ReadOnlySpan<byte> value)
    {
        Require(raw.sqlite3_bind_blob(statement, parameter, value));
        return this;
    }

    /// <summary>Runs it to its end.</summary>
    /// <returns>What <paramref name="row"/> makes of its first row, or default where it has none.</returns>
    /// <exception cref="SqliteException">Also where it has more rows than one.</exception>
    public T? Run<T>(Func<sqlite3_stmt, T> row)
    {
        T? made = default;
        var step = raw.sqlite3_step(statement);
        if (step == raw.SQLITE_ROW)
        {
            made = row(statement);
            step = raw.sqlite3_step(statement);
        }
        var message = step == raw.SQLITE_DONE ? "" : raw.sqlite3_errmsg(database).utf8_to_string();
        raw.sqlite3_reset(statement);
        return step == raw.SQLITE_DONE ? made : throw new SqliteException(message, step);
    }

    public void Run() => Run<object?>(static _ => null);

    public void Dispose() => statement.Dispose();

    private void Require(int result)
    {
        if (result != raw.SQLITE_OK) throw new SqliteException(raw.sqlite3_errmsg(database).utf8_to_string(), result);
    }
}
