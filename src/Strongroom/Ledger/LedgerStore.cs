using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>
/// A place where a ledger lives. Entries are appended by one pump: it takes all that wait, makes them durable in one commit, has the new head
/// cosigned, and only then hands out receipts.
/// </summary>
/// <remarks>
/// The order of entries is the order of the calls. A head is compared and swapped in the store itself, so a second process cannot fork the
/// ledger: whichever comes second stops. The ledger key must sign for one store only.
/// </remarks>
public abstract partial class LedgerStore : IAsyncDisposable
{
    /// <summary>C2SP tlog-tiles writes the length of an entry in 16 bits.</summary>
    public const int MaxEntrySizeInBytes = 65_535;

    /// <summary>What is held of a blob at a time for a reader who may be slow.</summary>
    public const int BlobPieceSizeInBytes = 512 * 1024;

    private const int MaxBatch = 1024;

    private const int MaxRead = 4096; // entries at a time: 256 MiB if all were as long as they can be

    private readonly NoteSigner signer;
    private readonly IReadOnlyList<WitnessClient> witnesses;
    private readonly Channel<Waiting> queue = Channel.CreateUnbounded<Waiting>(new() { SingleReader = true });
    private readonly Lock gate = new();
    private readonly TaskCompletionSource<LedgerBrokenException> broken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource closing = new();

    private Head head = new(new TreeEdge(), null);
    private long next;
    private WitnessedCheckpoint? witnessed;
    private Task pump = Task.CompletedTask;

    protected LedgerStore(NoteSigner signer, IReadOnlyList<WitnessClient> witnesses)
    {
        (this.signer, this.witnesses) = (signer, witnesses);
        Trust = new(signer.Verifier.Name, signer.Verifier, [.. witnesses.Select(client => client.Witness)]);
    }

    /// <summary>What readers of this ledger pin.</summary>
    public LedgerTrust Trust { get; }

    /// <summary>Entries that are durable. The newest of them may still wait for their witnesses.</summary>
    public long Size => head.Edge.Size;

    /// <summary>The newest head that every witness has cosigned.</summary>
    public WitnessedCheckpoint Checkpoint => witnessed ?? throw new InvalidOperationException("open the store first");

    /// <summary>Completes when the ledger's integrity is in doubt. The host stops with exit code 71; the store appends nothing more.</summary>
    public Task<LedgerBrokenException> Broken => broken.Task;

    /// <summary>Reads the head, checks it against the tree and against every witness, and starts to append. Call once, first.</summary>
    /// <exception cref="LedgerBrokenException">The store was tampered with, or is behind what a witness has seen (a restored backup).</exception>
    /// <exception cref="UnavailableException">A witness does not answer; without it an old copy would pass for the ledger.</exception>
    public async Task OpenAsync(CancellationToken cancel = default)
    {
        head = await LoadAsync(cancel).ConfigureAwait(false) ?? await CreateAsync(cancel).ConfigureAwait(false);
        next = Size;
        await CosignAsync(null, cancel).ConfigureAwait(false);
        pump = Task.Run(PumpAsync, CancellationToken.None);
    }

    /// <summary>Appends an entry; completes when it is durable and cosigned.</summary>
    /// <param name="entry">At most 65,535 bytes. The caller must not change them before the task completes.</param>
    /// <param name="blobs">Large things that the entry names by their SHA-256 in hexadecimal; stored in the same commit.</param>
    /// <param name="cancel">Ends the wait only: the entry may be appended all the same.</param>
    /// <exception cref="AppendFailedException">The entry was not appended.</exception>
    /// <exception cref="UnavailableException">A witness does not answer. The entry may have been appended: <see cref="Size"/> tells.</exception>
    /// <exception cref="LedgerBrokenException">Stop the process.</exception>
    public Task<LedgerReceipt> AppendAsync(ReadOnlyMemory<byte> entry, IReadOnlyList<ReadOnlyMemory<byte>> blobs, CancellationToken cancel = default) =>
        AppendAsync(null, entry, blobs, cancel);

