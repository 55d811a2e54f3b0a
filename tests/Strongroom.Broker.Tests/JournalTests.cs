using System.Net;
using Microsoft.Data.Sqlite;
using Strongroom.Broker.Storage;
using Strongroom.Broker.Tests.Release;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;

namespace Strongroom.Broker.Tests;

/// <summary>The one write path, when what it stands on gives way.</summary>
public sealed class JournalTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private TestBroker broker = null!;

    public async ValueTask InitializeAsync() => broker = await TestBroker.StartAsync();

    public ValueTask DisposeAsync() => broker.DisposeAsync();

    [Fact]
    public async Task Many_writers_get_different_places_and_all_of_them_stand()
    {
        var commands = Enumerable.Range(0, 64).Select(_ => broker.Ada.Sign(broker.Propose(broker.Ada, new SetGroups(broker.Ben.Id, [Groups.Administrators])))).ToList();
        foreach (var response in await Task.WhenAll(commands.Select(broker.SendAsync))) await TestBroker.MustAsync(HttpStatusCode.Accepted, response);
        Assert.Equal(64, broker.State.Access.Proposals.Count);
        await broker.StartAgainAsync();
        Assert.Equal(64, broker.State.Access.Proposals.Count);
    }

    [Fact]
    public async Task The_same_command_sent_at_once_by_many_is_written_once()
    {
        var signed = broker.Ada.Sign(broker.Propose(broker.Ada, new SetGroups(broker.Ben.Id, [Groups.Administrators])));
        var responses = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => broker.SendAsync(signed)));
        Assert.Single(responses, response => response.StatusCode == HttpStatusCode.Accepted);
        Assert.Equal(15, responses.Count(response => response.StatusCode == HttpStatusCode.Forbidden));
        Assert.Single(broker.State.Access.Proposals);
    }

    [Fact]
    public async Task While_the_witness_is_away_nothing_is_acknowledged_and_afterwards_the_ledger_goes_on()
    {
        var first = broker.Ada.Sign(broker.Propose(broker.Ada, new SetGroups(broker.Ben.Id, [Groups.Administrators])));
        var second = broker.Ada.Sign(broker.Propose(broker.Ada, new SetGroups(broker.Ben.Id, [Groups.Administrators])));
        broker.Witness.Away = true;
        await TestBroker.RefusedAsync("unavailable", await broker.SendAsync(first));
        broker.Witness.Away = false;
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await broker.SendAsync(second));
        // What was durable when the witness went is so, although nobody was told: once written, never unwritten.
        Assert.Contains("written once", await TestBroker.RefusedAsync("refused", await broker.SendAsync(first)), StringComparison.Ordinal);
        Assert.Equal(2, broker.State.Access.Proposals.Count);
    }

    [Fact]
    public async Task On_a_full_disk_the_write_fails_and_the_ledger_does_not()
    {
        var before = broker.State.Size;
        var store = (SqliteLedger)broker.Host.Ledger;
        store.Fill(true);
        var commands = Enumerable.Range(0, 200).Select(_ => broker.Ada.Sign(broker.Propose(broker.Ada, new SetGroups(broker.Ben.Id, [Groups.Administrators])))).ToList();
        var responses = await Task.WhenAll(commands.Select(broker.SendAsync));
        var failed = responses.Where(response => response.StatusCode == HttpStatusCode.ServiceUnavailable).ToList();
        Assert.NotEmpty(failed);
        foreach (var response in failed) await TestBroker.RefusedAsync("not-written", response);
        Assert.Equal(before + responses.Length - failed.Count, broker.State.Size); // what the pages at hand still took stands, the rest is nowhere
        store.Fill(false);
        var again = commands[Array.FindIndex(responses, response => response.StatusCode == HttpStatusCode.ServiceUnavailable)];
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await broker.SendAsync(again));
        await broker.StartAgainAsync();
        Assert.Equal(before + responses.Length - failed.Count + 1, broker.State.Size);
    }

    /// <summary>The write path is held for as long as the stranger takes: had what he sent a turn in it, he would never be answered.</summary>
    [Fact]
    public async Task What_strangers_send_is_refused_while_somebody_writes()
    {
        await using var scene = await ReleaseScene.StartAsync();
        using var enclave = HpkePrivateKey.Generate();
        using var written = new ManualResetEventSlim();
        var held = new TaskCompletionSource();
        var writing = Task.Run(() => scene.Broker.Host.Journal.WriteAsync((_, _) => { held.SetResult(); written.Wait(); return null; }, CancellationToken.None));
        await held.Task;
        try
        {
            var challenge = await scene.ChallengeAsync(enclave);
            await TestBroker.RefusedAsync("malformed", await scene.AnswerAsync(challenge.Id, [1, 2, 3]).WaitAsync(Patience));
            var stranger = new TestPerson();
            var unsigned = stranger.Sign(scene.Broker.Propose(scene.Broker.Ada, new SetGroups(scene.Xena.Id, [])));
            await TestBroker.RefusedAsync("refused", await scene.Broker.SendAsync(unsigned).WaitAsync(Patience));
        }
        finally
        {
            written.Set();
            await writing;
        }
    }

    [Fact]
    public async Task A_restored_backup_stops_the_broker()
    {
        await broker.EnrolAsync(Groups.Operators);
        await broker.StopAsync();
        var backup = File.ReadAllBytes(Path.Combine(broker.Directory, "ledger.db"));
        await broker.StartAgainAsync();
        await broker.EnrolAsync(Groups.Operators);
        await broker.StopAsync();
        broker.Write("ledger.db", backup);
        File.Delete(Path.Combine(broker.Directory, "ledger.db-wal"));
        var broken = await Assert.ThrowsAsync<LedgerBrokenException>(() => broker.StartAgainAsync());
        Assert.Equal(71, Failure.Of(broken, "broker").ExitCode);
    }

    /// <summary>Nodes and head stay as they were signed: only the entry itself tells a lie, and a broker that folded it would follow another's key.</summary>
    [Fact]
    public async Task An_entry_rewritten_in_the_store_stops_the_broker()
    {
        var person = await broker.EnrolAsync(Groups.Operators);
        var proposed = broker.State.Size - 2;
        await broker.StopAsync();
        using (var thief = Ed25519PrivateKey.FromSeed(Digest.Of("thief"u8).Span)) Rewrite(proposed, $"{person.Key.PublicKey}", $"{thief.PublicKey}");
        Assert.Contains("changed", (await Assert.ThrowsAsync<LedgerBrokenException>(() => broker.StartAgainAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_entry_that_is_no_record_any_more_stops_the_broker()
    {
        await broker.EnrolAsync(Groups.Operators);
        await broker.StopAsync();
        Rewrite(1, "trust/propose.v1", "trust/propose.v7");
        await Assert.ThrowsAsync<LedgerBrokenException>(() => broker.StartAgainAsync());
    }

    [Fact]
    public async Task Another_genesis_stops_the_broker()
    {
        await broker.StopAsync();
        var genesis = (Genesis)LedgerRecord.Parse(File.ReadAllBytes(Path.Combine(broker.Directory, "genesis.json")));
        broker.Write("genesis.json", (genesis with { At = genesis.At.AddSeconds(1) }).ToEntry());
        await Assert.ThrowsAsync<LedgerBrokenException>(() => broker.StartAgainAsync());
    }

    [Fact]
    public async Task Records_are_never_older_than_the_one_before_even_if_the_clock_goes_back()
    {
        await broker.EnrolAsync(Groups.Operators);
        var before = broker.State.At;
        broker.Clock.Wind(TimeSpan.FromMinutes(-2));
        await broker.EnrolAsync(Groups.Operators);
        Assert.Equal(before, broker.State.At);
    }

    private void Rewrite(long index, string from, string to)
    {
        using var database = new SqliteConnection($"Data Source={Path.Combine(broker.Directory, "ledger.db")};Pooling=False");
        database.Open();
        using var command = database.CreateCommand();
        command.CommandText = "UPDATE leaves SET entry = CAST(replace(CAST(entry AS TEXT), $from, $to) AS BLOB) WHERE idx = $index";
        command.Parameters.AddWithValue("$from", from);
        command.Parameters.AddWithValue("$to", to);
        command.Parameters.AddWithValue("$index", index);
        Assert.Equal(1, command.ExecuteNonQuery());
    }
}
