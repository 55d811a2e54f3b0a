using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>
/// The decision on a request that a guest made by RCAR. A type of its own is the mark: whoever reads the ledger sees that this key went, or did not go, to a program
/// that checks no proof and obeys no lease.
/// </summary>
/// <param name="Grant">Present exactly when the outcome is <see cref="Outcome.Allowed"/>.</param>
/// <param name="Missing">Present exactly when the outcome is <see cref="Outcome.Pending"/>.</param>
public sealed record GuestDecided(
    DateTimeOffset At, Outcome Outcome, GuestTranscript Transcript, string Model, long Version, Digest Evidence, long EvidenceSize, Digest? Policy = null,
    Digest? Measurement = null, GrantedLease? Grant = null, IReadOnlyList<string>? Missing = null, IReadOnlyList<string>? Reasons = null,
    Digest? Endorsements = null)
    : Decided(At, Outcome, Evidence, EvidenceSize, Policy, Measurement, Development: null, Reasons, Endorsements)
{
    /// <summary>As the guest names it, and as the answer's header says it: model, version and request.</summary>
    public static string ResourceOf(string model, long version, string request) => $"{model}/{version}/{request}";

    internal override string Asker => Transcript.Machine;

    private protected override Decided WithoutChallenge() => this with { Transcript = Transcript with { Nonce = default, Issued = DateTimeOffset.UnixEpoch } };
}
