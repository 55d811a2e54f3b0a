using System.Text;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Tests.Ledger;

public sealed class MemoryLedgerTests : LedgerStoreContract
{
    private MemoryLedger.Bytes bytes = new();
    private MemoryLedger.Bytes? saved;

    [Theory]
    [InlineData(""), InlineData("a head"), InlineData("a head\n\n— example.com/ledger AAAAAAA=\n")]
    public async Task A_head_that_is_no_note_is_a_broken_ledger(string head)
    {
        await (await OpenAsync()).DisposeAsync();
        bytes.Head = bytes.Head! with { Checkpoint = head };
        await Assert.ThrowsAsync<LedgerBrokenException>(OpenAsync);
    }

    [Fact]
    public async Task A_head_that_the_ledgers_key_signed_for_something_else_is_a_broken_ledger()
    {
        await (await OpenAsync()).DisposeAsync();
        foreach (var head in new[] { Signer.Sign("no checkpoint\n"), Signer.Sign(new Checkpoint("example.com/other", 0, MerkleTree.EmptyRoot).Text), Signer.Sign(new Checkpoint("example.com/ledger", 0, Digest.Of([1])).Text) })
        {
            bytes.Head = new(0, head.ToString());
            await Assert.ThrowsAsync<LedgerBrokenException>(OpenAsync);
        }
        bytes.Head = new(1, Signer.Sign(new Checkpoint("example.com/ledger", 0, MerkleTree.EmptyRoot).Text).ToString());
        await Assert.ThrowsAsync<LedgerBrokenException>(OpenAsync);
    }

    [Fact]
    public async Task A_commit_that_failed_and_yet_moved_the_head_breaks_the_ledger()
    {
        await using var store = await OpenAsync();
        bytes.Torn = true;
        await Assert.ThrowsAsync<LedgerBrokenException>(() => store.AppendAsync("an entry"u8.ToArray(), []));
        Assert.True(store.Broken.IsCompleted);
        await Assert.ThrowsAsync<LedgerBrokenException>(() => store.AppendAsync("another"u8.ToArray(), []));
        await Assert.ThrowsAsync<LedgerBrokenException>(() => store.CatchUpAsync());
    }

    [Fact]
    public async Task A_closed_ledger_keeps_nobody_waiting()
    {
        var store = await OpenAsync();
        await store.DisposeAsync();
        await Assert.ThrowsAsync<AppendFailedException>(() => store.AppendAsync("an entry"u8.ToArray(), []));
        await Assert.ThrowsAsync<AppendFailedException>(() => store.CatchUpAsync().WaitAsync(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task A_changed_blob_is_never_handed_out()
    {
        byte[] blob = [1, 2, 3];
        await using var store = await OpenAsync();
        await store.AppendAsync(Encoding.ASCII.GetBytes($"{Digest.Of(blob)}"), [blob]);
        bytes.Blobs[Digest.Of(blob)] = new byte[] { 1, 2, 4 };
        await Assert.ThrowsAsync<LedgerBrokenException>(() => store.ReadBlobAsync(Digest.Of(blob)));
    }

    [Fact]
    public async Task A_changed_blob_that_is_read_in_pieces_has_no_end()
    {
        var blob = new byte[LedgerStore.BlobPieceSizeInBytes + 1];
        await using var store = await OpenAsync();
        await store.AppendAsync(Encoding.ASCII.GetBytes($"{Digest.Of(blob)}"), [blob]);
        bytes.Blobs[Digest.Of(blob)] = new byte[] { 1 }.Concat(blob[1..]).ToArray();
        await using var pieces = store.ReadBlobInPiecesAsync(Digest.Of(blob)).GetAsyncEnumerator();
        Assert.True(await pieces.MoveNextAsync());
        await Assert.ThrowsAsync<LedgerBrokenException>(async () => await pieces.MoveNextAsync());
    }

    private protected override LedgerStore Make(params IReadOnlyList<WitnessClient> witnesses) => new MemoryLedger(Signer, witnesses, bytes);

    private protected override void Fill(LedgerStore store, bool full) => bytes.Full = full;

    private protected override void RewriteEntry(long index)
    {
        var entry = bytes.Leaves[(int)index].Entry.ToArray();
        entry[0] ^= 1;
        bytes.Leaves[(int)index] = bytes.Leaves[(int)index] with { Entry = entry };
    }

    private protected override void RewriteNode(TreeNode node)
    {
        var leaf = bytes.Leaves[(int)node.LastLeaf];
        Digest[] hashes = [.. leaf.Hashes];
        hashes[node.Level] = Digest.Of(hashes[node.Level].Span);
        bytes.Leaves[(int)node.LastLeaf] = leaf with { Hashes = hashes };
    }

    private protected override void SaveThenRestore()
    {
        if (saved is null) saved = bytes with { Leaves = [.. bytes.Leaves], Blobs = new(bytes.Blobs) };
        else bytes = saved;
    }
}