    /// <summary>
    /// As <see cref="AppendAsync(ReadOnlyMemory{byte}, IReadOnlyList{ReadOnlyMemory{byte}}, CancellationToken)"/>, but only if the entry would
    /// get this index: for a writer who decided on a state folded from exactly the entries before it.
    /// </summary>
    public Task<LedgerReceipt> AppendAsync(long? index, ReadOnlyMemory<byte> entry, IReadOnlyList<ReadOnlyMemory<byte>> blobs, CancellationToken cancel = default)
    {
        if (entry.IsEmpty || entry.Length > MaxEntrySizeInBytes) throw new ArgumentException($"an entry has 1 to {MaxEntrySizeInBytes} bytes", nameof(entry));
        LedgerBlob[] named = [.. blobs.Select(bytes => new LedgerBlob(Digest.Of(bytes.Span), bytes))];
        foreach (var blob in named)
        {
            if (entry.Span.IndexOf(Encoding.ASCII.GetBytes(blob.Digest.ToString())) < 0) throw new ArgumentException($"the entry does not name blob {blob.Digest}", nameof(blobs));
        }
        var waiting = new Waiting(entry, named);
        lock (gate)
        {
            if (broken.Task.IsCompleted) return Task.FromException<LedgerReceipt>(broken.Task.Result);
            if (index is { } wanted && wanted != next) return Refused($"entry {wanted} was decided on a state that the ledger has left: it is at {next}");
            if (!queue.Writer.TryWrite(waiting)) return Refused("the ledger is closing");
            next++;
        }
        return waiting.Done.Task.WaitAsync(cancel)!;

        static Task<LedgerReceipt> Refused(string why) => Task.FromException<LedgerReceipt>(new AppendFailedException(why));
    }

    /// <summary>Has the newest head cosigned if it is not yet: after a witness was away, entries that are durable wait for it.</summary>
    /// <exception cref="UnavailableException">A witness does not answer still.</exception>
    public async Task CatchUpAsync(CancellationToken cancel = default)
    {
        var turn = new Waiting(ReadOnlyMemory<byte>.Empty, []);
        lock (gate)
        {
            if (broken.Task.IsCompleted) throw broken.Task.Result;
            if (!queue.Writer.TryWrite(turn)) throw new AppendFailedException("the ledger is closing");
        }
        await turn.Done.Task.WaitAsync(cancel).ConfigureAwait(false);
    }

