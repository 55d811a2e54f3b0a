using System.Diagnostics;

namespace Strongroom.Broker.Tests.Storage;

/// <summary>A backup that a power failure takes back was none.</summary>
public sealed class DirectoryCopyTests
{
    [Fact]
    public async Task A_copy_is_on_the_disk_before_it_has_its_name_and_its_name_before_it_is_said_to_be_made()
    {
        if (!File.Exists("/usr/bin/strace")) Assert.Skip("strace is not here: apt-get install strace");
        await using var broker = await TestBroker.StartAsync();
        var parent = Directory.CreateDirectory(Path.Combine(broker.Directory, "backups")).FullName;
        var (copy, trace) = (Path.Combine(parent, "copy"), Path.Combine(broker.Directory, "trace"));
        using (var process = Process.Start("strace",
            ["-f", "-y", "-qq", "-o", trace, "-e", "trace=fsync,fdatasync,rename,renameat,renameat2", "dotnet", BrokerProcess.Program, "copy", "--dir", broker.Directory, "--to", copy]))
        {
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, process.ExitCode);
        }
        var calls = (await File.ReadAllLinesAsync(trace, TestContext.Current.CancellationToken)).ToList();
        var named = calls.FindIndex(call => call.Contains("rename", StringComparison.Ordinal) && call.Contains($"\"{copy}\"", StringComparison.Ordinal));
        Assert.True(named > 0);
        foreach (var file in Directory.EnumerateFiles(copy).Select(Path.GetFileName)) Assert.InRange(Synced($"{copy}.building/{file}"), 0, named);
        var names = Synced($"{copy}.building");
        Assert.InRange(names, calls.FindLastIndex(call => call.Contains("sync", StringComparison.Ordinal) && call.Contains($"{copy}.building/", StringComparison.Ordinal)), named);
        Assert.True(Synced(parent) > named);

        int Synced(string path) => calls.FindLastIndex(call => call.Contains("sync", StringComparison.Ordinal) && call.Contains($"<{path}>", StringComparison.Ordinal));
    }
}
