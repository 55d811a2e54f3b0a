using System.Diagnostics;

namespace Strongroom.System.Tests.Sealing;

/// <summary>kill -9 leaves nothing that looks finished, a sealing can be resumed, and memory does not grow with the file.</summary>
public sealed class SealingCrashTests : IDisposable
{
    private const long MiB = 1 << 20;

    private readonly string directory = Directory.CreateTempSubdirectory("strongroom-crash-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task A_killed_sealing_looks_unfinished_and_can_be_resumed_under_a_fresh_salt()
    {
        await MakeAsync(256 * MiB);
        string[] seal = ["seal", "model", "sealed", "--custody", "file:K.key", "--name", "big", "--version", "1"];
        using (var process = CliProcess.Start(directory, seal))
        {
            await UntilAsync(process, () => File.Exists(At("sealed/b-large.sealed.partial")) && new FileInfo(At("sealed/b-large.sealed.partial")).Length > 4 * MiB);
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        Assert.False(File.Exists(At("sealed/manifest.json")));
        Assert.False(File.Exists(At("sealed/b-large.sealed")));
        Assert.NotEqual(0, (await CliProcess.RunAsync(directory, "verify", "sealed")).Code);
        Assert.Equal(64, (await CliProcess.RunAsync(directory, seal)).Code); // without --resume it does not write over it
        Assert.Equal(1, (await CliProcess.RunAsync(directory, ["seal", "model", "sealed", "--custody", "file:K.key", "--name", "other", "--version", "1", "--resume"])).Code);

        var (finished, abandoned) = (File.ReadAllBytes(At("sealed/a-small.sealed")), Salt("sealed/b-large.sealed.partial"));
        await CliProcess.AnswerAsync(directory, [.. seal, "--resume"]);
        Assert.Equal(finished, File.ReadAllBytes(At("sealed/a-small.sealed"))); // kept, not sealed again
        Assert.NotEqual(abandoned, Salt("sealed/b-large.sealed"));
        Assert.True((await CliProcess.AnswerAsync(directory, "verify", "sealed", "--custody", "file:K.key", "--decrypt"))["ok"]!.GetValue<bool>());
    }

    [Fact]
    public async Task Ctrl_C_says_what_was_left_and_exits_with_130()
    {
        await MakeAsync(512 * MiB);
        using var process = CliProcess.Start(directory, "seal", "model", "sealed", "--custody", "file:K.key", "--name", "big", "--version", "1");
        await UntilAsync(process, () => File.Exists(At("sealed/b-large.sealed.partial")));
        using (var kill = Process.Start("kill", ["-INT", $"{process.Id}"])) await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(130, process.ExitCode);
        Assert.Contains("interrupted", error, StringComparison.Ordinal);
        Assert.False(File.Exists(At("sealed/manifest.json")));
    }

    [Fact]
    public async Task Resuming_does_not_trust_a_finished_file_that_was_changed()
    {
        await MakeAsync(256 * MiB);
        string[] seal = ["seal", "model", "sealed", "--custody", "file:K.key", "--name", "big", "--version", "1"];
        using (var process = CliProcess.Start(directory, seal))
        {
            await UntilAsync(process, () => File.Exists(At("sealed/b-large.sealed.partial")));
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        var changed = File.ReadAllBytes(At("sealed/a-small.sealed"));
        changed[^1] ^= 1;
        File.WriteAllBytes(At("sealed/a-small.sealed"), changed);
        await CliProcess.AnswerAsync(directory, [.. seal, "--resume"]);
        await CliProcess.AnswerAsync(directory, "verify", "sealed", "--custody", "file:K.key", "--decrypt");
    }

    [Fact]
    public async Task A_killed_opening_leaves_no_trace()
    {
        await MakeAsync(256 * MiB);
        await CliProcess.AnswerAsync(directory, "seal", "model", "sealed", "--custody", "file:K.key", "--name", "big", "--version", "1");
        var before = Directory.EnumerateFileSystemEntries(directory).Order().ToList();
        using var process = CliProcess.Start(directory, "open", "sealed", "out", "--custody", "file:K.key");
        await UntilAsync(process, () => OpenFiles(process).Any(target => target.StartsWith(directory, StringComparison.Ordinal) && target.EndsWith("(deleted)", StringComparison.Ordinal)));
        process.Kill();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.NotEqual(0, process.ExitCode);
        Assert.Equal(before, Directory.EnumerateFileSystemEntries(directory).Order());
    }

    /// <summary>16 GiB with STRONGROOM_LONG, 1 GiB otherwise; the file is sparse, the work is not.</summary>
    [Fact]
    public async Task Memory_stays_within_128_MiB_of_the_runtimes_whatever_the_files_size()
    {
        var size = Environment.GetEnvironmentVariable("STRONGROOM_LONG") == "1" ? 16 * 1024 * MiB : 1024 * MiB;
        await MakeAsync(0);
        var runtime = await PeakAsync("seal", "model", "none", "--custody", "file:K.key", "--name", "big", "--version", "1");
        using (var file = File.OpenWrite(At("model/b-large"))) file.SetLength(size);
        var sealing = await PeakAsync("seal", "model", "sealed", "--custody", "file:K.key", "--name", "big", "--version", "1");
        var verifying = await PeakAsync("verify", "sealed", "--custody", "file:K.key", "--decrypt");
        var opening = await PeakAsync("open", "sealed", "out", "--custody", "file:K.key", "--check-tree");
        Assert.True(Math.Max(sealing, Math.Max(verifying, opening)) - runtime <= 128 * MiB, $"runtime {runtime / MiB}, seal {sealing / MiB}, verify {verifying / MiB}, open {opening / MiB} MiB");
        Assert.Equal(size, new FileInfo(At("out/b-large")).Length);
    }

    private async Task MakeAsync(long large)
    {
        Directory.CreateDirectory(At("model"));
        File.WriteAllText(At("model/a-small"), "a small file");
        using (var file = File.Create(At("model/b-large"))) file.SetLength(large);
        await CliProcess.AnswerAsync(directory, "key", "create", "K.key", "--danger-unprotected");
    }

    private async Task<long> PeakAsync(params string[] arguments)
    {
        using var process = CliProcess.Start(directory, arguments);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var peak = 0L;
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!process.HasExited && await ticks.WaitForNextTickAsync(TestContext.Current.CancellationToken)) peak = Math.Max(peak, CliProcess.RssAnon(process));
        Assert.True(process.ExitCode == 0, await error);
        return peak;
    }

    private static async Task UntilAsync(Process process, Func<bool> condition)
    {
        while (!condition())
        {
            Assert.False(process.HasExited, "it finished before it could be killed");
            await Task.Yield();
        }
    }

    private static IEnumerable<string> OpenFiles(Process process)
    {
        string[] links;
        try
        {
            links = Directory.GetFiles($"/proc/{process.Id}/fd");
        }
        catch (IOException)
        {
            return [];
        }
        return links.Select(link => new FileInfo(link).LinkTarget ?? "");
    }

    private byte[] Salt(string name)
    {
        using var file = File.OpenRead(At(name));
        var salt = new byte[24];
        file.ReadExactly(salt);
        return salt;
    }

    private string At(string name) => Path.Combine(directory, name);
}
