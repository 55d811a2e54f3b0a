using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <content>The one writer: batch, sign, commit, have cosigned, hand out.</content>
public abstract partial class LedgerStore
{
    private async Task PumpAsync()
    {
        List<Waiting> batch = [];
        try
        {
            while (await queue.Reader.WaitToReadAsync().ConfigureAwait(false))
            {
                batch.Clear();
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

    private async Task AppendBatchAsync(List<Waiting> taken)
    {
        try
        {
            // A head that no witness has seen is cosigned before anything is put on top of it: while witnesses are away the ledger stands still.
            if (Checkpoint.Checkpoint.Size != Size) await CosignAsync(null, closing.Token).ConfigureAwait(false);
            var batch = Take(taken);
            if (batch.Leaves.Count > 0)
            {
                var after = Task.Run(() => Signed(batch.Edge));
                await CommitAsync(new(head.Stored, after, batch.Leaves, [.. taken.SelectMany(waiting => waiting.Blobs)])).ConfigureAwait(false);
                head = new(batch.Edge, await after.ConfigureAwait(false));
                await CosignAsync(batch, closing.Token).ConfigureAwait(false);
                foreach (var (waiting, leaf) in taken.Where(waiting => !waiting.OnlyCatchesUp).Zip(batch.Leaves)) waiting.Done.TrySetResult(Receipt(batch, leaf));
            }
            foreach (var waiting in taken) waiting.Done.TrySetResult(null); // changes nothing for who has a receipt
        }
        catch (Exception e) when (e is AppendFailedException or UnavailableException or OperationCanceledException)
        {
            // Whoever waits behind a failed entry may have been decided on a state that has it: all of them fail.
            FailAll(taken, e);
        }
    }

    private LedgerReceipt Receipt(LedgerBatch batch, LedgerLeaf leaf)
    {
        var current = Checkpoint;
        return new(leaf, current, () => Proved(leaf.Index, () => batch.Prove(leaf, current.Checkpoint)));
    }

    /// <summary>An entry of this ledger that does not prove means that the store was changed, or this process's memory.</summary>
    private ProvedEntry Proved(long index, Func<ProvedEntry> check)
    {
        try
        {
            return check();
        }
        catch (RefusedException e)
        {
            var reason = new LedgerBrokenException($"entry {index} of {Trust.Origin} cannot be proved: {e.Message}");
            broken.TrySetResult(reason);
            throw reason;
        }
    }

    /// <summary>Takes all that waits, and what comes while it hashes that.</summary>
    private LedgerBatch Take(List<Waiting> taken)
    {
        var batch = new LedgerBatch(head.Edge);
        while (taken.Count < MaxBatch && queue.Reader.TryRead(out var waiting))
        {
            taken.Add(waiting);
            if (!waiting.OnlyCatchesUp) batch.Add(waiting.Entry);
        }
        return batch;
    }

    private async Task CommitAsync(LedgerCommit commit)
    {
        try
        {
            await CommitCore(commit, CancellationToken.None).ConfigureAwait(false); // the commit point
        }
        catch (AppendFailedException)
        {
            await RequireUnchangedAsync(commit.Before).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>After a failed commit the head on disk must be the old one: a store that half committed is not one to go on with.</summary>
    private async Task RequireUnchangedAsync(StoredHead? before)
    {
        var stored = await LoadCore(CancellationToken.None).ConfigureAwait(false);
        if (stored != before) throw new LedgerBrokenException($"a commit failed and yet changed the head of {Trust.Origin}");
    }

    private async Task CosignAsync(LedgerBatch? batch, CancellationToken cancel)
    {
        var (edge, note) = (head.Edge, SignedNote.Parse(head.Stored!.Checkpoint));
        ValueTask<IReadOnlyList<Digest>> ProofFrom(long size) =>
            size > edge.Size ? ValueTask.FromResult<IReadOnlyList<Digest>>([])
            : size == batch?.From ? ValueTask.FromResult(batch.Consistency())
            : TreeRange.HashesAsync(TreeRange.Consistency(size, edge.Size), ReadNodesCore, cancel);
        var lines = await Task.WhenAll(witnesses.Select(witness => witness.CosignAsync(note, ProofFrom, cancel))).ConfigureAwait(false);
        // Signed by this store a moment ago, and each line was verified by the client that got it. Kept in memory only: witnesses give it again.
        witnessed = new(HeadOf(edge), note.With(lines), [.. lines.Select(Cosignature.FromVerified)]);
    }

    private void FailAll(List<Waiting> batch, Exception e)
    {
        lock (gate)
        {
            while (queue.Reader.TryRead(out var waiting)) batch.Add(waiting);
            next = Size;
        }
        var reason = e is OperationCanceledException ? new UnavailableException("the ledger is closing, and its witnesses were not heard any more", e) : e;
        foreach (var waiting in batch) waiting.Done.TrySetException(reason);
    }

    private async Task<Head?> LoadAsync(CancellationToken cancel)
    {
        if (await LoadCore(cancel).ConfigureAwait(false) is not { } stored) return null;
        var checkpoint = SignedHead(stored);
        var nodes = new TreeRange(0, checkpoint.Size).Nodes.ToList();
        var edge = TreeEdge.Restore(checkpoint.Size, await ReadNodesCore(nodes, cancel).ConfigureAwait(false));
        if (checkpoint.Origin != Trust.Origin || checkpoint.Size != stored.Size || edge.Root != checkpoint.Root)
            throw new LedgerBrokenException($"the head in the store is not that of its {stored.Size} entries");
        return new(edge, stored);
    }

    private Checkpoint SignedHead(StoredHead stored)
    {
        try
        {
            var note = SignedNote.Parse(stored.Checkpoint);
            return note.IsSignedBy(signer.Verifier) ? Ledger.Checkpoint.Parse(note.Text) : throw new LedgerBrokenException($"the head in the store is not signed by {Trust.Origin}");
        }
        catch (MalformedException e)
        {
            throw new LedgerBrokenException($"the head in the store is none: {e.Message}");
        }
    }

    private async Task<Head> CreateAsync(CancellationToken cancel)
    {
        var empty = new TreeEdge();
        var signed = Signed(empty);
        await CommitCore(new(null, Task.FromResult(signed), [], []), cancel).ConfigureAwait(false);
        return new(empty, signed);
    }

    private StoredHead Signed(TreeEdge edge) => new(edge.Size, signer.Sign(HeadOf(edge).Text).ToString());

    private Checkpoint HeadOf(TreeEdge edge) => new(Trust.Origin, edge.Size, edge.Root);

    private sealed record Head(TreeEdge Edge, StoredHead? Stored);

    private sealed class Waiting(ReadOnlyMemory<byte> entry, IReadOnlyList<LedgerBlob> blobs)
    {
        public ReadOnlyMemory<byte> Entry { get; } = entry;

        public IReadOnlyList<LedgerBlob> Blobs { get; } = blobs;

        /// <summary>Wants the head cosigned and appends nothing; an entry has at least one byte.</summary>
        public bool OnlyCatchesUp => Entry.IsEmpty;

        /// <summary>The receipt; null for who only catches up.</summary>
        public TaskCompletionSource<LedgerReceipt?> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
