using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>The complete subtrees along the right edge of a tree: all that is needed to append to it and to know its root.</summary>
public sealed class TreeEdge
{
    private readonly List<Digest> subtrees = []; // largest first, one for each bit set in Size

    public long Size { get; private set; }

    /// <summary>The hashes of <c>new TreeRange(0, Size).Nodes</c>.</summary>
    public IReadOnlyList<Digest> Subtrees => subtrees;

    public Digest Root => TreeRange.Fold(subtrees);

    /// <param name="size">Number of leaves.</param>
    /// <param name="subtrees">The hashes of <c>new TreeRange(0, size).Nodes</c>.</param>
    public static TreeEdge Restore(long size, IEnumerable<Digest> subtrees)
    {
        var edge = new TreeEdge { Size = size };
        edge.subtrees.AddRange(subtrees);
        if (edge.subtrees.Count != long.PopCount(size)) throw new ArgumentException("one hash for each complete subtree", nameof(subtrees));
        return edge;
    }

    public TreeEdge Copy() => Restore(Size, subtrees);

    /// <summary>
    /// Adds a leaf and returns its hash followed by that of every subtree that it completes, level by level: the hash of the subtree at level
    /// l is the l-th of the leaf that completed it.
    /// </summary>
    public IReadOnlyList<Digest> Append(Digest leaf)
    {
        List<Digest> made = [leaf];
        for (var unpaired = Size; (unpaired & 1) == 1; unpaired >>= 1)
        {
            made.Add(MerkleTree.NodeHash(subtrees[^1], made[^1]));
            subtrees.RemoveAt(subtrees.Count - 1);
        }
        subtrees.Add(made[^1]);
        Size++;
        return made;
    }
}
