using System.Diagnostics;

namespace Strongroom.Broker.Tests;

/// <summary>The built program in a process of its own, as a user starts it.</summary>
internal sealed class BrokerProcess : IAsyncDisposable
{
    private readonly Process process;

    private BrokerProcess(Process process) => this.process = process;

    public Uri Address { get; private set; } = null!;

    public int Id => process.Id;

    public static BrokerProcess Run(params IEnumerable<string> line)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])[Path.Combine(AppContext.BaseDirectory, "Strongroom.Broker.dll"), .. line]) start.ArgumentList.Add(argument);
        start.Environment.Remove("DOTNET_EnableDiagnostics"); // the program has to switch it off by itself
        start.Environment["DOTNET_STARTUP_HOOKS"] = "/nonexistent/hook.dll";
        return new(Process.Start(start)!);
    }

    /// <summary>Runs it until it listens.</summary>
    public static async Task<BrokerProcess> StartAsync(string directory, params IEnumerable<string> more)
    {
        var broker = Run(["--dir", directory, "--listen", "127.0.0.1:0", .. more]);
        var line = await broker.process.StandardOutput.ReadLineAsync() ?? "";
        const string before = " listens on ";
        if (!line.Contains(before, StringComparison.Ordinal)) Assert.Fail(line + await broker.process.StandardError.ReadToEndAsync());
        broker.Address = new(line[(line.IndexOf(before, StringComparison.Ordinal) + before.Length)..].Split(' ')[0]);
        return broker;
    }

    /// <summary>SIGKILL: it is told nothing.</summary>
    public async Task KillAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
    }

    public async Task<(int Code, string Error)> ExitAsync()
    {
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, error);
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited) await KillAsync();
        process.Dispose();
    }
}
