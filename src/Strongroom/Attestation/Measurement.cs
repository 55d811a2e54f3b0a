using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;

namespace Strongroom.Attestation;

/// <summary>What a machine is measured to be, as one record; its hash is what people approve.</summary>
/// <param name="Kind">Kind of evidence.</param>
/// <param name="Claims">As <see cref="VerifiedEvidence.Claims"/>.</param>
/// <param name="Bank">Hash algorithm of the PCRs; absent where there are none.</param>
public sealed record Measurement(string Kind, IReadOnlyDictionary<string, string> Claims, string? Bank = null)
{
    public static Measurement From(string kind, IReadOnlyDictionary<string, string> claims) => new(kind, claims, BankOf(kind));

    /// <summary>SHA-256 of the record's canonical JSON. Reference values that name every claim have the same measurement as the evidence they match.</summary>
    public static Digest Of(string kind, IReadOnlyDictionary<string, string> claims) => From(kind, claims).Digest();

    /// <exception cref="MalformedException">Not the canonical JSON of a measurement.</exception>
    public static Measurement Parse(ReadOnlySpan<byte> utf8)
    {
        var read = CanonicalJson.Parse(utf8, AttestationJson.Default.Measurement, EvidenceVerifier.MaxSizeInBytes);
        return read.Bank == BankOf(read.Kind) ? read : throw new MalformedException(-1, "a measurement names the bank of its PCRs exactly where it has PCRs");
    }

    /// <summary>The record's canonical JSON: what lies beside the ledger under <see cref="Digest"/>.</summary>
    public byte[] ToBytes() => CanonicalJson.Serialize(this, AttestationJson.Default.Measurement);

    public Digest Digest() => Bytes.Digest.Of(ToBytes());

    private static string? BankOf(string kind) => kind == TpmEvidence.KindName ? "sha256" : null;
}
