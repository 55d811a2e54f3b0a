using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;

namespace Strongroom.Attestation;

/// <summary>What a machine is measured to be, as one record; its hash is what people approve.</summary>
/// <param name="Kind">Kind of evidence.</param>
/// <param name="Claims">As <see cref="VerifiedEvidence.Claims"/>.</param>
/// <param name="Bank">Hash algorithm of the PCRs; absent where there are none.</param>
public sealed record Measurement(string Kind, IReadOnlyDictionary<string, string> Claims, string? Bank = null)
{
    /// <summary>SHA-256 of the record's canonical JSON. Reference values that name every claim have the same measurement as the evidence they match.</summary>
    public static Digest Of(string kind, IReadOnlyDictionary<string, string> claims) =>
        Digest.Of(CanonicalJson.Serialize(new Measurement(kind, claims, kind == TpmEvidence.KindName ? "sha256" : null), AttestationJson.Default.Measurement));
}
