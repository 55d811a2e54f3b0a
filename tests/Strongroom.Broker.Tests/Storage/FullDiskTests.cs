using Strongroom.Broker.Tests.Release;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Sealing;

namespace Strongroom.Broker.Tests.Storage;

/// <summary>The broker on a disk that is full, all of its files included.</summary>
public sealed class FullDiskTests
{
    [Fact]
    public async Task On_a_full_file_system_a_release_fails_and_says_where_and_the_ledger_goes_on_when_there_is_room()
    {
        using var disk = new SmallFileSystem(megabytes: 8);
        await using var scene = await ReleaseScene.StartAsync(directory: disk.Folder);
        using var enclave = HpkePrivateKey.Generate();
        await scene.ApproveBothAsync();
        var size = scene.Broker.State.Size;

        disk.Fill();
        var reason = await TestBroker.RefusedAsync("not-written", await scene.AskAsync(enclave));
        Assert.Contains("ledger.db", reason, StringComparison.Ordinal);
        Assert.Contains("full", reason, StringComparison.Ordinal);
        Assert.DoesNotContain(disk.Folder, reason, StringComparison.Ordinal); // where on the disk is for the log, not for a stranger
        Assert.Equal(size, scene.Broker.State.Size);
        Assert.Empty(scene.Broker.State.Release.Leases);
        Assert.Equal(size, await AuditedAsync(scene));

        disk.Free();
        using (var keys = scene.Open(await scene.ReleasedAsync(enclave), enclave)) Assert.Equal(3 * ContentKeys.SizeInBytes, keys.Length);
        await scene.Broker.StartAgainAsync();
        Assert.Equal(size + 1, await AuditedAsync(scene));
        Assert.Single(scene.Broker.State.Release.Leases);
    }

    /// <summary>Every entry, as it lies on that disk, leads to the signed head and is what its rules and evidence make of it.</summary>
    private static async Task<long> AuditedAsync(ReleaseScene scene)
    {
        var ledger = scene.Broker.Host.Ledger;
        var entries = await ledger.ReadToHeadAsync(0, entry => entry, TestContext.Current.CancellationToken).ToListAsync();
        var audit = await DecisionAudit.ReplayAsync(entries.ToAsyncEnumerable(), async (digest, cancel) => await ledger.ReadBlobAsync(digest, cancel));
        Assert.Empty(audit.Deviations);
        return audit.State.Size;
    }
}
