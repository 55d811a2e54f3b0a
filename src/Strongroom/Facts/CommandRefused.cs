using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>
/// A command that an enrolled person signed for this ledger, now and for the first time, and that the rules did not accept. Whoever tries what they may
/// not do leaves a trace; whoever repeats what another signed, long ago or a minute ago, leaves none, or anybody could fill the ledger with it.
/// </summary>
/// <param name="Reasons">Every reason, as the person was told.</param>
public sealed record CommandRefused(DateTimeOffset At, Command Command, ReadOnlyMemory<byte> Signature, IReadOnlyList<string> Reasons) : LedgerRecord(At)
{
    /// <summary>The record of a refusal; null when there is nothing to refuse, nothing to record, or no room for command and reasons in one entry.</summary>
    public static CommandRefused? Of(LedgerState state, SignedCommand asked, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(asked);
        if (!Rules.IsOwnWord(state, asked, now) || state.Refusals(asked, now) is not { Count: > 0 } reasons) return null;
        var record = new CommandRefused(now, asked.Command, asked.Signature, Facts.Reasons.Fitting(reasons));
        return CanonicalJson.Serialize(record, FactsJson.Default.LedgerRecord).Length <= MaxBytes ? record : null;
    }
}
