using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Ledger;

namespace Strongroom.Broker.Release;

/// <summary>
/// The permission to unwrap one model key and seal it to one enclave: a decision that allows it, with the proof that this very decision stands in the
/// witnessed ledger.
/// </summary>
internal sealed class ReleaseGrant : KeyGrant
{
    private ReleaseGrant(LedgerReceipt receipt, ReleaseDecided decided, GrantedLease lease)
        : base(decided.Model, decided.Version, decided.Transcript.Files) => (Receipt, Decided, Lease) = (receipt, decided, lease);

    public LedgerReceipt Receipt { get; }

    public ReleaseDecided Decided { get; }

    public GrantedLease Lease { get; }

    /// <summary>Reads what was decided out of the proved bytes, and from nowhere else.</summary>
    /// <exception cref="LedgerBrokenException">The entry is not a decision to release: somebody pairs receipts and decisions wrongly.</exception>
    public static ReleaseGrant From(LedgerReceipt receipt) =>
        LedgerRecord.Parse(receipt.Entry.Span) is ReleaseDecided { Outcome: Outcome.Allowed, Grant: { } lease } decided
            ? new(receipt, decided, lease)
            : throw new LedgerBrokenException($"entry {receipt.Index} was taken for a release, and is none");
}
