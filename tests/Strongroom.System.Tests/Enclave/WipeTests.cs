using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Strongroom.System.Tests.Enclave;

/// <summary>
/// What root finds between an enclave's last wipe and its exit. Its standard output is a full pipe that nobody reads, so it hangs on its last words; its
/// memory is of the kind that root can read.
/// </summary>
public sealed class WipeTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("SIGTERM", 0)]
    [InlineData("revoked: rack opened", 1)]
    [InlineData("the lease ended", 1)]
    public async Task Has_left_no_weight_and_no_key_when_it_says_that_it_ended(string reason, int code)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "the attacker of this test is root: run it as root");
        await using var setup = await EnclaveSetup.CreateAsync();
        // Renewed until the test is ready to see it end, however long a busy machine takes until then.
        var isAway = false;
        if (reason == "the lease ended") (setup.Broker.LeaseSeconds, setup.Broker.Renew) = (20, () => Volatile.Read(ref isAway) ? throw new InvalidOperationException("away") : 20);
        var path = Path.Combine(setup.Directory, "said");
        await RunAsync("mkfifo", path);
        await using var pipe = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        using var enclave = Process.Start("sh", ["-c", "exec dotnet \"$@\" > \"$0\" 2> \"$0.error\"", path, EnclaveProcess.Program, .. setup.Arguments(("memory", "locked"))]);
        try
        {
            using var said = new StreamReader(pipe);
            await ReadToAsync(said, "ready");
            var search = MemorySearch.For(setup);
            Assert.Contains(search.InProcess(enclave.Id, withKeys: false), found => found.StartsWith("tensor", StringComparison.Ordinal));

            await FillAsync(pipe);
            if (reason == "SIGTERM") await RunAsync("kill", "-TERM", $"{enclave.Id}");
            Volatile.Write(ref isAway, true);
            if (code == 1 && reason != "the lease ended") setup.Broker.Revoke("rack opened");
            var since = Stopwatch.StartNew();
            while (search.InProcess(enclave.Id, withKeys: false).Count > 0) Assert.True(since.Elapsed < Patience, "the weights are still there");
            while (search.InProcess(enclave.Id) is { Count: > 0 } found) Assert.True(since.Elapsed < 2 * Patience, string.Join(", ", found));
            Assert.False(enclave.HasExited, "it said its last words to nobody");

            Assert.Contains(reason, (string)(await ReadToAsync(said, "ended"))["reason"]!);
            await enclave.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(code, enclave.ExitCode);
        }
        catch (Exception e) when (enclave.HasExited)
        {
            Assert.Fail($"{e.Message}; it exited with {enclave.ExitCode} and said {await File.ReadAllTextAsync(path + ".error", TestContext.Current.CancellationToken)}");
        }
        finally
        {
            if (!enclave.HasExited) enclave.Kill();
        }
    }

    private static async Task<JsonObject> ReadToAsync(StreamReader said, string name)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        while (true)
        {
            // No end of file comes while the test itself could write, and a read of a pipe hears of no cancellation: so the wait for it must.
            var line = await said.ReadLineAsync(CancellationToken.None).AsTask().WaitAsync(patience.Token) ?? throw new EndOfStreamException();
            if (line.StartsWith('{') && JsonNode.Parse(line)!.AsObject() is var each && (string?)each["event"] == name) return each;
        }
    }

    /// <summary>Sixteen pages, which is what an empty pipe holds (pipe(7)); the last byte ends a line.</summary>
    private static async Task FillAsync(FileStream pipe)
    {
        var page = new byte[4096];
        page.AsSpan().Fill((byte)' ');
        page[^1] = (byte)'\n';
        for (var i = 0; i < 16; i++) await pipe.WriteAsync(page, TestContext.Current.CancellationToken);
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
    }
}
