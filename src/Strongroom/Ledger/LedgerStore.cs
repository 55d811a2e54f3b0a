using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;
using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>Nothing was appended: the disk is full, or another entry was first. State folded ahead of the ledger must be folded anew from it.</summary>
public sealed class AppendFailedException(string what, Exception? cause = null) : Exception(what, cause);

/// <summary>
/// A place where a ledger lives. Entries are appended by one pump: it takes all that wait, makes them durable in one commit, has the new head
/// cosigned, and only then hands out receipts.
/// </summary>
/// <remarks>
/// The order of entries is the order of the calls. A head is compared and swapped in the store itself, so a second process cannot fork the
/// ledger: whichever comes second stops. The ledger key must sign for one store only.
/// </remarks>
public abstract class LedgerStore : IAsyncDisposable
{
    /// <summary>C2SP tlog-tiles writes the length of an entry in 16 bits.</summary>
    public const int MaxEntrySizeInBytes = 65_535;

    private const int MaxBatch = 1024;

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
        await CosignAsync(cancel).ConfigureAwait(false);
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
        return waiting.Done.Task.WaitAsync(cancel);

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
        return Issue(entry, index, hashes, current);
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

    /// <summary>The bytes with this SHA-256, or null.</summary>
    public async Task<ReadOnlyMemory<byte>?> ReadBlobAsync(Digest digest, CancellationToken cancel = default)
    {
        var bytes = await ReadBlobCore(digest, cancel).ConfigureAwait(false);
        if (bytes is { } found && Digest.Of(found.Span) != digest) throw new LedgerBrokenException($"blob {digest} has been changed in the store");
        return bytes;
    }

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

    protected abstract ValueTask<ReadOnlyMemory<byte>?> ReadBlobCore(Digest digest, CancellationToken cancel);

    protected abstract ValueTask CloseCore();

