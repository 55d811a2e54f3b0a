using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Strongroom.Broker.Storage;
using Strongroom.Broker.Tests.Witness;
using Strongroom.Bytes;
using Strongroom.Ledger;
using Strongroom.Tests.Ledger;

namespace Strongroom.Broker.Tests.Storage;

/// <summary>A process that appends, killed or watched from outside, with the real witness beside it.</summary>
public sealed partial class CrashTests : IAsyncLifetime
{
    private const string Origin = "example.com/ledger";

    private readonly string directory = Directory.CreateTempSubdirectory("strongroom-").FullName;
    private readonly NoteSigner signer = TestKeys.Signer(Origin);
    private RunningWitness witness = null!;

    private string Store => Path.Combine(directory, "ledger.db");

    public async ValueTask InitializeAsync() => witness = await RunningWitness.StartAsync(Path.Combine(directory, "witness"), signer.Verifier);

    public async ValueTask DisposeAsync()
    {
        await witness.DisposeAsync();
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task Killed_at_any_instant_it_loses_no_acknowledged_entry_and_does_not_fork()
    {
        var rounds = Environment.GetEnvironmentVariable("STRONGROOM_LONG") is null ? 30 : 200;
        var instants = new Random(20261121);
        Dictionary<long, Digest> acknowledged = [];
        Checkpoint? last = null;
        for (var round = 0; round < rounds; round++)
        {
            using var appender = Start("dotnet", Appender(8));
            // The instant is counted in acknowledgements, not in time, so that a slow machine is killed while it works too.
            var until = acknowledged.Count + instants.Next(1, 60);
            while (acknowledged.Count < until && await appender.StandardOutput.ReadLineAsync() is { } line) Keep(acknowledged, line);
            appender.Kill();
            while (await appender.StandardOutput.ReadLineAsync() is { } line) Keep(acknowledged, line);
            await appender.WaitForExitAsync();
            Assert.True(acknowledged.Count >= until, await appender.StandardError.ReadToEndAsync());

            // Opening compares the store with the witness; the audit below hashes every entry anew.
            await using var store = new SqliteLedger(Store, signer, [witness.Client()]);
            await store.OpenAsync();
            var edge = new TreeEdge();
            await foreach (var entry in store.ReadEntriesAsync(0, store.Size))
            {
                if (last is not null && edge.Size == last.Size) Assert.Equal(last.Root, edge.Root);
                var hash = MerkleTree.LeafHash(entry.Span);
                if (acknowledged.TryGetValue(edge.Size, out var told)) Assert.Equal(told, hash);
                edge.Append(hash);
            }
            Assert.True(acknowledged.Keys.Max() < store.Size);
            Assert.Equal(edge.Root, store.Checkpoint.Checkpoint.Root);
            last = store.Checkpoint.Checkpoint;
        }
    }

    /// <summary>A killed process loses nothing that the kernel holds, so the test above cannot see a missing sync. This one does.</summary>
    [Fact]
    public async Task The_log_is_synced_between_the_last_write_and_each_acknowledgement()
    {
        if (!File.Exists("/usr/bin/strace")) Assert.Skip("strace is not here: apt-get install strace");
        var trace = Path.Combine(directory, "trace");
        using var appender = Start("strace", ["-f", "-y", "-qq", "-o", trace, "-e", "trace=pwrite64,fdatasync,fsync,write", "-s", "16", "dotnet", .. Appender(1, 20)]);
        await appender.StandardOutput.ReadToEndAsync();
        await appender.WaitForExitAsync();
        Assert.True(appender.ExitCode == 0, await appender.StandardError.ReadToEndAsync());

        var (written, synced, acknowledged) = (false, false, 0);
        foreach (var line in await File.ReadAllLinesAsync(trace))
        {
            if (WalWrite().IsMatch(line)) (written, synced) = (true, false);
            else if (WalSync().IsMatch(line)) synced = true;
            else if (Acknowledgement().IsMatch(line))
            {
                Assert.True(written && synced, $"acknowledged before its entry was synced: {line}");
                (written, synced) = (false, false); // the next entry needs a write and a sync of its own
                acknowledged++;
            }
        }
        Assert.Equal(20, acknowledged);
    }

    /// <summary>A file system that is really full, where this process may mount one.</summary>
    [Fact]
    public async Task A_full_file_system_fails_the_append_and_not_the_ledger()
    {
        var small = Directory.CreateDirectory(Path.Combine(directory, "small")).FullName;
        if (await RunAsync("mount", "-t", "tmpfs", "-o", "size=1m", "none", small) != 0) Assert.Skip("mounting a small file system needs root");
        try
        {
            await using var store = new SqliteLedger(Path.Combine(small, "ledger.db"), signer, [witness.Client()]);
            await store.OpenAsync();
            var taken = 0;
            await Assert.ThrowsAsync<AppendFailedException>(async () =>
            {
                for (; ; taken++) await store.AppendAsync(new byte[30_000], []);
            });
            Assert.InRange(taken, 1, 40);
            Assert.Equal(taken, store.Size);
            for (var i = 0; i < taken; i++) Assert.Equal(i, (await store.ReceiptAsync(i)).Index);
            Assert.Equal(0, await RunAsync("mount", "-o", "remount,size=4m", small));
            Assert.Equal(taken, (await store.AppendAsync(new byte[30_000], [])).Index);
            Assert.False(store.Broken.IsCompleted);
        }
        finally
        {
            await RunAsync("umount", small);
        }
    }

    [GeneratedRegex(@"pwrite64\(\d+<[^>]*ledger\.db-wal>")]
    private static partial Regex WalWrite();

    [GeneratedRegex(@"(fdatasync|fsync)\(\d+<[^>]*ledger\.db-wal>\) += 0|<\.\.\. (fdatasync|fsync) resumed>\) += 0")]
    private static partial Regex WalSync();

    [GeneratedRegex(@"write\(\d+<pipe:[^>]*>, ""\d+ [0-9a-f]+")]
    private static partial Regex Acknowledgement();

    private static void Keep(Dictionary<long, Digest> acknowledged, string line)
    {
        var parts = line.Split(' ');
        if (parts.Length == 2 && parts[1].Length == 64) acknowledged.Add(long.Parse(parts[0], CultureInfo.InvariantCulture), Digest.Parse(parts[1]));
    }

    private string[] Appender(int writers, int? count = null) =>
    [
        Path.Combine(AppContext.BaseDirectory, "Strongroom.Appender.dll"), Store, Origin, witness.Verifier.ToString(), witness.Http.BaseAddress!.ToString(),
        $"{writers}", .. count is null ? (string[])[] : [$"{count}"],
    ];

    private static Process Start(string program, IEnumerable<string> arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;

    private static async Task<int> RunAsync(string program, params IEnumerable<string> arguments)
    {
        using var process = Start(program, arguments);
        await process.WaitForExitAsync();
        return process.ExitCode;
    }
}
