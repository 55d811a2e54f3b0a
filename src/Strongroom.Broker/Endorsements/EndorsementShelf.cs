using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Ledger;

namespace Strongroom.Broker.Endorsements;

/// <summary>The bundle on record, read once and kept until there is another.</summary>
/// <param name="ledger">Holds the bundles as blobs.</param>
/// <param name="read">How bytes become endorsements; tests hand in one that knows their vendors.</param>
internal sealed class EndorsementShelf(LedgerStore ledger, Func<ReadOnlyMemory<byte>, RecordedEndorsements> read) : IDisposable
{
    private readonly SemaphoreSlim reading = new(1);
    private RecordedEndorsements last = RecordedEndorsements.None;

    /// <summary>What this machine's evidence is judged with; none for a machine whose kind needs none.</summary>
    /// <exception cref="UnavailableException">The bundle is not beside the ledger, or cannot be read: nobody's evidence is at fault.</exception>
    public async ValueTask<RecordedEndorsements> ForAsync(LedgerState state, string machine, CancellationToken cancel) =>
        AttestationResult.NeedsEndorsements(state, machine) ? await OnRecordAsync(state, cancel) : RecordedEndorsements.None;

    /// <inheritdoc cref="ForAsync"/>
    public async ValueTask<RecordedEndorsements> OnRecordAsync(LedgerState state, CancellationToken cancel)
    {
        if (state.Endorsements.Latest?.Digest is not { } digest) return RecordedEndorsements.None;
        if (Volatile.Read(ref last) is { } held && held.Digest == digest) return held;
        await reading.WaitAsync(cancel); // it is large, and after each new one everybody asks at once
        try
        {
            if (last.Digest == digest) return last;
            var bytes = await ledger.ReadBlobAsync(digest, cancel) ?? throw new UnavailableException($"the bundle of endorsements {digest} is not beside the ledger: restore it");
            Volatile.Write(ref last, read(bytes));
            return last;
        }
        catch (MalformedException e)
        {
            throw new UnavailableException($"the bundle of endorsements {digest} on record cannot be read: record another one ({e.Message})", e);
        }
        finally
        {
            reading.Release();
        }
    }

    public void Dispose() => reading.Dispose();
}