    private async Task PumpAsync()
    {
        List<Waiting> batch = [];
        try
        {
            while (await queue.Reader.WaitToReadAsync().ConfigureAwait(false))
            {
                batch.Clear();
                while (batch.Count < MaxBatch && queue.Reader.TryRead(out var waiting)) batch.Add(waiting);
                await AppendBatchAsync(batch).ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            // Whatever was not foreseen leaves the head in doubt, and a ledger in doubt stops.
            var reason = e as LedgerBrokenException ?? new LedgerBrokenException($"appending to {Trust.Origin} failed: {e}");
            lock (gate)
            {
                broken.TrySetResult(reason);
                queue.Writer.TryComplete();
            }
            FailAll(batch, reason);
        }
    }

    private async Task AppendBatchAsync(List<Waiting> batch)
    {
        try
        {
            // A head that no witness has seen is cosigned before anything is put on top of it: while witnesses are away the ledger stands still.
            if (Checkpoint.Checkpoint.Size != Size) await CosignAsync(closing.Token).ConfigureAwait(false);
            foreach (var turn in batch.Where(waiting => waiting.Entry.IsEmpty)) turn.Done.TrySetResult(null!);
            batch.RemoveAll(waiting => waiting.Entry.IsEmpty);
            if (batch.Count == 0) return;
            var recent = await CommitAsync(batch).ConfigureAwait(false);
            await CosignAsync(closing.Token).ConfigureAwait(false);
            foreach (var waiting in batch) Complete(waiting, recent);
        }
        catch (Exception e) when (e is AppendFailedException or UnavailableException or OperationCanceledException)
        {
            // Whoever waits behind a failed entry may have been decided on a state that has it: all of them fail.
            FailAll(batch, e);
        }
    }

    private async Task<RecentNodes> CommitAsync(List<Waiting> batch)
    {
        var before = head;
        var edge = before.Edge.Copy();
        var recent = new RecentNodes(before.Edge);
        List<LedgerLeaf> leaves = new(batch.Count);
        foreach (var waiting in batch)
        {
            waiting.Index = edge.Size;
            var hashes = edge.Append(MerkleTree.LeafHash(waiting.Entry.Span));
            recent.Add(waiting.Index, hashes);
            leaves.Add(new(waiting.Index, waiting.Entry, hashes));
        }
        var after = Signed(edge);
        var commit = new LedgerCommit(before.Stored, after.Stored!, leaves, [.. batch.SelectMany(waiting => waiting.Blobs)]);
        try
        {
            await CommitCore(commit, CancellationToken.None).ConfigureAwait(false); // the commit point
        }
        catch (AppendFailedException)
        {
            await RequireUnchangedAsync(before).ConfigureAwait(false);
            throw;
        }
        head = after;
        return recent;
    }

    /// <summary>After a failed commit the head on disk must be the old one: a store that half committed is not one to go on with.</summary>
    private async Task RequireUnchangedAsync(Head before)
    {
        var stored = await LoadCore(CancellationToken.None).ConfigureAwait(false);
        if (stored != before.Stored) throw new LedgerBrokenException($"a commit failed and yet changed the head of {Trust.Origin}");
    }

    private void Complete(Waiting waiting, RecentNodes recent)
    {
        var current = Checkpoint;
        var hashes = TreeRange.Inclusion(waiting.Index, current.Checkpoint.Size).Select(recent.Hash).ToList();
        waiting.Done.TrySetResult(Issue(waiting.Entry, waiting.Index, hashes, current));
    }

    /// <summary>A receipt of our own is checked like a stranger's: one that fails means that store and memory disagree.</summary>
    private LedgerReceipt Issue(ReadOnlyMemory<byte> entry, long index, IReadOnlyList<Digest> hashes, WitnessedCheckpoint current)
    {
        try
        {
            return LedgerReceipt.Check(entry, new(index, hashes, current.Note), current);
        }
        catch (RefusedException e)
        {
            throw new LedgerBrokenException($"entry {index} of {Trust.Origin} cannot be proved: {e.Message}");
        }
    }

    private async Task CosignAsync(CancellationToken cancel)
    {
        var (edge, note) = (head.Edge, SignedNote.Parse(head.Stored!.Checkpoint));
        ValueTask<IReadOnlyList<Digest>> ProofFrom(long size) => size > edge.Size
            ? ValueTask.FromResult<IReadOnlyList<Digest>>([])
            : TreeRange.HashesAsync(TreeRange.Consistency(size, edge.Size), ReadNodesCore, cancel);
        var lines = await Task.WhenAll(witnesses.Select(witness => witness.CosignAsync(note, ProofFrom, cancel))).ConfigureAwait(false);
        witnessed = Trust.Check(note.With(lines)); // kept in memory only: after a restart the witnesses give it again
    }

    private void FailAll(List<Waiting> batch, Exception e)
    {
        lock (gate)
        {
            while (queue.Reader.TryRead(out var waiting)) batch.Add(waiting);
            next = Size;
        }
        foreach (var waiting in batch) waiting.Done.TrySetException(e is OperationCanceledException ? new AppendFailedException("the ledger is closing", e) : e);
    }

    private async Task<Head?> LoadAsync(CancellationToken cancel)
    {
        if (await LoadCore(cancel).ConfigureAwait(false) is not { } stored) return null;
        var note = SignedNote.Parse(stored.Checkpoint);
        if (!note.IsSignedBy(signer.Verifier)) throw new LedgerBrokenException($"the head in the store is not signed by {Trust.Origin}");
        var checkpoint = Ledger.Checkpoint.Parse(note.Text);
        var nodes = new TreeRange(0, checkpoint.Size).Nodes.ToList();
        var edge = TreeEdge.Restore(checkpoint.Size, await ReadNodesCore(nodes, cancel).ConfigureAwait(false));
        if (checkpoint.Origin != Trust.Origin || checkpoint.Size != stored.Size || edge.Root != checkpoint.Root)
            throw new LedgerBrokenException($"the head in the store is not that of its {stored.Size} entries");
        return new(edge, stored);
    }

    private async Task<Head> CreateAsync(CancellationToken cancel)
    {
        var created = Signed(new TreeEdge());
        await CommitCore(new(null, created.Stored!, [], []), cancel).ConfigureAwait(false);
        return created;
    }

    private Head Signed(TreeEdge edge)
    {
        var note = signer.Sign(new Checkpoint(Trust.Origin, edge.Size, edge.Root).Text);
        return new(edge, new(edge.Size, note.ToString()));
    }

    private sealed record Head(TreeEdge Edge, StoredHead? Stored);

    private sealed class Waiting(ReadOnlyMemory<byte> entry, IReadOnlyList<LedgerBlob> blobs)
    {
        public long Index { get; set; }

        public ReadOnlyMemory<byte> Entry { get; } = entry;

        public IReadOnlyList<LedgerBlob> Blobs { get; } = blobs;

        public TaskCompletionSource<LedgerReceipt> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>
    /// The subtrees that proofs of just appended leaves are made of: those that the batch completed and the edge that it was put on. A left
    /// sibling of a new leaf's path is one or the other, so no proof of a batch reads the store.
    /// </summary>
    private sealed class RecentNodes
    {
        private readonly Dictionary<TreeNode, Digest> hashes = [];

        internal RecentNodes(TreeEdge edge)
        {
            foreach (var (node, hash) in new TreeRange(0, edge.Size).Nodes.Zip(edge.Subtrees)) hashes[node] = hash;
        }

        internal void Add(long leaf, IReadOnlyList<Digest> made)
        {
            for (var level = 0; level < made.Count; level++) hashes[new(level, leaf >> level)] = made[level];
        }

        internal Digest Hash(TreeRange range) => TreeRange.Fold([.. range.Nodes.Select(node => hashes[node])]);
    }
}

/// <summary>What a store keeps of its head: size and signed checkpoint.</summary>
public sealed record StoredHead(long Size, string Checkpoint);

/// <summary>Bytes kept beside the ledger under their SHA-256.</summary>
public sealed record LedgerBlob(Digest Digest, ReadOnlyMemory<byte> Bytes);

/// <summary>One entry as it is stored, with the hashes of the subtrees that it completes: its leaf hash, then one for each level above.</summary>
public sealed record LedgerLeaf(long Index, ReadOnlyMemory<byte> Entry, IReadOnlyList<Digest> Hashes);

/// <summary>One durable step from a head to the next.</summary>
/// <param name="Before">The head that must be found; null when the store must be new.</param>
/// <param name="After">The head that replaces it.</param>
/// <param name="Leaves">The entries between the two, in order.</param>
/// <param name="Blobs">Some may be there already.</param>
public sealed record LedgerCommit(StoredHead? Before, StoredHead After, IReadOnlyList<LedgerLeaf> Leaves, IReadOnlyList<LedgerBlob> Blobs);
