using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Strongroom.Broker.Tests.Release;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Ledger;
using Strongroom.Protocol;

namespace Strongroom.Broker.Tests;

/// <summary>The broker as a process: killed, spied on, started on what is not its own.</summary>
public sealed class ProgramTests : IAsyncLifetime
{
    private ReleaseScene scene = null!;
    private WebApplication witness = null!;

    private TestBroker Broker => scene.Broker;

    private string WitnessUrl => witness.Urls.Single();

    public async ValueTask InitializeAsync()
    {
        scene = await ReleaseScene.StartAsync(now: true);
        witness = await Broker.Witness.ListenAsync();
        await Broker.StopAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await witness.DisposeAsync();
        await scene.DisposeAsync();
    }

    /// <summary>No acknowledged entry lost, no fork (the witness would say so), no release without its record.</summary>
    [Fact]
    public async Task Killed_at_any_instant_under_load_it_keeps_every_word_it_gave()
    {
        var rounds = Environment.GetEnvironmentVariable("STRONGROOM_LONG") is null ? 30 : 200;
        var instants = new Random(20261121);
        var (told, released, keys) = (new ConcurrentDictionary<long, string>(), new ConcurrentBag<GrantReply>(), 0);
        for (var round = 0; round < rounds; round++)
        {
            await using (var process = await BrokerProcess.StartAsync(Broker.Directory, "--witness", WitnessUrl, "--danger-development-evidence"))
            {
                Broker.Clock.SetToNow();
                Broker.Attach(process.Address);
                // The instant is counted in answers, not in time, so that a slow machine is killed while it works too.
                var left = instants.Next(1, 40);
                var enough = new TaskCompletionSource();
                void Answered() { if (Interlocked.Decrement(ref left) == 0) enough.SetResult(); }
                var load = Enumerable.Range(0, 6).Select(worker => worker % 2 == 0 ? ProposeAsync(told, Answered) : ReleaseAsync(told, released, Answered)).ToList();
                await Task.WhenAny([enough.Task, .. load]);
                await process.KillAsync();
                await Task.WhenAll(load);
                Assert.True(enough.Task.IsCompletedSuccessfully, "the load stopped before the broker was killed");
            }
            keys += released.Count;
            await CheckAsync(told, released);
        }
        Assert.True(keys > rounds / 3, $"only {keys} keys were released: the load does not test what it should");
    }

