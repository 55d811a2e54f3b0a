using System.Collections.Concurrent;
using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>Fetches one resource of a ledger by its path (<c>checkpoint</c>, <c>tile/...</c>, <c>blob/SHA256</c>); null when it is not there.</summary>
public delegate Task<ReadOnlyMemory<byte>?> LedgerSource(string path, CancellationToken cancel);

/// <summary>Reads a ledger in the form of C2SP tlog-tiles, from a server or from a copy in a directory. What it reads it does not believe.</summary>
public sealed class LedgerReader(LedgerSource source)
{
    private readonly ConcurrentDictionary<TilePath, IReadOnlyList<Digest>> tiles = [];

    /// <summary>The head as it is served; check its signatures before using it.</summary>
    /// <exception cref="RefusedException">There is none.</exception>
    /// <exception cref="MalformedException">It is no signed note.</exception>
    public async Task<SignedNote> CheckpointAsync(CancellationToken cancel = default) =>
        SignedNote.Parse((await source("checkpoint", cancel).ConfigureAwait(false) ?? throw new RefusedException("the ledger has no checkpoint")).Span);

    /// <summary>The hashes of a tile.</summary>
    /// <exception cref="RefusedException">It is missing, or not as long as its name says.</exception>
    public async Task<IReadOnlyList<Digest>> HashesAsync(TilePath tile, CancellationToken cancel = default)
    {
        if (tiles.TryGetValue(tile, out var known)) return known;
        var bytes = await FetchAsync(tile, cancel).ConfigureAwait(false);
        if (bytes.Length != tile.Width * Digest.SizeInBytes) throw new RefusedException($"{tile} has {bytes.Length} bytes, not {tile.Width * Digest.SizeInBytes}");
        Digest[] hashes = [.. Enumerable.Range(0, tile.Width).Select(i => Digest.From(bytes.Span.Slice(i * Digest.SizeInBytes, Digest.SizeInBytes)))];
        return tiles[tile] = hashes;
    }

    /// <summary>The entries of a bundle, in order.</summary>
    /// <exception cref="RefusedException">It is missing, or does not hold as many entries as its name says.</exception>
    public async Task<IReadOnlyList<ReadOnlyMemory<byte>>> EntriesAsync(TilePath bundle, CancellationToken cancel = default)
    {
        var bytes = await FetchAsync(bundle, cancel).ConfigureAwait(false);
        try
        {
            var reader = new ByteReader(bytes.Span);
            var entries = new ReadOnlyMemory<byte>[bundle.Width];
            for (var i = 0; i < entries.Length; i++)
            {
                var length = reader.U16("the length of an entry");
                entries[i] = bytes.Slice(reader.Offset, reader.Bytes(length, "an entry").Length);
            }
            reader.End(bundle.ToString());
            return entries;
        }
        catch (MalformedException e)
        {
            throw new RefusedException($"{bundle} is no bundle of {bundle.Width} entries: {e.Message}");
        }
    }

    /// <summary>Entry <paramref name="index"/> of a ledger of <paramref name="size"/> entries.</summary>
    public async Task<ReadOnlyMemory<byte>> EntryAsync(long index, long size, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, size);
        return (await EntriesAsync(Tile(null, index, size), cancel).ConfigureAwait(false))[(int)(index % TilePath.FullWidth)];
    }

    /// <summary>The blob, checked against its name; null when it is not there.</summary>
    /// <exception cref="RefusedException">Its bytes are not those that the name promises.</exception>
    public async Task<ReadOnlyMemory<byte>?> BlobAsync(Digest digest, CancellationToken cancel = default)
    {
        var bytes = await source($"blob/{digest}", cancel).ConfigureAwait(false);
        return bytes is { } found && Digest.Of(found.Span) != digest ? throw new RefusedException($"blob {digest} has been changed") : bytes;
    }

    /// <summary>The proof, computed from tiles, that <paramref name="index"/> stands under <paramref name="head"/>.</summary>
    public async Task<LedgerProof> ProofAsync(long index, SignedNote head, CancellationToken cancel = default)
    {
        var size = Checkpoint.Parse(head.Text).Size;
        return new(index, await TreeRange.HashesAsync(TreeRange.Inclusion(index, size), Nodes(size), cancel).ConfigureAwait(false), head);
    }

    /// <summary>Entry <paramref name="index"/>, after the proof that it stands under <paramref name="head"/>, whose signatures are the caller's to check.</summary>
    /// <exception cref="RefusedException">It does not.</exception>
    public async Task<ReadOnlyMemory<byte>> ProvedEntryAsync(long index, SignedNote head, CancellationToken cancel = default)
    {
        var checkpoint = Checkpoint.Parse(head.Text);
        var entry = await EntryAsync(index, checkpoint.Size, cancel).ConfigureAwait(false);
        var proof = await ProofAsync(index, head, cancel).ConfigureAwait(false);
        return MerkleTree.Includes(checkpoint.Root, checkpoint.Size, index, MerkleTree.LeafHash(entry.Span), proof.Hashes)
            ? entry : throw new RefusedException($"entry {index} is not the one that the checkpoint was signed for");
    }

    /// <summary>Reads the subtrees of a ledger of that size from its tiles.</summary>
    public TreeNodeReader Nodes(long size) => async (nodes, cancel) =>
    {
        var hashes = new Digest[nodes.Count];
        for (var i = 0; i < hashes.Length; i++)
        {
            // A tile holds every eighth level; what lies between is the root over a run of its hashes.
            var (level, above) = Math.DivRem(nodes[i].Level, TilePath.Height);
            var first = nodes[i].Index << above;
            var tile = await HashesAsync(Tile(level, first, size), cancel).ConfigureAwait(false);
            var run = new TreeEdge();
            for (var at = (int)(first % TilePath.FullWidth); run.Size < 1L << above; at++) run.Append(tile[at]);
            hashes[i] = run.Root;
        }
        return hashes;
    };

    /// <summary>The tile in which a hash or entry stands, as wide as it is in a ledger of that size.</summary>
    private static TilePath Tile(int? level, long hash, long size)
    {
        var index = hash / TilePath.FullWidth;
        return new(level, index, (int)Math.Min(TilePath.FullWidth, (size >> (TilePath.Height * (level ?? 0))) - index * TilePath.FullWidth));
    }

    private async Task<ReadOnlyMemory<byte>> FetchAsync(TilePath tile, CancellationToken cancel) =>
        await source(tile.ToString(), cancel).ConfigureAwait(false) ?? throw new RefusedException($"{tile} is missing");
}
