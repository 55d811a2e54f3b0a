using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Strongroom.System.Tests;

/// <summary><c>./strongroom</c> in a checkout of its own, with an SDK that only pretends to build.</summary>
public sealed class LauncherTests : IDisposable
{
    private readonly string checkout = Directory.CreateTempSubdirectory("strongroom-launcher-").FullName;

    public LauncherTests()
    {
        foreach (var name in new[] { "scripts", "src", "docs", "bin" }) Directory.CreateDirectory(At(name));
        foreach (var name in new[] { "strongroom", "scripts/sdk.sh", "global.json" }) File.Copy(Path.Combine(Repository(), name), At(name));
        File.WriteAllText(At("src/Program.cs"), "");
        File.WriteAllText(At("docs/problems.md"), "");
        File.WriteAllText(At("Directory.Build.props"), "");
    }

    public void Dispose()
    {
        if (File.Exists(At("server"))) Process.GetProcessById(int.Parse(File.ReadAllText(At("server")))).Kill();
        Directory.Delete(checkout, recursive: true);
    }

    [Fact]
    public async Task Builds_again_though_the_compilers_server_of_the_first_build_still_runs()
    {
        Sdk($"[ -e {At("server")} ] || {{ tail -f /dev/null & echo $! > {At("server")}; }}");
        Assert.Equal((0, "ran\n"), await RunAsync(output: true));
        File.SetLastWriteTimeUtc(At("src/Program.cs"), DateTime.UtcNow.AddHours(1));
        Assert.Equal((0, "ran\n"), await RunAsync(output: true));
        Assert.Equal(8, File.ReadAllLines(At("builds")).Length);
    }

    [Fact]
    public async Task Builds_once_for_sources_that_stay_as_they_are()
    {
        Sdk("");
        await RunAsync();
        await RunAsync();
        Assert.Equal(4, File.ReadAllLines(At("builds")).Length);
    }

    [Fact]
    public async Task Builds_again_for_the_page_that_the_broker_carries()
    {
        Sdk("");
        await RunAsync();
        File.SetLastWriteTimeUtc(At("docs/problems.md"), DateTime.UtcNow.AddHours(1));
        await RunAsync();
        Assert.Equal(8, File.ReadAllLines(At("builds")).Length);
    }

    [Theory]
    [InlineData("echo 'Program.cs(1,1): error CS0001: no'; exit 1", "error CS0001")]
    [InlineData("echo 'Process terminated.'; exit 134", "Process terminated.")]
    public async Task Says_why_a_build_failed_whatever_it_printed(string build, string expected)
    {
        Sdk(build);
        var (code, error) = await RunAsync();
        Assert.Equal(70, code);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Equal(70, (await RunAsync()).Code); // and does not take it for built
    }

    [Theory]
    [InlineData("")]
    [InlineData("#!/bin/bash\necho 'A compatible .NET SDK was not found.'\nexit 145\n")]
    public async Task Without_an_SDK_of_this_version_says_what_to_install(string dotnet)
    {
        if (dotnet.Length > 0) Program(dotnet);
        var (code, error) = await RunAsync();
        Assert.Equal(3, code);
        Assert.Contains(".NET 10 SDK", error, StringComparison.Ordinal);
    }

    private string At(string name) => Path.Combine(checkout, name);

    private void Sdk(string build) => Program(
        $"#!/bin/bash\ncase $1 in --version) echo 10.0.100 ;; build) echo built >> {At("builds")}; {build} ;; *) echo ran ;; esac\n");

    private void Program(string text)
    {
        File.WriteAllText(At("bin/dotnet"), text);
        File.SetUnixFileMode(At("bin/dotnet"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>The exit code, and standard error or output; a launcher that hangs is ended after half a minute.</summary>
    private async Task<(int Code, string Said)> RunAsync(bool output = false)
    {
        foreach (var tool in new[] { "bash", "env", "dirname", "readlink", "find", "mkdir", "flock", "touch", "mv", "grep", "sort", "head", "tail" })
            if (!File.Exists(At("bin/" + tool))) File.CreateSymbolicLink(At("bin/" + tool), "/usr/bin/" + tool); // a machine's PATH may have a real dotnet
        var start = new ProcessStartInfo("/usr/bin/bash", [At("strongroom"), "--version"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = At("bin");
        using var process = Process.Start(start)!;
        var (said, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(30));
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
        return (process.ExitCode, await (output ? said : error));
    }

    private static string Repository([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../.."));
}
