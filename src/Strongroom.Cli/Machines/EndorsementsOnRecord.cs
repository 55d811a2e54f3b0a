using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Cli.Machines;

/// <summary>
/// The vendors' endorsements on record. That they are the latest is the broker's word, and they grow stale like any; that they were recorded, by whom and as collected when, the
/// witnessed ledger proves.
/// </summary>
internal static class EndorsementsOnRecord
{
    /// <returns>Null where the broker has none: what needs them gets no verdict, and nothing passes for want of one.</returns>
    /// <exception cref="RefusedException">The ledger does not have what the broker says there.</exception>
    internal static async Task<(EndorsementsReply Said, RecordedEndorsements Bundle)?> FindAsync(Session session, Func<ReadOnlyMemory<byte>, RecordedEndorsements> read, CancellationToken cancel)
    {
        if (await session.Broker.EndorsementsAsync(cancel) is not { } said) return null;
        if (await session.RecordAsync(said.Index, cancel) is not CommandRecord { Command: RecordEndorsements recorded }
            || (recorded.Bundle, recorded.Collector, recorded.Collected) != (said.Bundle, said.Collector, said.Collected))
            throw new RefusedException($"ledger entry {said.Index} does not put the endorsements on record that the broker says");
        return (said, read(await session.Broker.BlobAsync(said.Bundle, cancel)));
    }
}
