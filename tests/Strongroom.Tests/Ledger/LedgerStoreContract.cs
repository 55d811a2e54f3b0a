using System.Text;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Tests.Ledger;

/// <summary>What every kind of store must do. A kind adds a subclass that says how one is made, filled up and tampered with.</summary>
public abstract class LedgerStoreContract
{
    internal MemoryWitness Witness { get; } = new();

    internal NoteSigner Signer { get; } = TestKeys.Signer("example.com/ledger");

    /// <summary>A store over the same bytes as the last one that this test made.</summary>
    private protected abstract LedgerStore Make(params IReadOnlyList<WitnessClient> witnesses);

    private protected abstract void Fill(LedgerStore store, bool full);

    /// <summary>Changes one bit of an entry in the store.</summary>
    private protected abstract void RewriteEntry(long index);

    /// <summary>Changes one bit of the hash of a subtree in the store.</summary>
    private protected abstract void RewriteNode(TreeNode node);

    /// <summary>Keeps the bytes as they are now; called again puts them back.</summary>
    private protected abstract void SaveThenRestore();

    [Fact]
    public async Task A_receipt_of_every_entry_convinces_a_stranger()
    {
        await using var store = await OpenAsync();
        var appended = await Task.WhenAll(Enumerable.Range(0, 300).Select(i => store.AppendAsync(Entry(i), [])));
        for (var i = 0; i < appended.Length; i++)
        {
            Assert.Equal(i, appended[i].Index);
            Assert.Equal(i, LedgerReceipt.Check(Entry(i), appended[i].Proof, store.Trust).Index);
            Assert.Equal(300, LedgerReceipt.Check(Entry(i), (await store.ReceiptAsync(i)).Proof, store.Trust).Checkpoint.Size);
            Assert.Throws<RefusedException>(() => LedgerReceipt.Check(Entry(i + 1), appended[i].Proof, store.Trust));
        }
    }

    [Fact]
    public async Task Entries_and_blobs_are_there_after_a_restart()
    {
        byte[] blob = [1, 2, 3];
        var entry = Encoding.ASCII.GetBytes($$"""{"evidence_digest":"{{Digest.Of(blob)}}"}""");
        await using (var store = await OpenAsync())
        {
            for (var i = 0; i < 5; i++) await store.AppendAsync(Entry(i), []);
            await store.AppendAsync(entry, [blob]);
        }
        await using var again = await OpenAsync();
        Assert.Equal(6, again.Size);
        Assert.Equal(entry, (await again.ReadEntriesAsync(0, 6).ToListAsync())[5].ToArray());
        Assert.Equal(blob, (await again.ReadBlobAsync(Digest.Of(blob)))?.ToArray());
        Assert.Null(await again.ReadBlobAsync(Digest.Of([])));
        Assert.Equal(6, (await again.AppendAsync(Entry(6), [])).Index);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(LedgerStore.BlobPieceSizeInBytes)]
    [InlineData(2 * LedgerStore.BlobPieceSizeInBytes + 1)]
    public async Task A_blob_is_read_in_pieces_that_are_the_whole(int length)
    {
        var blob = new byte[length];
        Random.Shared.NextBytes(blob);
        await using var store = await OpenAsync();
        await store.AppendAsync(Encoding.ASCII.GetBytes($"{Digest.Of(blob)}"), [blob]);
        var pieces = await store.ReadBlobInPiecesAsync(Digest.Of(blob)).ToListAsync();
        Assert.Equal(blob, pieces.SelectMany(piece => piece.ToArray()));
        Assert.Equal(Math.Max(1, (length + LedgerStore.BlobPieceSizeInBytes - 1) / LedgerStore.BlobPieceSizeInBytes), pieces.Count);
        Assert.Equal(length, await store.BlobLengthAsync(Digest.Of(blob)));
        Assert.Null(await store.BlobLengthAsync(Digest.Of("another"u8)));
        Assert.Empty(await store.ReadBlobInPiecesAsync(Digest.Of("another"u8)).ToListAsync());
    }

    [Fact]
    public async Task A_full_disk_fails_the_append_and_not_the_ledger()
    {
        await using var store = await OpenAsync();
        await store.AppendAsync(Large(0), []);
        Fill(store, true);
        await Assert.ThrowsAsync<AppendFailedException>(() => store.AppendAsync(Large(1), []));
        Assert.Equal(1, store.Size);
        Assert.Equal(0, (await store.ReceiptAsync(0)).Index);
        Fill(store, false);
        Assert.Equal(1, (await store.AppendAsync(Large(2), [])).Index);
        Assert.False(store.Broken.IsCompleted);
    }