    /// <summary>A receipt under the newest cosigned head, for an entry appended earlier.</summary>
    public async Task<LedgerReceipt> ReceiptAsync(long index, CancellationToken cancel = default)
    {
        var current = Checkpoint;
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, current.Checkpoint.Size);
        var hashes = await TreeRange.HashesAsync(TreeRange.Inclusion(index, current.Checkpoint.Size), ReadNodesCore, cancel).ConfigureAwait(false);
        var entry = (await ReadEntriesCore(index, 1, cancel).ConfigureAwait(false))[0];
        return new(Proved(index, () => ProvedEntry.Check(entry, index, hashes, current.Checkpoint)), current);
    }

    /// <summary>Entries [from, to), in order.</summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadEntriesAsync(long from, long to, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(to, Size);
        for (; from < to; from += TilePath.FullWidth)
        {
            foreach (var entry in await ReadEntriesCore(from, (int)Math.Min(TilePath.FullWidth, to - from), cancel).ConfigureAwait(false)) yield return entry;
        }
    }

    /// <summary>
    /// What <paramref name="read"/> makes of each entry from <paramref name="from"/> up to the head, in their order; on all cores, so it must be pure. The last
    /// step proves that these entries are the ledger's, by recomputing its root: nothing of them may be used before the enumeration has ended.
    /// </summary>
    /// <exception cref="LedgerBrokenException">The entries in the store are not those of the signed head.</exception>
    public async IAsyncEnumerable<T> ReadToHeadAsync<T>(long from, Func<ReadOnlyMemory<byte>, T> read, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(read);
        var upTo = head.Edge;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(from, upTo.Size);
        var edge = TreeEdge.Restore(from, await ReadNodesCore([.. new TreeRange(0, from).Nodes], cancel).ConfigureAwait(false));
        for (; from < upTo.Size; from += MaxRead)
        {
            var entries = await ReadEntriesCore(from, (int)Math.Min(MaxRead, upTo.Size - from), cancel).ConfigureAwait(false);
            foreach (var (leaf, made) in entries.AsParallel().AsOrdered().Select(entry => (MerkleTree.LeafHash(entry.Span), read(entry))))
            {
                edge.Append(leaf);
                yield return made;
            }
        }
        if (edge.Root != upTo.Root) throw new LedgerBrokenException($"the entries in the store are not those that {Trust.Origin} signed: one of them was changed");
    }

    /// <summary>The bytes with this SHA-256, or null.</summary>
    public async Task<ReadOnlyMemory<byte>?> ReadBlobAsync(Digest digest, CancellationToken cancel = default)
    {
        if (await ReadBlobCore(digest, 0, int.MaxValue, cancel).ConfigureAwait(false) is not { } blob) return null;
        return Digest.Of(blob.Bytes.Span) == digest ? blob.Bytes : throw Changed(digest);
    }

    /// <summary>Length in bytes of the blob with this SHA-256, or null.</summary>
    public async Task<int?> BlobLengthAsync(Digest digest, CancellationToken cancel = default) =>
        (await ReadBlobCore(digest, 0, 0, cancel).ConfigureAwait(false))?.Length;

    /// <summary>
    /// As <see cref="ReadBlobAsync"/>, a piece at a time; nothing where there is no such blob. Before the last piece is handed out all of them have that SHA-256: who has
    /// not read to the end has read nothing.
    /// </summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadBlobInPiecesAsync(Digest digest, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var at = 0; await ReadBlobCore(digest, at, BlobPieceSizeInBytes, cancel).ConfigureAwait(false) is { } blob;)
        {
            hash.AppendData(blob.Bytes.Span);
            at += blob.Bytes.Length;
            if (at < blob.Length) yield return blob.Bytes;
            else if (Digest.From(hash.GetHashAndReset()) != digest) throw Changed(digest);
            else
            {
                yield return blob.Bytes;
                yield break;
            }
        }
    }

    private static LedgerBrokenException Changed(Digest digest) => new($"blob {digest} has been changed in the store");

    /// <summary>The bytes of a tile or bundle (C2SP tlog-tiles), or null while the ledger has not that many entries.</summary>
    public async Task<byte[]?> ReadTileAsync(TilePath tile, CancellationToken cancel = default)
    {
        if (tile.Nodes[^1].LastLeaf >= Size) return null;
        var bytes = new ByteWriter();
        if (tile.Level is null)
        {
            foreach (var entry in await ReadEntriesCore(tile.Index * TilePath.FullWidth, tile.Width, cancel).ConfigureAwait(false)) bytes.Sized16(entry.Span);
        }
        else
        {
            foreach (var hash in await ReadNodesCore(tile.Nodes, cancel).ConfigureAwait(false)) bytes.Bytes(hash.Span);
        }
        return bytes.ToArray();
    }

    public async ValueTask DisposeAsync()
    {
        lock (gate) queue.Writer.TryComplete();
        await closing.CancelAsync().ConfigureAwait(false);
        await pump.ConfigureAwait(false);
        await CloseCore().ConfigureAwait(false);
        closing.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The head that was last committed, or null in a store that was never used.</summary>
    protected abstract ValueTask<StoredHead?> LoadCore(CancellationToken cancel);

    /// <summary>Makes all of the commit durable, or nothing of it.</summary>
    /// <exception cref="AppendFailedException">Nothing of it was written.</exception>
    /// <exception cref="LedgerBrokenException">The store's head is not <see cref="LedgerCommit.Before"/>.</exception>
    protected abstract ValueTask CommitCore(LedgerCommit commit, CancellationToken cancel);

    protected abstract ValueTask<IReadOnlyList<Digest>> ReadNodesCore(IReadOnlyList<TreeNode> nodes, CancellationToken cancel);

    protected abstract ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> ReadEntriesCore(long first, int count, CancellationToken cancel);

    /// <summary>The blob's bytes from <paramref name="from"/> on, <paramref name="most"/> of them or up to its end; null if there is none.</summary>
    protected abstract ValueTask<BlobPiece?> ReadBlobCore(Digest digest, int from, int most, CancellationToken cancel);

    protected abstract ValueTask CloseCore();
}
