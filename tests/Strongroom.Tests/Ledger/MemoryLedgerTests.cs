using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Tests.Ledger;

public sealed class MemoryLedgerTests : LedgerStoreContract
{
    private MemoryLedger.Bytes bytes = new();
    private MemoryLedger.Bytes? saved;

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
