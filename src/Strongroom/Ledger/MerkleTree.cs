using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Ledger;

/// <summary>The Merkle tree of RFC 6962 section 2.1 over SHA-256: hashing, and checking what a stranger claims about a tree.</summary>
public static class MerkleTree
{
    /// <summary>No proof has more hashes: a tree has fewer than 2^63 leaves.</summary>
    public const int MaxProofLength = 63;

    /// <summary>The root of no leaves: SHA-256 of the empty string.</summary>
    public static Digest EmptyRoot { get; } = Digest.Of([]);

    /// <summary>Leaves and inner nodes begin with different bytes, so that neither can be passed off as the other.</summary>
    public static Digest LeafHash(ReadOnlySpan<byte> entry) => Hash(0x00, entry);

    public static Digest NodeHash(Digest left, Digest right)
    {
        Span<byte> children = stackalloc byte[2 * Digest.SizeInBytes];
        left.Span.CopyTo(children);
        right.Span.CopyTo(children[Digest.SizeInBytes..]);
        return Hash(0x01, children);
    }

    /// <summary>RFC 9162 section 2.1.3.2: true when the leaf stands at <paramref name="index"/> in the tree of that size and root.</summary>
    public static bool Includes(Digest root, long size, long index, Digest leaf, IReadOnlyList<Digest> proof)
    {
        if (index < 0 || index >= size) return false;
        var (node, last, hash) = (index, size - 1, leaf);
        foreach (var sibling in proof)
        {
            if (last == 0) return false;
            if ((node & 1) == 1 || node == last)
            {
                hash = NodeHash(sibling, hash);
                SkipUnpaired(ref node, ref last);
            }
            else
            {
                hash = NodeHash(hash, sibling);
            }
            node >>= 1;
            last >>= 1;
        }
        return last == 0 && hash == root;
    }

    /// <summary>RFC 9162 section 2.1.4.2: true when the newer tree has the older as its first leaves, unchanged.</summary>
    public static bool Extends(long oldSize, Digest oldRoot, long size, Digest root, IReadOnlyList<Digest> proof)
    {
        if (oldSize < 0 || oldSize > size) return false;
        if (oldSize == size) return proof.Count == 0 && oldRoot == root;
        if (oldSize == 0) return proof.Count == 0 && oldRoot == EmptyRoot;

        var (node, last) = (oldSize - 1, size - 1);
        while ((node & 1) == 1) (node, last) = (node >> 1, last >> 1);
        // The old root itself is left out of the proof where the old tree is a complete subtree of the new one.
        IReadOnlyList<Digest> path = long.IsPow2(oldSize) ? [oldRoot, .. proof] : proof;
        if (path.Count == 0) return false;
        var (oldHash, hash) = (path[0], path[0]);
        foreach (var sibling in path.Skip(1))
        {
            if (last == 0) return false;
            if ((node & 1) == 1 || node == last)
            {
                oldHash = NodeHash(sibling, oldHash);
                hash = NodeHash(sibling, hash);
                SkipUnpaired(ref node, ref last);
            }
            else
            {
                hash = NodeHash(hash, sibling);
            }
            node >>= 1;
            last >>= 1;
        }
        return last == 0 && oldHash == oldRoot && hash == root;
    }

    private static void SkipUnpaired(ref long node, ref long last)
    {
        while ((node & 1) == 0 && node != 0) (node, last) = (node >> 1, last >> 1);
    }

    private static Digest Hash(byte prefix, ReadOnlySpan<byte> data)
    {
        Span<byte> hash = stackalloc byte[Digest.SizeInBytes];
        LibcryptoSha.Sha256([prefix], data, hash);
        return Digest.From(hash);
    }
}
