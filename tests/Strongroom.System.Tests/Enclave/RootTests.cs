using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;

namespace Strongroom.System.Tests.Enclave;

/// <summary>What root, beside a running enclave, gets by the kernel's and the debugger's own means.</summary>
public sealed class RootTests
{
    [Fact]
    public async Task Finds_no_weight_and_no_key_in_memory_when_ready_and_while_generating()
    {
        RequireRoot();
        await using var setup = await EnclaveSetup.CreateAsync();
        setup.Broker.PendingAnswers = int.MaxValue;
        using var enclave = setup.Run();
        await enclave.ExpectAsync("pending");
        var search = MemorySearch.For(setup);
        Assert.Empty(search.InProcess(enclave.Id)); // the HPKE key, which it needs until then
        setup.Broker.PendingAnswers = 0;
        var ready = await enclave.ExpectAsync("ready");
        Assert.Empty(search.InProcess(enclave.Id));
        Assert.True(search.Unreadable > 0, "no mapping was secret");

        using var client = enclave.Client((string)ready["address"]!);
        using var stop = new CancellationTokenSource();
        var generating = GenerateAsync(client, stop.Token);
        Assert.Empty(search.InProcess(enclave.Id));
        Assert.Empty(search.InProcess(GuardianOf(enclave.Id)));
        await stop.CancelAsync();
        Assert.True(await generating > 0, "nothing was generated during the search");
    }

    [Fact]
    public async Task Finds_no_weight_and_no_key_in_any_file_that_the_enclave_could_have_written()
    {
        RequireRoot();
        if ((await RunAsync("unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt")).Length > 0) Assert.Skip("no file systems can be mounted here");
        await using var setup = await EnclaveSetup.CreateAsync();
        using var enclave = setup.RunConfined();
        var ready = await enclave.ExpectAsync("ready");
        using var client = enclave.Client((string)ready["address"]!);
        await client.PostAsJsonAsync("v1/completions", new { model = "tiny", prompt = "Once", max_tokens = 200 }, TestContext.Current.CancellationToken);
        var search = MemorySearch.For(setup);
        var written = MemorySearch.Written(enclave.Id).ToList();
        Assert.Contains(written, path => path.EndsWith("state/enclave.crt", StringComparison.Ordinal)); // it does see what the enclave writes
        Assert.Empty(search.InFiles(written));
        await RunAsync("kill", "-TERM", $"{enclave.Id}");
        Assert.Equal(0, await enclave.ExitAsync());
        Assert.Empty(search.InFiles(Directory.EnumerateFiles(setup.Directory, "*", SearchOption.AllDirectories)));
    }

