using Microsoft.Data.Sqlite;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Broker.Storage;

/// <summary>A read-only connection to a ledger's file with its four statements prepared. For one thread at a time.</summary>
internal sealed class SqliteReader : IDisposable
{
    private readonly SqliteConnection connection;
    private readonly SqliteCommand node;
    private readonly SqliteCommand entries;
    private readonly SqliteCommand blob;
    private readonly SqliteCommand head;

    /// <param name="path">The file, or a URI of SQLite (<c>file:...</c>).</param>
    public SqliteReader(string path)
    {
        connection = new(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
        connection.Open();
        node = Prepare("SELECT substr(hashes, $at, 32) FROM leaves WHERE idx = $idx", "$idx", "$at");
        entries = Prepare("SELECT entry FROM leaves WHERE idx >= $first ORDER BY idx LIMIT $count", "$first", "$count");
        blob = Prepare("SELECT rowid, length(bytes) FROM blobs WHERE sha256 = $sha256", "$sha256");
        head = Prepare("SELECT checkpoint FROM head");
    }

    /// <summary>The signed note that was stored last; null in a store that was never used.</summary>
    public string? Head() => head.ExecuteScalar() as string;

    /// <summary>The hash of a subtree stands in the row of the leaf that completed it, at 32 bytes for each level.</summary>
    public IReadOnlyList<Digest> Nodes(IReadOnlyList<TreeNode> nodes)
    {
        var hashes = new Digest[nodes.Count];
        for (var i = 0; i < hashes.Length; i++)
        {
            node.Parameters[0].Value = nodes[i].LastLeaf;
            node.Parameters[1].Value = 1 + nodes[i].Level * Digest.SizeInBytes;
            if (node.ExecuteScalar() is not byte[] { Length: Digest.SizeInBytes } hash) throw new LedgerBrokenException($"the store has lost {nodes[i]}");
            hashes[i] = Digest.From(hash);
        }
        return hashes;
    }

    public IReadOnlyList<ReadOnlyMemory<byte>> Entries(long first, int count)
    {
        entries.Parameters[0].Value = first;
        entries.Parameters[1].Value = count;
        using var rows = entries.ExecuteReader();
        List<ReadOnlyMemory<byte>> found = new(count);
        while (rows.Read()) found.Add(rows.GetFieldValue<byte[]>(0));
        return found.Count == count ? found : throw new LedgerBrokenException($"the store has lost entries from {first}");
    }

    public BlobPiece? Blob(Digest digest, int from, int most)
    {
        blob.Parameters[0].Value = digest.Span.ToArray();
        using var row = blob.ExecuteReader();
        if (!row.Read()) return null;
        var length = row.GetInt32(1);
        var piece = new byte[Math.Min(most, length - from)];
        if (piece.Length == 0) return new(length, piece);
        using var bytes = new SqliteBlob(connection, "blobs", "bytes", row.GetInt64(0), readOnly: true); // as a column it would be read whole, however little of it is asked for
        bytes.Position = from;
        bytes.ReadExactly(piece);
        return new(length, piece);
    }

    public void Dispose()
    {
        node.Dispose();
        entries.Dispose();
        blob.Dispose();
        head.Dispose();
        connection.Dispose();
    }

    private SqliteCommand Prepare(string sql, params IReadOnlyList<string> parameters)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var name in parameters) command.Parameters.Add(new() { ParameterName = name });
        return command;
    }
}
