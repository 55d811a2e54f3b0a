using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Strongroom.Bytes;
using Strongroom.System.Tests.People;
using Strongroom.System.Tests.Sealing;

namespace Strongroom.System.Tests.Ledger;

/// <summary><c>strongroom ledger</c> where a broker stores its ledger: the broker runs, has stopped because of it, or it lies in a backup.</summary>
public sealed class StoredLedgerTests
{
    [Fact]
    public async Task A_store_that_was_rolled_back_tells_what_stands_in_it_and_what_its_witness_knows_more()
    {
        await using var house = await House.BuildAsync();
        var key = await KeyAsync(house);
        await house.CopyAsync("backup", "broker", "copy");
        await house.AsAsync(4, "ada", "publisher", "add", "later", "K.key.publisher.pub", "--yes");
        Assert.Equal(2, (int)(await CliProcess.AnswerAsync(house.Directory, "ledger", "verify", "broker", "--key", key))["size"]!); // while it runs
        await house.StopBrokerAsync();
        await house.CopyAsync("restore", "copy", "restored");
        using (var broker = house.Run("Broker", "--dir", "restored"))
        {
            await broker.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(71, broker.ExitCode);
        }
        var before = Fingerprint(house.At("restored"));
        Assert.Equal(1, (int)(await CliProcess.AnswerAsync(house.Directory, "ledger", "verify", "restored", "--key", key))["size"]!);
        await SeenAsync(house);
        await RefusesAsync(house, 71, "shrunk from 2 entries to 1", "verify", "restored", "--key", key, "--since", "seen");
        await RefusesAsync(house, 64, "--since", "verify", "restored", "--key", key, "--witness", await WitnessAsync(house));
        foreach (var arguments in (string[][])[
            ["verify", "copy", "--key", key], ["verify", "broker", "--key", key, "--since", "seen"], ["replay", "restored", "--key", key], ["show", "0", "--ledger", "restored", "--key", key],
            ["prove", "0", "--ledger", "restored"], ["copy", "restored", "public"], ["verify", "public", "--key", key]])
            await house.MustAsync(0, ["ledger", .. arguments]);
        Assert.Equal(before, Fingerprint(house.At("restored")));
    }

    [Fact]
    public async Task What_was_rewritten_or_damaged_in_a_store_is_named_with_71()
    {
        await using var house = await House.BuildAsync();
        var key = await KeyAsync(house);
        await house.AsAsync(4, "ada", "publisher", "add", "later", "K.key.publisher.pub", "--yes");
        await house.StopBrokerAsync();
        var ledger = house.At("broker/ledger.db");
        Change(ledger, "UPDATE leaves SET entry = CAST(replace(CAST(entry AS TEXT), 'later', 'never') AS BLOB) WHERE idx = 1");
        await RefusesAsync(house, 71, "entry 1", "verify", "broker", "--key", key);
        await house.MustAsync(0, "ledger", "copy", "broker", "evidence"); // what an auditor is handed must be what stands there
        await RefusesAsync(house, 1, "entry 1", "verify", "evidence", "--key", key);
        Change(ledger, "DELETE FROM leaves WHERE idx = 1");
        await RefusesAsync(house, 71, "lost entries", "verify", "broker", "--key", key);
        await File.WriteAllTextAsync(ledger, "nothing of a database", TestContext.Current.CancellationToken);
        await RefusesAsync(house, 71, "not a database", "verify", "broker", "--key", key);
        File.Delete(ledger);
        await RefusesAsync(house, 66, "ledger.db", "verify", "broker", "--key", key);
    }

    private static async Task<string> KeyAsync(House house) =>
        (string)JsonNode.Parse(await File.ReadAllTextAsync(house.At("people/ada.json"), TestContext.Current.CancellationToken))!["ledger_key"]!;

    private static async Task<string> WitnessAsync(House house) =>
        (string)JsonNode.Parse(await File.ReadAllTextAsync(house.At("broker/broker.json"), TestContext.Current.CancellationToken))!["witnesses"]![0]!["key"]!;

    /// <summary>What the witness shows to everybody, in a file.</summary>
    private static async Task SeenAsync(House house)
    {
        using var http = new HttpClient();
        var origin = Convert.ToHexStringLower(SHA256.HashData("house.test/ledger"u8));
        await File.WriteAllTextAsync(house.At("seen"), await http.GetStringAsync(new Uri($"{house.WitnessUrl}/{origin}/checkpoint"), TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);
    }

    private static async Task RefusesAsync(House house, int code, string why, params string[] arguments)
    {
        var (exit, output, error) = await CliProcess.RunAsync(house.Directory, ["ledger", .. arguments]);
        Assert.True(code == exit, $"{string.Join(' ', arguments)} exited with {exit}: {error}");
        Assert.Empty(output);
        Assert.Contains(why, error, StringComparison.Ordinal);
    }

    private static string Fingerprint(string directory) => string.Join('\n', Directory.EnumerateFiles(directory).Order(StringComparer.Ordinal)
        .Select(file => $"{Path.GetFileName(file)} {File.GetLastWriteTimeUtc(file):O} {Digest.Of(File.ReadAllBytes(file))}"));

    private static void Change(string path, string sql)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        Assert.Equal(1, command.ExecuteNonQuery());
    }
}
