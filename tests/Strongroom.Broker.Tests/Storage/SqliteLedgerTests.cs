using Microsoft.Data.Sqlite;
using Strongroom.Broker.Storage;
using Strongroom.Bytes;
using Strongroom.Ledger;
using Strongroom.Tests.Ledger;

namespace Strongroom.Broker.Tests.Storage;

public sealed class SqliteLedgerTests : LedgerStoreContract, IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("strongroom-").FullName;

    private string File => Path.Combine(directory, "ledger.db");

    private string Saved => Path.Combine(directory, "saved.db");

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task A_copy_taken_while_appends_go_on_is_a_whole_ledger()
    {
        await using var store = new SqliteLedger(File, Signer, [Witness.Client()]);
        await store.OpenAsync();
        var appending = Task.WhenAll(Enumerable.Range(0, 500).Select(i => store.AppendAsync(Entry(i), [])));
        DirectoryCopy.CopyDatabase(File, Saved);
        await appending;
        await using var copy = new SqliteLedger(Saved, Signer, [new MemoryWitness().Client()]);
        await copy.OpenAsync();
        Assert.InRange(copy.Size, 0, 500);
        for (var i = 0; i < copy.Size; i++) Assert.Equal(i, (await copy.ReceiptAsync(i)).Index);
        Assert.Throws<IOException>(() => DirectoryCopy.CopyDatabase(File, Saved));
    }

    [Fact]
    public async Task Rejects_a_file_of_another_version()
    {
        await using (var store = new SqliteLedger(File, Signer, [Witness.Client()])) await store.OpenAsync();
        Execute("PRAGMA user_version = 2");
        Assert.Throws<LedgerBrokenException>(() => new SqliteLedger(File, Signer, [Witness.Client()]));
    }

    [Fact]
    public void Rejects_a_file_that_is_no_database()
    {
        System.IO.File.WriteAllText(File, new string('x', 8192));
        Assert.Throws<LedgerBrokenException>(() => new SqliteLedger(File, Signer, [Witness.Client()]));
    }

    [Fact]
    public void A_directory_that_is_not_there_is_unavailable() =>
        Assert.Throws<UnavailableException>(() => new SqliteLedger(Path.Combine(directory, "none/ledger.db"), Signer, [Witness.Client()]));

    [Fact]
    public async Task A_writer_who_keeps_the_file_locked_fails_the_append_and_not_the_ledger()
    {
        await using var store = new SqliteLedger(File, Signer, [Witness.Client()]);
        await store.OpenAsync();
        using (var other = Open())
        {
            using var transaction = other.BeginTransaction(deferred: false);
            await Assert.ThrowsAsync<AppendFailedException>(() => store.AppendAsync(Entry(0), []));
        }
        Assert.Equal(0, (await store.AppendAsync(Entry(1), [])).Index);
    }

    private protected override LedgerStore Make(params IReadOnlyList<WitnessClient> witnesses) => new SqliteLedger(File, Signer, witnesses);

    private protected override void Fill(LedgerStore store, bool full) => ((SqliteLedger)store).Fill(full);

    private protected override void RewriteEntry(long index) => Execute($"UPDATE leaves SET entry = CAST('x' || substr(entry, 2) AS BLOB) WHERE idx = {index}");

    private protected override void RewriteNode(TreeNode node) => Execute(
        $"UPDATE leaves SET hashes = CAST(substr(hashes, 1, {32 * node.Level}) || zeroblob(32) || substr(hashes, {32 * node.Level + 33}) AS BLOB) WHERE idx = {node.LastLeaf}");

    private protected override void SaveThenRestore()
    {
        if (!System.IO.File.Exists(Saved))
        {
            if (System.IO.File.Exists(File)) System.IO.File.Copy(File, Saved);
            else System.IO.File.WriteAllBytes(Saved, []);
        }
        else
        {
            foreach (var file in Directory.GetFiles(directory, "ledger.db*")) System.IO.File.Delete(file);
            System.IO.File.Copy(Saved, File);
        }
    }

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection($"Data Source={File};Pooling=False");
        connection.Open();
        return connection;
    }

    private void Execute(string sql)
    {
        using var connection = Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
