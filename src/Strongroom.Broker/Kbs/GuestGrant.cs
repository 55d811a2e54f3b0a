using Strongroom.Broker.Release;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Ledger;

namespace Strongroom.Broker.Kbs;

/// <summary>As a <see cref="ReleaseGrant"/>, for a guest: a decision that allows it, with the proof that this very decision stands in the witnessed ledger.</summary>
internal sealed class GuestGrant : KeyGrant
{
    private GuestGrant(GuestDecided decided)
        : base(decided.Model, decided.Version, decided.Transcript.Files) => Decided = decided;

    public GuestDecided Decided { get; }

    /// <summary>What the answer is bound to.</summary>
    public string Resource => GuestDecided.ResourceOf(Decided.Model, Decided.Version, Decided.Transcript.Request);

    /// <summary>Reads what was decided out of the proved bytes, and from nowhere else.</summary>
    /// <exception cref="LedgerBrokenException">The entry is not a decision to release to a guest.</exception>
    public static GuestGrant From(LedgerReceipt receipt) =>
        LedgerRecord.Parse(receipt.Entry.Span) is GuestDecided { Outcome: Outcome.Allowed, Grant: not null } decided
            ? new(decided)
            : throw new LedgerBrokenException($"entry {receipt.Index} was taken for a release to a guest, and is none");
}
