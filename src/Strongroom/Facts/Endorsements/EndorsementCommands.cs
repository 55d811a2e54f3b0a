using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>Puts vendors' collateral on record: from the next record on, evidence of TEEs is judged with it and with nothing else. The bundle lies beside the ledger.</summary>
/// <param name="Collector">Name of a recorded collector, whose key signed the bundle.</param>
/// <param name="Collected">When the bundle says that it was collected: later than every one before it.</param>
/// <param name="Bundle">SHA-256 of the bundle (spec/evidence-verdict.md, "Bundles").</param>
public sealed record RecordEndorsements(string Ledger, string Id, string By, DateTimeOffset At, string Collector, DateTimeOffset Collected, Digest Bundle)
    : Command(Ledger, Id, By, At);