    [Fact]
    public async Task Whoever_was_decided_on_a_failed_entry_fails_too()
    {
        await using var store = await OpenAsync();
        Fill(store, true);
        var first = store.AppendAsync(0, Large(0), []);
        var second = store.AppendAsync(1, Entry(1), []);
        await Assert.ThrowsAsync<AppendFailedException>(() => first);
        await Assert.ThrowsAsync<AppendFailedException>(() => second);
        Fill(store, false);
        await Assert.ThrowsAsync<AppendFailedException>(() => store.AppendAsync(2, Entry(2), []));
        Assert.Equal(0, (await store.AppendAsync(0, Entry(0), [])).Index);
    }

    [Fact]
    public async Task A_second_writer_cannot_fork_the_ledger()
    {
        await using var first = await OpenAsync();
        await using var second = await OpenAsync();
        await first.AppendAsync(Entry(0), []);
        await Assert.ThrowsAsync<LedgerBrokenException>(() => second.AppendAsync(Entry(1), []));
        Assert.True(second.Broken.IsCompleted);
        await Assert.ThrowsAsync<LedgerBrokenException>(() => second.AppendAsync(Entry(1), []));
        Assert.Equal(1, (await first.AppendAsync(Entry(2), [])).Index);
    }

    [Fact]
    public async Task A_restored_backup_is_found_out_by_the_witness()
    {
        await using (var store = await OpenAsync())
        {
            await store.AppendAsync(Entry(0), []);
        }
        SaveThenRestore();
        await using (var store = await OpenAsync())
        {
            await store.AppendAsync(Entry(1), []);
        }
        SaveThenRestore();
        await using var old = Make(Witness.Client());
        var broken = await Assert.ThrowsAsync<LedgerBrokenException>(() => old.OpenAsync());
        Assert.Contains("old copy", broken.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deleted_ledger_does_not_start_anew_under_its_old_name()
    {
        SaveThenRestore();
        await using (var store = await OpenAsync())
        {
            await store.AppendAsync(Entry(0), []);
        }
        SaveThenRestore();
        await using var fresh = Make(Witness.Client());
        await Assert.ThrowsAsync<LedgerBrokenException>(() => fresh.OpenAsync());
    }

    [Fact]
    public async Task Another_history_of_the_same_length_is_found_out_by_the_witness()
    {
        SaveThenRestore();
        await using (var store = await OpenAsync())
        {
            await store.AppendAsync(Entry(0), []);
        }
        SaveThenRestore();
        await using (var forger = Make(new MemoryWitness().Client()))
        {
            await forger.OpenAsync();
            await forger.AppendAsync(Entry(1), []);
        }
        await using var forged = Make(Witness.Client());
        var broken = await Assert.ThrowsAsync<LedgerBrokenException>(() => forged.OpenAsync());
        Assert.Contains("another history", broken.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rewritten_entry_cannot_be_proved()
    {
        await using var store = await OpenAsync();
        for (var i = 0; i < 5; i++) await store.AppendAsync(Entry(i), []);
        RewriteEntry(2);
        await Assert.ThrowsAsync<LedgerBrokenException>(() => store.ReceiptAsync(2));
        Assert.Equal(3, (await store.ReceiptAsync(3)).Index);
    }

    [Fact]
    public async Task A_rewritten_node_is_found_on_start()
    {
        await using (var store = await OpenAsync())
        {
            for (var i = 0; i < 5; i++) await store.AppendAsync(Entry(i), []);
        }
        RewriteNode(new(2, 0)); // the hash of entries 0 to 3
        await using var again = Make(Witness.Client());
        await Assert.ThrowsAsync<LedgerBrokenException>(() => again.OpenAsync());
    }

    [Fact]
    public async Task What_is_read_up_to_the_head_is_proved_to_be_the_ledgers()
    {
        await using var store = await OpenAsync();
        for (var i = 0; i < 11; i++) await store.AppendAsync(Entry(i), []);
        for (var from = 0; from <= 11; from++)
        {
            var read = await store.ReadToHeadAsync(from, entry => entry.ToArray()).ToListAsync();
            Assert.Equal(Enumerable.Range(from, 11 - from).Select(Entry), read);
        }
        RewriteEntry(4);
        foreach (var from in (int[])[0, 3, 4]) await Assert.ThrowsAsync<LedgerBrokenException>(async () => await store.ReadToHeadAsync(from, entry => entry.Length).ToListAsync());
        RewriteNode(new(2, 0)); // the hash of entries 0 to 3, on which a reader from 6 on has to rely
        await Assert.ThrowsAsync<LedgerBrokenException>(async () => await store.ReadToHeadAsync(6, entry => entry.Length).ToListAsync());
    }

    [Fact]
    public async Task While_a_witness_is_away_the_ledger_stands_still()
    {
        await using var store = await OpenAsync();
        await store.AppendAsync(Entry(0), []);
        Witness.Away = true;
        await Assert.ThrowsAsync<UnavailableException>(() => store.AppendAsync(Entry(1), [])); // written, not witnessed: no receipt
        await Assert.ThrowsAsync<UnavailableException>(() => store.AppendAsync(Entry(2), [])); // not even written
        Assert.Equal(2, store.Size);
        Assert.Equal(1, store.Checkpoint.Checkpoint.Size);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => store.ReceiptAsync(1));
        Witness.Away = false;
        Assert.Equal(2, (await store.AppendAsync(Entry(3), [])).Index);
        Assert.Equal(1, (await store.ReceiptAsync(1)).Index);
    }

    [Fact]
    public async Task A_store_does_not_open_without_its_witness()
    {
        Witness.Away = true;
        await using var store = Make(Witness.Client());
        await Assert.ThrowsAsync<UnavailableException>(() => store.OpenAsync());
    }

    [Fact]
    public async Task A_cosignature_by_another_key_is_no_cosignature()
    {
        var impostor = new MemoryWitness("witness.example/impostor");
        await using var store = Make(new WitnessClient(new(impostor) { BaseAddress = new("http://witness/") }, Witness.Verifier));
        await Assert.ThrowsAsync<UnavailableException>(() => store.OpenAsync());
    }

    [Fact]
    public async Task An_entry_must_name_its_blobs_and_keep_its_size()
    {
        await using var store = await OpenAsync();
        await Assert.ThrowsAsync<ArgumentException>(() => store.AppendAsync(Entry(0), [new byte[] { 1 }]));
        await Assert.ThrowsAsync<ArgumentException>(() => store.AppendAsync(new byte[LedgerStore.MaxEntrySizeInBytes + 1], []));
        await Assert.ThrowsAsync<ArgumentException>(() => store.AppendAsync(Array.Empty<byte>(), []));
        Assert.Equal(0, (await store.AppendAsync(new byte[LedgerStore.MaxEntrySizeInBytes], [])).Index);
    }

    [Fact]
    public async Task Tiles_are_those_of_the_specification()
    {
        await using var store = await OpenAsync();
        await Task.WhenAll(Enumerable.Range(0, 259).Select(i => store.AppendAsync(Entry(i), [])));
        var leaves = Enumerable.Range(0, 259).Select(i => MerkleTree.LeafHash(Entry(i))).ToList();
        Assert.Equal(leaves.Take(256).SelectMany(hash => hash.Span.ToArray()), await store.ReadTileAsync(TilePath.Parse("tile/0/000")));
        Assert.Equal(leaves.Skip(256).SelectMany(hash => hash.Span.ToArray()), await store.ReadTileAsync(TilePath.Parse("tile/0/001.p/3")));
        var edge = new TreeEdge();
        foreach (var leaf in leaves.Take(256)) edge.Append(leaf);
        Assert.Equal(edge.Root.Span.ToArray(), await store.ReadTileAsync(TilePath.Parse("tile/1/000.p/1")));
        Assert.Equal([0, 9, .. Entry(256), 0, 9, .. Entry(257)], await store.ReadTileAsync(TilePath.Parse("tile/entries/001.p/2")));
        foreach (var absent in (string[])["tile/0/001", "tile/0/001.p/4", "tile/1/000", "tile/1/000.p/2", "tile/2/000.p/1", "tile/entries/001", "tile/entries/002.p/1"])
            Assert.Null(await store.ReadTileAsync(TilePath.Parse(absent)));
    }

    internal static byte[] Entry(int i) => Encoding.ASCII.GetBytes($$"""{"n":{{i}}}""");

    private static byte[] Large(int i) => Encoding.ASCII.GetBytes($$"""{"n":{{i}},"padding":"{{new string('x', 60_000)}}"}""");

    private protected async Task<LedgerStore> OpenAsync()
    {
        var store = Make(Witness.Client());
        await store.OpenAsync();
        return store;
    }
}
