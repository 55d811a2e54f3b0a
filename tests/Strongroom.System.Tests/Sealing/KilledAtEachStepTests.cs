using System.Diagnostics;
using Strongroom.Bytes;
using Strongroom.Cli.Sealing;
using Strongroom.Crypto;
using Strongroom.Keys;

namespace Strongroom.System.Tests.Sealing;

/// <summary>
/// strace kills the program (SIGKILL) at each of its calls that change the file system, before the kernel makes the change: what a user finds after each,
/// and how they go on.
/// </summary>
public sealed class KilledAtEachStepTests : IDisposable
{
    private const string Changes = "mkdir,mkdirat,link,linkat,rename,renameat,renameat2,unlink,unlinkat,rmdir,ftruncate,pwrite64,pwritev";

    private readonly SealedWorkspace workspace = new();

    public KilledAtEachStepTests()
    {
        if (!File.Exists("/usr/bin/strace")) Assert.Skip("strace is not here: apt-get install strace");
    }

    public void Dispose() => workspace.Dispose();

    [Fact]
    public async Task A_sealing_looks_unfinished_and_is_resumed_or_begun_again()
    {
        string[] seal = ["seal", "model", "sealed", "--custody", "file:K.key", "--name", "model", "--version", "1"];
        var (steps, resumed) = (await StepsAsync(seal), 0);
        Assert.Null(workspace.Check());
        foreach (var step in steps)
        {
            Directory.Delete(workspace.At("sealed"), recursive: true);
            await KillAsync(step, seal);
            Assert.True(workspace.Check() is RefusedException or DirectoryNotFoundException, $"step {step}: {workspace.Check()}");
            var resume = File.Exists(workspace.At("sealed/.sealing"));
            resumed += resume ? 1 : 0;
            await workspace.SealAsync(resume: resume);
            Assert.Null(workspace.Check(checkTree: true));
        }
        Assert.Equal(steps.Count - 1, resumed); // before the first there is no directory
    }

