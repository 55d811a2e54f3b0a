using System.Numerics;
using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>A complete subtree: leaves [index * 2^level, (index + 1) * 2^level). Its hash never changes once they are there.</summary>
public readonly record struct TreeNode(int Level, long Index)
{
    /// <summary>The leaf whose arrival completes the subtree.</summary>
    public long LastLeaf => ((Index + 1) << Level) - 1;

    public TreeRange Range => new(Index << Level, (Index + 1) << Level);
}

/// <summary>Reads the hashes of complete subtrees, in the order asked.</summary>
public delegate ValueTask<IReadOnlyList<Digest>> TreeNodeReader(IReadOnlyList<TreeNode> nodes, CancellationToken cancel);

/// <summary>
/// Leaves [From, To) as RFC 6962 cuts a tree. The hash of a range is made of the complete subtrees in it, so a proof is a list of ranges,
/// and what has to be read for it is known before anything is read.
/// </summary>
public readonly record struct TreeRange(long From, long To)
{
    /// <summary>The complete subtrees of the range, left to right, largest first.</summary>
    public IEnumerable<TreeNode> Nodes
    {
        get
        {
            for (var from = From; from < To;)
            {
                var level = BitOperations.Log2((ulong)(To - from));
                yield return new(level, from >> level);
                from += 1L << level;
            }
        }
    }

    /// <summary>PATH of RFC 6962 section 2.1.1, the leaf's sibling first.</summary>
    public static IReadOnlyList<TreeRange> Inclusion(long index, long size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, size);
        List<TreeRange> path = [];
        for (var (from, to) = (0L, size); to - from > 1;)
        {
            var middle = from + Split(to - from);
            path.Add(index < middle ? new(middle, to) : new(from, middle));
            (from, to) = index < middle ? (from, middle) : (middle, to);
        }
        path.Reverse();
        return path;
    }

    /// <summary>PROOF of RFC 6962 section 2.1.2; empty from the empty tree and between equal sizes.</summary>
    public static IReadOnlyList<TreeRange> Consistency(long oldSize, long size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(oldSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(oldSize, size);
        List<TreeRange> path = [];
        if (oldSize == 0 || oldSize == size) return path;
        var (from, to) = (0L, size);
        while (oldSize != to)
        {
            var middle = from + Split(to - from);
            path.Add(oldSize <= middle ? new(middle, to) : new(from, middle));
            (from, to) = oldSize <= middle ? (from, middle) : (middle, to);
        }
        if (from != 0) path.Add(new(from, to));
        path.Reverse();
        return path;
    }

    /// <summary>The hashes of <paramref name="ranges"/>, read all at once.</summary>
    public static async ValueTask<IReadOnlyList<Digest>> HashesAsync(IReadOnlyList<TreeRange> ranges, TreeNodeReader read, CancellationToken cancel)
    {
        List<TreeNode> nodes = [.. ranges.SelectMany(range => range.Nodes)];
        var hashes = await read(nodes, cancel).ConfigureAwait(false);
        var next = 0;
        List<Digest> result = new(ranges.Count);
        foreach (var range in ranges)
        {
            var count = range.Nodes.Count();
            result.Add(Fold([.. hashes.Skip(next).Take(count)]));
            next += count;
        }
        return result;
    }

    /// <summary>The root over complete subtrees given left to right, largest first.</summary>
    internal static Digest Fold(IReadOnlyList<Digest> subtrees)
    {
        if (subtrees.Count == 0) return MerkleTree.EmptyRoot;
        var hash = subtrees[^1];
        for (var i = subtrees.Count - 2; i >= 0; i--) hash = MerkleTree.NodeHash(subtrees[i], hash);
        return hash;
    }

    /// <summary>The largest power of two smaller than <paramref name="count"/>.</summary>
    private static long Split(long count) => 1L << BitOperations.Log2((ulong)(count - 1));
}
