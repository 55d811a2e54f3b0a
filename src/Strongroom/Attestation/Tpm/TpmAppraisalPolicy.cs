using System.Text.Json.Serialization;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Tpm;

/// <summary>What a caller wants of a TPM's evidence. Every default is the strict one; a strict policy that names no key trusts none.</summary>
/// <param name="AttestationKeys">Names of attestation keys (TPM 2.0 part 1, section 16), hexadecimal: algorithm and hash.</param>
/// <param name="RootKeys">SHA-256 of the public keys (SubjectPublicKeyInfo) of CAs that vouch for attestation keys.</param>
/// <param name="KeyUsages">Extended key usages (OIDs) of which a certificate of an attestation key must have one: what the CA certifies it for.</param>
/// <param name="RequireRevocationLists">Whether each certificate that such a CA vouches by needs a fresh list; lists that are given always count.</param>
/// <param name="MaxEndorsementAgeDays">Oldest revocation list that counts.</param>
/// <param name="Pcrs">PCRs that must be quoted, explained by the event log, and listed in <paramref name="ReferenceValues"/> or decided by the caller.</param>
/// <param name="ReferenceValues">Wanted values by number, lower-case hexadecimal.</param>
/// <param name="AllowRestarts">Whether the machine may have been suspended since it booted.</param>
internal sealed record TpmAppraisalPolicy(
    IReadOnlyList<string>? AttestationKeys = null, IReadOnlyList<Digest>? RootKeys = null, IReadOnlyList<string>? KeyUsages = null, bool RequireRevocationLists = true, int MaxEndorsementAgeDays = 7,
    IReadOnlyList<int>? Pcrs = null, IReadOnlyDictionary<string, Digest>? ReferenceValues = null, bool AllowRestarts = false)
{
    private const string AttestationKeyUsage = "2.23.133.8.3"; // tcg-kp-AIKCertificate

    /// <summary>All members at their defaults, written out.</summary>
    public static TpmAppraisalPolicy Strict { get; } = new([], [], [AttestationKeyUsage], true, 7, EnrolledMachine.DefaultPcrs, new Dictionary<string, Digest>());

    /// <exception cref="MalformedException">Not JSON of this record, or a PCR that there is not.</exception>
    public static TpmAppraisalPolicy Parse(ReadOnlySpan<byte> json)
    {
        if (json.IsEmpty) return Strict;
        var read = CanonicalJson.Read(json, TpmAppraisalJson.Default.TpmAppraisalPolicy);
        var policy = read with
        {
            AttestationKeys = read.AttestationKeys ?? Strict.AttestationKeys, RootKeys = read.RootKeys ?? Strict.RootKeys, KeyUsages = read.KeyUsages ?? Strict.KeyUsages,
            Pcrs = read.Pcrs ?? Strict.Pcrs, ReferenceValues = read.ReferenceValues ?? Strict.ReferenceValues,
        };
        policy.RequireSense();
        return policy;
    }

    private void RequireSense()
    {
        if (Pcrs!.Count == 0 || Pcrs.Distinct().Count() != Pcrs.Count || Pcrs.Any(pcr => pcr is < 0 or > 22 or 16)) throw new MalformedException(-1, "PCRs are at least one of 0 to 22, each once, and not 16: software resets 16 and 23");
        if (ReferenceValues!.Keys.Any(name => name is "16" or "23")) throw new MalformedException(-1, "PCRs 16 and 23 can be reset by software: their values prove nothing");
        if (KeyUsages!.Count == 0) throw new MalformedException(-1, "key_usages names at least one usage");
        if (MaxEndorsementAgeDays is < 1 or > 366) throw new MalformedException(-1, "max_endorsement_age_days is 1 to 366");
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(TpmAppraisalPolicy))]
internal sealed partial class TpmAppraisalJson : JsonSerializerContext;
