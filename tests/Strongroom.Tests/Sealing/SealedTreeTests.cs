using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Sealing;

namespace Strongroom.Tests.Sealing;

/// <summary>The tree over sealed bytes against the recursive definition of RFC 6962 section 2.1.</summary>
public sealed class SealedTreeTests
{
    [Fact]
    public void The_root_is_the_Merkle_tree_hash_whatever_the_order_of_leaves()
    {
        for (var count = 1; count <= 70; count++)
        {
            var leaves = Enumerable.Range(0, count).Select(i => Digest.Of([(byte)i])).ToArray();
            var (forward, backward) = (new SealedTree(count), new SealedTree(count));
            for (var i = 0; i < count; i++)
            {
                forward.Add(i, leaves[i]);
                backward.Add(count - 1 - i, leaves[count - 1 - i]);
            }
            Assert.Equal(MerkleTreeHash(leaves), forward.Root());
            Assert.Equal(MerkleTreeHash(leaves), backward.Root());
        }
    }

    [Fact]
    public void A_segment_counts_once_and_none_may_be_missing()
    {
        var tree = new SealedTree(3);
        tree.Add(0, Digest.Of("0"u8));
        tree.Add(2, Digest.Of("2"u8));
        Assert.Throws<InvalidOperationException>(() => tree.Root());
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.Add(0, Digest.Of("0"u8)));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.Add(2, Digest.Of("2"u8)));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.Add(3, Digest.Of("3"u8)));
    }

    [Theory, InlineData(0L), InlineData(1L), InlineData(SealedTree.PlainSegmentSize - 1L), InlineData((long)SealedTree.PlainSegmentSize), InlineData((5L * SealedTree.PlainSegmentSize) + 17)]
    public void Segments_cover_the_sealed_file_without_gap_or_overlap(long length)
    {
        var at = 0L;
        for (var i = 0L; i < SealedTree.SegmentCount(length); i++)
        {
            var (offset, size) = SealedTree.Segment(i, length);
            Assert.Equal(at, offset);
            Assert.True(size > 0);
            at += size;
        }
        Assert.Equal(SealedLayout.SealedLength(length), at);
    }

    [Fact]
    public void A_leaf_is_never_a_node()
    {
        byte[] room = [0xFF, .. "segment"u8];
        Assert.Equal(Digest.Of([0x00, .. "segment"u8]), SealedTree.Leaf(room));
    }

    private static Digest MerkleTreeHash(ReadOnlySpan<Digest> leaves)
    {
        if (leaves.Length == 1) return leaves[0];
        var split = 1;
        while (split * 2 < leaves.Length) split *= 2;
        return Digest.From(SHA256.HashData([0x01, .. MerkleTreeHash(leaves[..split]).Span, .. MerkleTreeHash(leaves[split..]).Span]));
    }
}