    [Fact]
    public async Task A_restored_backup_ends_it_with_71()
    {
        var ledger = Path.Combine(Broker.Directory, "ledger.db");
        var backup = await File.ReadAllBytesAsync(ledger);
        await Broker.StartAgainAsync();
        await Broker.EnrolAsync("visitors");
        await Broker.StopAsync();
        Broker.Write("ledger.db", backup);
        await using var process = BrokerProcess.Run("--dir", Broker.Directory, "--witness", WitnessUrl, "--danger-development-evidence");
        var (code, error) = await process.ExitAsync();
        Assert.Equal(71, code);
        Assert.Contains("old copy", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_witness_that_sends_it_elsewhere_is_not_followed()
    {
        await using var process = BrokerProcess.Run("--dir", Broker.Directory, "--witness", WitnessUrl + "/moved", "--danger-development-evidence");
        Assert.Equal(3, (await process.ExitAsync().WaitAsync(TimeSpan.FromMinutes(1))).Code);
    }

    [Fact]
    public async Task Nobody_talks_to_its_runtime()
    {
        // BrokerProcess also sets a start-up hook that does not exist: had the runtime looked for it, the program would not be running.
        await using var process = await BrokerProcess.StartAsync(Broker.Directory, "--witness", WitnessUrl, "--danger-development-evidence");
        Assert.Empty(Directory.GetFiles(Path.GetTempPath(), $"dotnet-diagnostic-{process.Id}-*"));
        Assert.DoesNotContain($"dotnet-diagnostic-{process.Id}-", await File.ReadAllTextAsync("/proc/net/unix"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_it_writes_is_its_own_users_alone()
    {
        foreach (var file in Directory.GetFiles(Broker.Directory, "names.db*")) File.Delete(file);
        await using var process = await BrokerProcess.StartAsync(Broker.Directory, "--witness", WitnessUrl, "--danger-development-evidence");
        Assert.All(Directory.GetFiles(Broker.Directory, "names.db*"), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
    }

    [Theory]
    [InlineData(64)]
    [InlineData(66, "--dir", "/nonexistent")]
    [InlineData(64, "--dir", "{dir}", "--witness", "{witness}", "--custody", "nowhere:", "--danger-development-evidence")]
    [InlineData(3, "--dir", "{dir}", "--witness", "http://127.0.0.1:1", "--danger-development-evidence")]
    public async Task Ends_with_a_code_that_says_whose_fault_it_was(int code, params string[] line)
    {
        await using var process = BrokerProcess.Run([.. line.Select(word => word.Replace("{dir}", Broker.Directory, StringComparison.Ordinal).Replace("{witness}", WitnessUrl, StringComparison.Ordinal))]);
        Assert.Equal(code, (await process.ExitAsync()).Code);
    }

    private async Task ProposeAsync(ConcurrentDictionary<long, string> told, Action answered)
    {
        try
        {
            while (true) await TellAsync(Broker.Ada, Broker.Propose(Broker.Ada, new SetGroups(scene.Xena.Id, ["security"])), told, answered);
        }
        catch (HttpRequestException)
        {
            // killed
        }
    }

    /// <summary>Opens a request, has it approved by two, and takes the key: four answers, the last of which must never be given without its record.</summary>
    private async Task ReleaseAsync(ConcurrentDictionary<long, string> told, ConcurrentBag<GrantReply> released, Action answered)
    {
        try
        {
            while (true)
            {
                var request = scene.NewRequest();
                await TellAsync(scene.Requester, request, told, answered);
                await TellAsync(scene.Xena, scene.Approval(scene.Xena, request), told, answered);
                await TellAsync(scene.Yuri, scene.Approval(scene.Yuri, request), told, answered);
                using var enclave = HpkePrivateKey.Generate();
                var challenge = await scene.ChallengeAsync(enclave, request: Ids.Request(request));
                var response = await scene.AnswerAsync(challenge.Id, scene.Machine.Evidence(challenge.Transcript));
                var grant = await TestBroker.MustAsync(HttpStatusCode.OK, response, ProtocolJson.Default.GrantReply);
                scene.Open(grant, enclave).Dispose();
                released.Add(grant);
                answered();
            }
        }
        catch (HttpRequestException)
        {
            // killed
        }
    }

    private async Task TellAsync(TestPerson person, Command command, ConcurrentDictionary<long, string> told, Action answered)
    {
        var response = await Broker.SendAsync(person.Sign(command));
        if (!response.IsSuccessStatusCode) Assert.Fail(await response.Content.ReadAsStringAsync());
        var reply = await TestBroker.MustAsync(response.StatusCode, response, ProtocolJson.Default.CommandReply);
        Assert.True(told.TryAdd(reply.Index, command.Id), $"entry {reply.Index} was given away twice");
        answered();
    }

    /// <summary>Opens the store as the next start would, its witness included, and looks for everything that anybody was told.</summary>
    private async Task CheckAsync(ConcurrentDictionary<long, string> told, ConcurrentBag<GrantReply> released)
    {
        await Broker.StartAgainAsync();
        foreach (var (index, id) in told.ToArray())
        {
            var record = Assert.IsType<CommandRecord>(await Broker.EntryAsync(index));
            Assert.Equal(id, record.Command.Id);
        }
        foreach (var grant in released)
        {
            var receipt = LedgerReceipt.Check(grant.Entry, grant.Proof, Broker.Host.Ledger.Trust);
            Assert.Equal(grant.Entry.ToArray(), (await Broker.EntryAsync(receipt.Index)).ToEntry());
        }
        await Broker.StopAsync();
        released.Clear();
        told.Clear();
    }
}
