using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Ledger;

namespace Strongroom.Broker;

/// <summary>
/// The one way to write. Rules look at the newest state, entries on their way to the disk included, and a record is appended under exactly the index that
/// this state gives it; nobody is told of it, and no reader sees it, before it is durable and witnessed.
/// </summary>
internal sealed class Journal(LedgerStore store, TimeProvider clock) : IDisposable
{
    private readonly SemaphoreSlim writing = new(1);
    private readonly Lock settling = new();
    private readonly Queue<LedgerState> onTheWay = new();
    private TaskCompletionSource changed = NewSignal();
    private LedgerState durable = LedgerState.Empty;
    private LedgerState newest = LedgerState.Empty;
    private Task last = Task.CompletedTask;
    private bool inDoubt;

    /// <summary>What is durable. Immutable: a reader keeps what it has.</summary>
    public LedgerState State => Volatile.Read(ref durable);

    /// <summary>Completes when <see cref="State"/> is another.</summary>
    public Task Changed => Volatile.Read(ref changed).Task;

    /// <summary>Folds the ledger. An empty one gets <paramref name="genesis"/>; any other must have begun with it.</summary>
    /// <exception cref="LedgerBrokenException">The ledger began with another record.</exception>
    public async Task OpenAsync(ReadOnlyMemory<byte> genesis, CancellationToken cancel)
    {
        if (store.Size == 0) await store.AppendAsync(0, genesis, [], cancel);
        await foreach (var entry in store.ReadEntriesAsync(0, 1, cancel))
        {
            if (!entry.Span.SequenceEqual(genesis.Span)) throw new LedgerBrokenException("the ledger did not begin with the genesis.json of this directory");
        }
        await FoldAsync(cancel);
    }

    public T Read<T>(Func<LedgerState, T> read) => read(State);

    /// <summary>As <see cref="WriteAsync"/> would see it now, what is on its way to the disk apart.</summary>
    public T Read<T>(Func<LedgerState, DateTimeOffset, T> read)
    {
        var state = State;
        return read(state, Now(state));
    }

    /// <summary>Writes what <paramref name="draft"/> makes of the newest state, or nothing when it makes nothing.</summary>
    /// <returns>The receipt of the record; null when nothing was written. Either way the state that was decided on is durable by now.</returns>
    /// <exception cref="AppendFailedException">Nothing was written.</exception>
    /// <exception cref="UnavailableException">A witness is away; the record may have been written, and then it is so.</exception>
    public async Task<LedgerReceipt?> WriteAsync(Func<LedgerState, DateTimeOffset, Draft?> draft, CancellationToken cancel)
    {
        Task<LedgerReceipt>? append;
        Task before;
        await writing.WaitAsync(cancel);
        try
        {
            if (inDoubt) await FoldAsync(cancel);
            before = last;
            append = Append(draft(newest, Now(newest)));
        }
        catch (AppendFailedException)
        {
            inDoubt = true; // the ledger has left the state that was decided on
            throw;
        }
        finally
        {
            writing.Release();
        }
        return append is null ? await NothingAsync(before) : await SettleAsync(append);
    }

    /// <summary>The receipt of an entry that was written earlier, under the newest witnessed head.</summary>
    /// <exception cref="UnavailableException">A witness is away, and was when the entry was written.</exception>
    public async Task<LedgerReceipt> ReceiptAsync(long index, CancellationToken cancel)
    {
        if (index >= store.Checkpoint.Checkpoint.Size) await store.CatchUpAsync(cancel);
        return await store.ReceiptAsync(index, cancel);
    }

    public void Dispose() => writing.Dispose();

    private Task<LedgerReceipt>? Append(Draft? draft)
    {
        if (draft is null) return null;
        var (index, entry) = (newest.Size, draft.Record.ToEntry());
        var next = newest.Apply(index, draft.Record); // before the append: a record that the fold refuses is never written
        var append = store.AppendAsync(index, entry, draft.Blobs, CancellationToken.None);
        lock (settling) onTheWay.Enqueue(next);
        (newest, last) = (next, append);
        return append;
    }

    private async Task<LedgerReceipt> SettleAsync(Task<LedgerReceipt> append)
    {
        try
        {
            var receipt = await append;
            lock (settling)
            {
                var settled = durable;
                while (onTheWay.TryPeek(out var next) && next.Size <= receipt.Index + 1) settled = onTheWay.Dequeue();
                Publish(settled);
            }
            return receipt;
        }
        catch (Exception e) when (e is AppendFailedException or UnavailableException)
        {
            // A late doubt costs a needless fold and nothing else: the store compares the index of every append with its own.
            await writing.WaitAsync(CancellationToken.None);
            inDoubt = true;
            writing.Release();
            throw;
        }
    }

    /// <summary>Nothing was written because of what the newest state says: true only once that state is durable.</summary>
    private static async Task<LedgerReceipt?> NothingAsync(Task before)
    {
        await before;
        return null;
    }

    /// <summary>Recovery is the start: what the ledger has is what is so. Waits for what is on its way first; nothing new can join while it folds.</summary>
    private async Task FoldAsync(CancellationToken cancel)
    {
        await last.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var state = State;
        await foreach (var record in store.ReadToHeadAsync(state.Size, Record, cancel))
            state = state.Apply(state.Size, record ?? throw new LedgerBrokenException($"entry {state.Size} is no record that this program knows: it was changed, or written by a later one"));
        lock (settling)
        {
            onTheWay.Clear();
            Publish(state);
        }
        (newest, last, inDoubt) = (state, Task.CompletedTask, false);
    }

    /// <summary>Null is for the fold to refuse, which knows the index.</summary>
    private static LedgerRecord? Record(ReadOnlyMemory<byte> entry)
    {
        try
        {
            return LedgerRecord.ReadProved(entry.Span);
        }
        catch (MalformedException)
        {
            return null;
        }
    }

    private void Publish(LedgerState state)
    {
        if (state.Size <= durable.Size) return;
        Volatile.Write(ref durable, state);
        Interlocked.Exchange(ref changed, NewSignal()).SetResult();
    }

    /// <summary>Whole seconds, and never back: records are in the order of their times.</summary>
    private DateTimeOffset Now(LedgerState state)
    {
        var now = Timestamp.WholeSecond(clock.GetUtcNow());
        return now < state.At ? state.At : now;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>A record that may be written, and the large things that it names by their hash.</summary>
internal sealed record Draft(LedgerRecord Record, params IReadOnlyList<ReadOnlyMemory<byte>> Blobs);
