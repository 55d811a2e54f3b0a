using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>
/// Entries on their way into one commit, and the subtrees that their proofs are made of: those that the batch completes and those along the edge
/// that it is put on. A left sibling on a new leaf's path is one or the other, so no proof of a batch reads the store.
/// </summary>
internal sealed class LedgerBatch
{
    private readonly Dictionary<TreeRange, Digest> hashes = [];
    private readonly List<LedgerLeaf> leaves = [];

    internal LedgerBatch(TreeEdge before)
    {
        (From, Edge) = (before.Size, before.Copy());
        foreach (var (node, hash) in new TreeRange(0, before.Size).Nodes.Zip(before.Subtrees)) hashes[node.Range] = hash;
    }

    /// <summary>Size of the ledger before the batch.</summary>
    internal long From { get; }

    /// <summary>The tree with the batch.</summary>
    internal TreeEdge Edge { get; }

    internal IReadOnlyList<LedgerLeaf> Leaves => leaves;

    internal void Add(ReadOnlyMemory<byte> entry)
    {
        var index = Edge.Size;
        var made = Edge.Append(MerkleTree.LeafHash(entry.Span));
        for (var level = 0; level < made.Count; level++) hashes[new TreeNode(level, index >> level).Range] = made[level];
        leaves.Add(new(index, entry, made));
    }

    /// <summary>The proof that the tree with the batch extends the one before.</summary>
    internal IReadOnlyList<Digest> Consistency() => [.. TreeRange.Consistency(From, Edge.Size).Select(Hash)];

    /// <param name="leaf">One of the batch's.</param>
    /// <param name="head">The head over <see cref="Edge"/>.</param>
    /// <exception cref="RefusedException">The entry does not prove: a fault of this program or of its memory.</exception>
    internal ProvedEntry Prove(LedgerLeaf leaf, Checkpoint head) =>
        ProvedEntry.Check(leaf.Entry, leaf.Index, [.. TreeRange.Inclusion(leaf.Index, head.Size).Select(Hash)], head);

    private Digest Hash(TreeRange range) => hashes.TryGetValue(range, out var hash) ? hash : TreeRange.Fold([.. range.Nodes.Select(node => hashes[node.Range])]);
}