    [Fact]
    public async Task An_opening_is_whole_or_absent_and_the_next_one_removes_what_it_hid()
    {
        await workspace.SealAsync();
        var without = Names();
        string[] open = ["open", "sealed", "out", "--custody", "file:K.key"];
        var (steps, hidden) = (await StepsAsync(open), 0);
        var with = Names();
        foreach (var step in steps)
        {
            Directory.Delete(workspace.At("out"), recursive: true);
            await KillAsync(step, open);
            Assert.False(Directory.Exists(workspace.At("out")), $"step {step}");
            foreach (var left in Names().Except(without))
            {
                Assert.StartsWith(".out.opening-", left, StringComparison.Ordinal);
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(workspace.At(left)));
                hidden++;
            }
            workspace.Open("out");
            Assert.Equal(with, Names());
            foreach (var file in new[] { "two-chunks.bin", "tiny", "sub/empty" }) Assert.Equal(File.ReadAllBytes(workspace.At($"model/{file}")), File.ReadAllBytes(workspace.At($"out/{file}")));
        }
        Assert.True(hidden >= 5, $"{hidden} of {steps.Count} steps left a hidden directory"); // or this test has not seen what it is about
    }

    [Fact]
    public async Task One_more_holder_is_added_or_not_and_the_model_stays_whole()
    {
        await workspace.SealAsync();
        var recipients = File.ReadAllBytes(workspace.At("sealed/recipients.json"));
        using (var custody = Secret.Random(32)) KeyFile.Write(workspace.At("Other.key"), FileKeys.Purpose, custody, passphrase: null);
        var without = Names();
        string[] add = ["recipient", "add", "sealed", "file:Other.key", "--custody", "file:K.key"];
        var (steps, left) = (await StepsAsync(add), 0);
        foreach (var step in steps)
        {
            File.WriteAllBytes(workspace.At("sealed/recipients.json"), recipients);
            await KillAsync(step, add);
            Assert.Null(workspace.Check());
            left += Names().Except(without).Count();
            Assert.Equal(0, (await TraceAsync(["trace=none"], add)).Code);
            Assert.Null(workspace.Check());
            Assert.Equal(without, Names());
        }
        Assert.True(left > 0, "no step left anything"); // or this test has not seen what it is about
    }

    [Fact]
    public async Task A_resumed_sealing_keeps_nothing_of_a_file_that_the_model_no_longer_has()
    {
        await KillAsync(("unlink", 1), "seal", "model", "sealed", "--custody", "file:K.key", "--name", "model", "--version", "1"); // its last step
        Directory.Delete(workspace.At("model/sub"), recursive: true);
        await workspace.SealAsync(resume: true);
        Assert.Null(workspace.Check(checkTree: true));
        Assert.False(Directory.Exists(workspace.At("sealed/sub")));
    }

    /// <summary>Two manifests of one version with one publisher's signature would be two models to everybody who approves by digest.</summary>
    [Fact]
    public async Task A_resumed_sealing_signs_nothing_again_that_was_signed()
    {
        string[] seal = ["seal", "model", "sealed", "--custody", "file:K.key", "--name", "model", "--version", "1"];
        await KillAsync(("unlink", 1), seal); // its last step
        var signed = File.ReadAllBytes(workspace.At("sealed/manifest.json"));
        Assert.NotEqual(SealedWorkspace.Now, Strongroom.Sealing.Manifest.Parse(signed).Created);
        await workspace.SealAsync(resume: true);
        Assert.Equal(signed, File.ReadAllBytes(workspace.At("sealed/manifest.json")));
        Assert.Null(workspace.Check(checkTree: true));
    }

    [Theory]
    [InlineData("the model's files have changed since")]
    [InlineData("not kept")]
    public async Task A_resumed_sealing_says_why_it_signs_again(string why)
    {
        string[] seal = ["seal", "model", "sealed", "--custody", "file:K.key", "--name", "model", "--version", "1"];
        await KillAsync(("unlink", 1), seal); // its last step
        if (why == "not kept") File.WriteAllText(workspace.At("sealed/manifest.json"), "{}");
        else File.WriteAllText(workspace.At("model/tiny"), "another");
        var (code, _, error) = await CliProcess.RunAsync(workspace.Path, [.. seal, "--resume"]);
        Assert.Equal(0, code);
        Assert.Contains(why, error, StringComparison.Ordinal);
        Assert.Null(workspace.Check(checkTree: true));
    }

    [Fact]
    public void Only_what_nobody_holds_and_what_is_ours_is_removed()
    {
        var parent = Directory.CreateDirectory(workspace.At("parent")).FullName;
        using var alive = Staging.Create($"{parent}/out");
        Directory.CreateDirectory($"{parent}/.out.opening-{Guid.NewGuid():n}");
        string[] strangers = [".out.opening-by-hand", $"out.opening-{Guid.NewGuid():n}", $".out.opening-{Guid.NewGuid():n}"];
        foreach (var name in strangers[..2]) Directory.CreateDirectory($"{parent}/{name}");
        Directory.CreateSymbolicLink($"{parent}/{strangers[2]}", workspace.At("model"));
        Staging.Sweep(parent);
        Assert.Equal([.. strangers.Append(Path.GetFileName(alive.Path)).Order()], Directory.EnumerateFileSystemEntries(parent).Select(path => Path.GetFileName(path)!).Order());
        Assert.True(File.Exists(workspace.At("model/tiny")));
    }

    [Fact]
    public async Task What_another_user_left_stays()
    {
        if (Environment.UserName != "root") Assert.Skip("only root can make a directory of another user's");
        var left = Directory.CreateDirectory(workspace.At($".out.opening-{Guid.NewGuid():n}")).FullName;
        using (var chown = Process.Start("chown", ["nobody", left])) await chown.WaitForExitAsync(TestContext.Current.CancellationToken);
        Staging.Sweep(workspace.Path);
        Assert.True(Directory.Exists(left));
    }

    [Fact]
    public async Task Nothing_gets_a_name_before_all_is_authenticated()
    {
        await workspace.SealAsync();
        var last = workspace.At("sealed/two-chunks.bin.sealed");
        var bytes = File.ReadAllBytes(last);
        bytes[^1] ^= 1;
        File.WriteAllBytes(last, bytes);
        var (code, trace) = await TraceAsync([$"trace={Changes}"], "open", "sealed", "out", "--custody", "file:K.key");
        Assert.Equal(1, code);
        Assert.Contains(trace, line => line.Contains("pwrite64", StringComparison.Ordinal)); // the files before it were written
        Assert.DoesNotContain(trace, line => line.Contains("link", StringComparison.Ordinal) || line.Contains("rename", StringComparison.Ordinal) || line.Contains(".opening-", StringComparison.Ordinal));
    }

    /// <summary>Runs to its end: the changes in their order, each as which call of its kind it is, since strace counts them so - in each thread, so one alone must make them.</summary>
    private async Task<IReadOnlyList<(string Call, int Nth)>> StepsAsync(params string[] arguments)
    {
        var (code, trace) = await TraceAsync([$"trace={Changes}"], arguments);
        Assert.Equal(0, code);
        Assert.Single(trace.Select(line => line.Split(' ')[0]).Distinct());
        var calls = trace.Select(line => line.Split(' ', 2, StringSplitOptions.TrimEntries)[1].Split('(')[0]).ToList();
        return [.. calls.Select((call, i) => (call, calls.Take(i + 1).Count(each => each == call)))];
    }

    private async Task KillAsync((string Call, int Nth) step, params string[] arguments)
    {
        var (code, _) = await TraceAsync([$"inject={step.Call}:signal=KILL:when={step.Nth}"], arguments);
        Assert.Equal(137, code);
    }

    private async Task<(int Code, string[] Trace)> TraceAsync(string[] expressions, params string[] arguments)
    {
        var log = workspace.At("K.key.trace");
        using var process = Process.Start(new ProcessStartInfo(
            "strace", ["-f", "--seccomp-bpf", "-qq", "-o", log, .. expressions.SelectMany(each => new[] { "-e", each }), "-e", "signal=none", "dotnet", CliProcess.Program(), .. arguments])
        {
            WorkingDirectory = workspace.Path, RedirectStandardOutput = true, RedirectStandardError = true,
            // Neither changes files of ours, but each would be counted.
            Environment = { ["DOTNET_EnableDiagnostics"] = "0", ["DOTNET_EnableWriteXorExecute"] = "0" },
        })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        await Task.WhenAll(output, error);
        var lines = File.ReadAllLines(log).Where(line => !line.Contains("+++", StringComparison.Ordinal)).ToArray();
        File.Delete(log);
        return (process.ExitCode, lines);
    }

    private string[] Names() => [.. Directory.EnumerateFileSystemEntries(workspace.Path).Select(path => Path.GetFileName(path)!).Order()];
}
