using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>An entry whose place under a head has been checked; not yet whether anybody signed that head.</summary>
internal sealed class ProvedEntry
{
    private ProvedEntry(ReadOnlyMemory<byte> entry, Digest leafHash, long index, IReadOnlyList<Digest> hashes, Checkpoint head) =>
        (Entry, LeafHash, Index, Hashes, Head) = (entry, leafHash, index, hashes, head);

    internal ReadOnlyMemory<byte> Entry { get; }

    internal Digest LeafHash { get; }

    internal long Index { get; }

    internal IReadOnlyList<Digest> Hashes { get; }

    internal Checkpoint Head { get; }

    /// <exception cref="RefusedException">The entry does not stand there.</exception>
    internal static ProvedEntry Check(ReadOnlyMemory<byte> entry, long index, IReadOnlyList<Digest> hashes, Checkpoint head)
    {
        var leafHash = MerkleTree.LeafHash(entry.Span);
        return MerkleTree.Includes(head.Root, head.Size, index, leafHash, hashes)
            ? new(entry, leafHash, index, hashes, head)
            : throw new RefusedException($"the ledger of {head.Size} entries does not have this one at index {index}");
    }
}