    [Fact]
    public async Task Would_find_weights_and_keys_if_they_lay_in_memory_that_the_kernel_reads()
    {
        RequireRoot();
        await using var setup = await EnclaveSetup.CreateAsync();
        setup.Broker.PendingAnswers = int.MaxValue;
        using var enclave = setup.Run(("memory", "locked"));
        await enclave.ExpectAsync("pending");
        // The same search, the same program: only the kind of memory differs.
        var search = MemorySearch.For(setup);
        Assert.Equal(["HPKE key", "TLS key"], search.InProcess(enclave.Id));
        setup.Broker.PendingAnswers = 0;
        await enclave.ExpectAsync("ready");
        var found = search.InProcess(enclave.Id);
        Assert.Contains(found, each => each.StartsWith("tensor", StringComparison.Ordinal));
        Assert.Contains("TLS key", found);
        Assert.DoesNotContain("HPKE key", found); // wiped when it had opened the file keys, and those when they had opened the files
        Assert.DoesNotContain(found, each => each.StartsWith("file keys", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Cannot_attach_a_debugger_to_enclave_or_guardian()
    {
        RequireRoot();
        await using var setup = await EnclaveSetup.CreateAsync();
        using var enclave = setup.Run();
        await enclave.ExpectAsync("ready");
        foreach (var process in (int[])[enclave.Id, GuardianOf(enclave.Id)])
        {
            Assert.Contains("Operation not permitted", await RunAsync("gdb", "-p", $"{process}", "-batch", "-ex", "info threads"));
            Assert.Contains("not permitted", await RunAsync("strace", "-f", "-p", $"{process}"));
        }
        Assert.False(enclave.Process.HasExited);
    }

    [Fact]
    public async Task Gets_no_core_dump()
    {
        RequireRoot();
        await using var setup = await EnclaveSetup.CreateAsync();
        using var enclave = setup.Run();
        await enclave.ExpectAsync("ready");
        var core = Path.Combine(setup.Directory, "core");
        await RunAsync("gcore", "-o", core, $"{enclave.Id}");
        Assert.Contains(File.ReadLines($"/proc/{enclave.Id}/limits"), line => line.StartsWith("Max core file size", StringComparison.Ordinal) && line.Contains(" 0 "));
        // The runtime's handler takes the first and steps aside; the second has the kernel's own effect, which is to dump and die.
        await RunAsync("kill", "-ABRT", $"{enclave.Id}");
        while (!enclave.Process.HasExited) await RunAsync("kill", "-ABRT", $"{enclave.Id}");
        Assert.NotEqual(0, await enclave.ExitAsync());
        Assert.Empty(Directory.EnumerateFiles(setup.Directory, "core*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Ends_the_enclave_by_killing_its_guardian()
    {
        RequireRoot();
        await using var setup = await EnclaveSetup.CreateAsync();
        using var enclave = setup.Run();
        await enclave.ExpectAsync("ready");
        Process.GetProcessById(GuardianOf(enclave.Id)).Kill();
        Assert.Equal(128 + 9, await enclave.ExitAsync());
    }

    /// <summary>
    /// Each of the two lets the other's threads run. A guardian that waits for a thread of its own to start waits for the enclave, which may wait for the guardian for
    /// the same reason: both stood still for ever, weights and all.
    /// </summary>
    [Fact]
    public async Task No_signal_makes_the_guardian_start_a_thread()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        using var enclave = setup.Run();
        await enclave.ExpectAsync("ready");
        for (var round = 0; round < 10; round++)
        {
            await RunAsync("sh", "-c", $"for i in 1 2 3 4 5 6 7 8; do kill -WINCH {enclave.Id}; done");
            Assert.Equal([".NET Finalizer", ".NET SynchManag", "exe", "tracer"], ThreadsOf(GuardianOf(enclave.Id)));
        }
    }

    [Fact]
    public async Task Cannot_stop_the_clock_of_a_lease_by_stopping_the_process()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        setup.Broker.LeaseSeconds = 6;
        setup.Broker.Renew = () => throw new InvalidOperationException("away");
        using var enclave = setup.Run();
        await enclave.ExpectAsync("ready");
        await RunAsync("kill", "-STOP", $"{enclave.Id}");
        Assert.Contains("the lease ended", (string)(await enclave.ExpectAsync("ended"))["reason"]!);
    }

    [Fact]
    public async Task Finds_no_diagnostics_socket_and_loads_no_startup_hook()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        var marker = Path.Combine(setup.Directory, "hooked");
        (string, string)[] hook = [("DOTNET_STARTUP_HOOKS", typeof(StartupHook).Assembly.Location), ("STRONGROOM_HOOK_MARKER", marker), ("DOTNET_EnableDiagnostics", "1")];
        using (var other = EnclaveProcess.Start(setup.State, [], [.. hook, ("DOTNET_System_StartupHookProvider_IsSupported", "1")])) await other.ExitAsync();
        Assert.False(File.Exists(marker), "a start without arguments loaded the hook");

        using var enclave = EnclaveProcess.Start(setup.State, setup.Arguments(), hook);
        await enclave.ExpectAsync("ready");
        Assert.False(File.Exists(marker), "the enclave loaded the hook");
        Assert.Empty(Directory.EnumerateFiles(Path.GetTempPath(), $"dotnet-diagnostic-{enclave.Id}-*"));
        Assert.Empty(Directory.EnumerateFiles(Path.GetTempPath(), $"clr-debug-pipe-{enclave.Id}-*"));
        Assert.DoesNotContain("HOOK", File.ReadAllText($"/proc/{enclave.Id}/environ"));
    }

    [Fact]
    public async Task The_startup_hook_of_that_test_does_run_in_a_program_that_allows_it()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        var marker = Path.Combine(setup.Directory, "hooked");
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Strongroom.Cli.dll"), "--help"]) { RedirectStandardOutput = true };
        start.Environment["DOTNET_STARTUP_HOOKS"] = typeof(StartupHook).Assembly.Location;
        start.Environment["STRONGROOM_HOOK_MARKER"] = marker;
        using var process = Process.Start(start)!;
        await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(File.Exists(marker));
    }

    private static async Task<int> GenerateAsync(HttpClient client, CancellationToken stop)
    {
        var count = 0;
        while (!stop.IsCancellationRequested)
        {
            var response = await client.PostAsJsonAsync("v1/completions", new { model = "tiny", prompt = "Once", max_tokens = 200 }, CancellationToken.None);
            response.EnsureSuccessStatusCode();
            count++;
        }
        return count;
    }

    private static List<string> ThreadsOf(int process) =>
        [.. Directory.EnumerateDirectories($"/proc/{process}/task").Select(thread => File.ReadAllText(Path.Combine(thread, "comm")).TrimEnd()).Order(StringComparer.Ordinal)];

    private static int GuardianOf(int enclave) =>
        int.Parse(File.ReadLines($"/proc/{enclave}/task/{enclave}/children").First().Split(' ')[0], global::System.Globalization.CultureInfo.InvariantCulture);

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        Process? process = null;
        try
        {
            process = Process.Start(start);
        }
        catch (global::System.ComponentModel.Win32Exception)
        {
            Assert.Skip($"{program} is not here: install it (./test does)");
        }
        using (process)
        {
            var (output, error) = (process!.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return await output + await error;
        }
    }

    private static void RequireRoot() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "the attacker of this test is root: run it as root");
}
