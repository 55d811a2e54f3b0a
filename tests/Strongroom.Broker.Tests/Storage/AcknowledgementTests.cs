using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Strongroom.Broker.Tests.Release;
using Strongroom.Facts;

namespace Strongroom.Broker.Tests.Storage;

/// <summary>The whole broker, watched from outside: what it has written to its disk before it says yes on the wire.</summary>
public sealed partial class AcknowledgementTests : IAsyncLifetime
{
    private const int Commands = 12;

    private ReleaseScene scene = null!;
    private WebApplication witness = null!;

    public async ValueTask InitializeAsync()
    {
        scene = await ReleaseScene.StartAsync(now: true);
        witness = await scene.Broker.Witness.ListenAsync();
        await scene.Broker.StopAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await witness.DisposeAsync();
        await scene.DisposeAsync();
    }

    [Fact]
    public async Task The_ledger_is_synced_before_the_answer_leaves_for_the_client()
    {
        if (!File.Exists("/usr/bin/strace")) Assert.Skip("strace is not here: apt-get install strace");
        var trace = Path.Combine(scene.Broker.Directory, "trace");
        await using (var process = await BrokerProcess.StartTracedAsync(
            trace, scene.Broker.Directory, "--witness", witness.Urls.Single(), "--danger-development-evidence"))
        {
            scene.Broker.Clock.SetToNow();
            scene.Broker.Attach(process.Address); // one client that waits for each answer: one connection
            await scene.Broker.Client.GetStringAsync("/health"); // the handshake's last words leave before the first answer does
            for (var i = 0; i < Commands; i++)
            {
                var command = scene.Broker.Propose(scene.Broker.Ada, new SetGroups(scene.Xena.Id, ["security"]));
                await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.Broker.SendAsync(scene.Broker.Ada.Sign(command)));
            }
        }
        Assert.Equal(Commands, Acknowledged(await File.ReadAllLinesAsync(trace), scene.Broker.Client.BaseAddress!.Port));
    }

    /// <summary>
    /// The answers, on sockets of the broker's port, to requests that wrote to the ledger's log. Each must come after a sync that came after the last write; an
    /// answer that came before its write would not be counted.
    /// </summary>
    private static int Acknowledged(IEnumerable<string> trace, int port)
    {
        var (asked, written, synced, acknowledged) = (false, false, false, 0);
        foreach (var call in Calls(trace))
        {
            if (Received().Match(call) is { Success: true } received && received.Groups[1].Value == $"{port}") (asked, written, synced) = (true, false, false);
            else if (LogWrite().IsMatch(call)) (written, synced) = (true, false);
            else if (LogSync().IsMatch(call)) synced = true;
            else if (asked && Sent().Match(call) is { Success: true } sent && sent.Groups[1].Value == $"{port}")
            {
                if (written) acknowledged++;
                Assert.True(!written || synced, $"answered before the ledger was synced: {call}");
                asked = false;
            }
        }
        return acknowledged;
    }

    /// <summary>
    /// One line for each system call. strace cuts a call in two when another thread runs meanwhile: what is sent counts from its beginning, all else only once it is done.
    /// </summary>
    private static IEnumerable<string> Calls(IEnumerable<string> trace)
    {
        var begun = new Dictionary<string, string>();
        foreach (var line in trace)
        {
            var (thread, call) = (line[..line.IndexOf(' ')], line[line.IndexOf(' ')..].TrimStart());
            if (call.EndsWith("<unfinished ...>", StringComparison.Ordinal))
            {
                if (Sent().IsMatch(call)) yield return call;
                else begun[thread] = call[..^"<unfinished ...>".Length];
            }
            else if (Resumed().Match(call) is { Success: true } resumed)
            {
                if (begun.Remove(thread, out var beginning)) yield return beginning + call[resumed.Length..];
            }
            else
            {
                yield return call;
            }
        }
    }

    [GeneratedRegex(@"^pwrite64\(\d+<[^>]*ledger\.db-wal>")]
    private static partial Regex LogWrite();

    [GeneratedRegex(@"^f(?:data)?sync\(\d+<[^>]*ledger\.db-wal>.*= 0$")]
    private static partial Regex LogSync();

    [GeneratedRegex(@"^(?:recvmsg|recvfrom|read)\(\d+<TCP(?:v6)?:\[[^\]]*?:(\d+)->.*= [1-9]\d*$")]
    private static partial Regex Received();

    [GeneratedRegex(@"^(?:sendmsg|sendto|write|writev)\(\d+<TCP(?:v6)?:\[[^\]]*?:(\d+)->")]
    private static partial Regex Sent();

    [GeneratedRegex(@"^<\.\.\. \w+ resumed>")]
    private static partial Regex Resumed();
}
