using System.Text.Json.Serialization;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Tpm;

/// <summary>What a caller wants of a TPM's evidence. Every default is the strict one; a strict policy that names no key trusts none.</summary>
/// <param name="AttestationKeys">Names of attestation keys (TPM 2.0 part 1, section 16), hexadecimal: algorithm and hash.</param>
/// <param name="RootKeys">SHA-256 of the public keys (SubjectPublicKeyInfo) of CAs that vouch for attestation keys.</param>
/// <param name="Pcrs">PCRs that must be quoted, explained by the event log, and listed in <paramref name="ReferenceValues"/> or decided by the caller.</param>
/// <param name="ReferenceValues">Wanted values by number, lower-case hexadecimal.</param>
/// <param name="AllowRestarts">Whether the machine may have been suspended since it booted.</param>
internal sealed record TpmAppraisalPolicy(
    IReadOnlyList<string>? AttestationKeys = null, IReadOnlyList<Digest>? RootKeys = null, IReadOnlyList<int>? Pcrs = null,
    IReadOnlyDictionary<string, Digest>? ReferenceValues = null, bool AllowRestarts = false)
{
    /// <summary>All members at their defaults, written out.</summary>
    public static TpmAppraisalPolicy Strict { get; } = new([], [], EnrolledMachine.DefaultPcrs, new Dictionary<string, Digest>());

    /// <exception cref="MalformedException">Not JSON of this record, or a PCR that there is not.</exception>
    public static TpmAppraisalPolicy Parse(ReadOnlySpan<byte> json)
    {
        if (json.IsEmpty) return Strict;
        var read = CanonicalJson.Read(json, TpmAppraisalJson.Default.TpmAppraisalPolicy);
        var policy = new TpmAppraisalPolicy(read.AttestationKeys ?? Strict.AttestationKeys, read.RootKeys ?? Strict.RootKeys, read.Pcrs ?? Strict.Pcrs, read.ReferenceValues ?? Strict.ReferenceValues, read.AllowRestarts);
        if (policy.Pcrs!.Any(pcr => pcr is < 0 or > 23) || policy.Pcrs!.Distinct().Count() != policy.Pcrs!.Count) throw new MalformedException(-1, "PCRs are numbers from 0 to 23, each once");
        return policy;
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(TpmAppraisalPolicy))]
internal sealed partial class TpmAppraisalJson : JsonSerializerContext;
