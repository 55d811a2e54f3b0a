using System.Diagnostics;

namespace Strongroom.Broker.Tests;

/// <summary>The built program in a process of its own, as a user starts it.</summary>
internal sealed class BrokerProcess : IAsyncDisposable
{
    private readonly Process process;

    private BrokerProcess(Process process) => this.process = process;

    public Uri Address { get; private set; } = null!;

    public int Id => process.Id;

    public static BrokerProcess Run(params IEnumerable<string> line) => Run("dotnet", [Program, .. line]);

    public static string Program => Path.Combine(AppContext.BaseDirectory, "Strongroom.Broker.dll");

    private static BrokerProcess Run(string program, IEnumerable<string> line)
    {
        var start = new ProcessStartInfo(program, line) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment.Remove("DOTNET_EnableDiagnostics"); // the program has to switch it off by itself
        start.Environment["DOTNET_STARTUP_HOOKS"] = "/nonexistent/hook.dll";
        return new(Process.Start(start)!);
    }

    /// <summary>Runs it until it listens.</summary>
    public static Task<BrokerProcess> StartAsync(string directory, params IEnumerable<string> more) =>
        ListeningAsync(Run(["--dir", directory, "--listen", "127.0.0.1:0", .. more]));

    /// <summary>As <see cref="StartAsync"/>, under strace, which writes what goes to files and sockets into <paramref name="trace"/> and ends with the broker.</summary>
    public static Task<BrokerProcess> StartTracedAsync(string trace, string directory, params IEnumerable<string> more) => ListeningAsync(Run("strace",
    [
        "-f", "-yy", "-qq", "-o", trace, "-s", "0", "-e", "trace=pwrite64,fdatasync,fsync,write,writev,sendto,sendmsg,read,recvfrom,recvmsg",
        "dotnet", Program, "--dir", directory, "--listen", "127.0.0.1:0", .. more,
    ]));

    private static async Task<BrokerProcess> ListeningAsync(BrokerProcess broker)
    {
        var line = await broker.process.StandardOutput.ReadLineAsync() ?? "";
        const string before = " listens on ";
        if (!line.Contains(before, StringComparison.Ordinal)) Assert.Fail(line + await broker.process.StandardError.ReadToEndAsync());
        broker.Address = new(line[(line.IndexOf(before, StringComparison.Ordinal) + before.Length)..].Split(' ')[0]);
        return broker;
    }

    /// <summary>SIGKILL: it is told nothing. A tracer outlives it and finishes its file.</summary>
    public async Task KillAsync()
    {
        if (process.ProcessName == "strace")
        {
            foreach (var child in (await File.ReadAllTextAsync($"/proc/{Id}/task/{Id}/children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                using var traced = Process.GetProcessById(int.Parse(child));
                traced.Kill();
            }
        }
        else
        {
            process.Kill();
        }
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
