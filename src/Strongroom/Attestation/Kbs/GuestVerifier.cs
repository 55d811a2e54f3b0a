using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Attestation.Kbs;

/// <summary>Judges what a guest sends by RCAR (spec/kbs.md, "Evidence"): the checks of a whole machine, with this protocol's own binding to nonce, key and devices.</summary>
public static class GuestVerifier
{
    /// <summary>Which machine it is and what it measures; nothing here knows whether anybody enrolled it.</summary>
    /// <param name="tee"><c>snp</c> or <c>tdx</c>, as the guest said before it was challenged.</param>
    /// <param name="nonce">The challenge.</param>
    /// <param name="key">The guest's.</param>
    /// <param name="evidence">As it came: <see cref="GuestEvidence"/>.</param>
    /// <param name="endorsements">What is known of the vendors.</param>
    /// <param name="now">The verifier's clock.</param>
    /// <exception cref="MalformedException">The bytes are no evidence of a guest of this kind.</exception>
    /// <exception cref="UnavailableException">Nothing is wrong, but endorsements are missing or stale: nothing can be decided.</exception>
    public static TeeEnrolment Check(string tee, ReadOnlySpan<byte> nonce, JweKey key, ReadOnlyMemory<byte> evidence, Endorsements endorsements, DateTimeOffset now) =>
        Check(tee, nonce, key, evidence, endorsements, now, VendorRoots.Pinned);

    internal static TeeEnrolment Check(
        string tee, ReadOnlySpan<byte> nonce, JweKey key, ReadOnlyMemory<byte> evidence, Endorsements endorsements, DateTimeOffset now, VendorRoots roots)
    {
        var kind = GuestEvidence.KindOf(tee) ?? throw new MalformedException(-1, $"guests of the kind {tee} are not judged here");
        var guest = GuestEvidence.Parse(evidence.Span);
        return TeeEnrolment.Check(
            new(guest.Parts(kind).ToBytes(), now)
            {
                ReportData = GuestEvidence.ReportData(nonce, key, guest.AdditionalEvidence), DeviceNonce = GuestEvidence.DeviceNonce(nonce, key), Endorsements = endorsements,
            },
            roots);
    }
}
