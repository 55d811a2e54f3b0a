using System.Security.Cryptography;
using Strongroom.Bytes;

namespace Strongroom.Sealing;

/// <summary>
/// The SHA-256 tree over a file's sealed bytes, so that an auditor without any key verifies storage (spec/sealed-model.md, "Tree"): the Merkle tree
/// hash of RFC 6962 section 2.1 whose leaves are segments of 64 sealed chunks, the header with the first. Leaves may come from many threads.
/// </summary>
public sealed class SealedTree(long segments)
{
    public const int ChunksInSegment = 64;
    public const int PlainSegmentSize = ChunksInSegment * SealedLayout.ChunkSize;

    /// <summary>Bytes of a sealed segment without the file's header.</summary>
    public const int SegmentSize = ChunksInSegment * SealedLayout.SealedChunkSize;

    private readonly Lock growing = new();
    private readonly Stack<(Digest Hash, int Height)> roots = new();
    private readonly Dictionary<long, Digest> early = [];
    private long next;

    /// <summary>Segments of a file; its last may be short.</summary>
    public static long SegmentCount(long length) => (SealedLayout.ChunkCount(length) + ChunksInSegment - 1) / ChunksInSegment;

    /// <summary>Where a segment lies in the sealed file; the first begins with the header.</summary>
    public static (long Offset, int Size) Segment(long index, long length)
    {
        var start = index == 0 ? 0 : SealedLayout.Offset(index * ChunksInSegment);
        var end = Math.Min(SealedLayout.Offset((index + 1) * ChunksInSegment), SealedLayout.SealedLength(length));
        return (start, (int)(end - start));
    }

    /// <summary>Hashes a leaf in place: the byte before the segment must be free, it receives the 0x00 of a leaf.</summary>
    /// <param name="room">One byte, then the segment's.</param>
    public static Digest Leaf(Span<byte> room)
    {
        room[0] = 0x00;
        return Digest.Of(room);
    }

    /// <summary>Leaves in any order, each once.</summary>
    public void Add(long index, Digest leaf)
    {
        lock (growing)
        {
            if (index < next || index >= segments || !early.TryAdd(index, leaf)) throw new ArgumentOutOfRangeException(nameof(index), index, "each segment once");
            while (early.Remove(next, out var hash)) Push(hash);
        }
    }

    /// <summary>The root, once every segment was added.</summary>
    public Digest Root()
    {
        lock (growing)
        {
            if (next != segments) throw new InvalidOperationException($"{segments - next} segments are missing");
            var rest = new Stack<(Digest Hash, int Height)>(roots.Reverse());
            var hash = rest.Pop().Hash;
            while (rest.TryPop(out var left)) hash = Node(left.Hash, hash);
            return hash;
        }
    }

    private void Push(Digest hash)
    {
        var height = 0;
        for (; roots.TryPeek(out var left) && left.Height == height; height++) hash = Node(roots.Pop().Hash, hash);
        roots.Push((hash, height));
        next++;
    }

    private static Digest Node(Digest left, Digest right)
    {
        Span<byte> bytes = stackalloc byte[1 + (2 * SHA256.HashSizeInBytes)];
        bytes[0] = 0x01;
        left.Span.CopyTo(bytes[1..]);
        right.Span.CopyTo(bytes[33..]);
        return Digest.Of(bytes);
    }
}
