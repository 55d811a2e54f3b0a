using Strongroom.Bytes;

namespace Strongroom.Attestation.Tpm;

/// <summary>What a machine with a TPM 2.0 sends; canonical JSON, bytes in base64. spec/evidence.md, "TPM 2.0". There is no key in it, on purpose.</summary>
/// <param name="Kind">Always <c>tpm</c>.</param>
/// <param name="Quote">TPMS_ATTEST, the bytes that were signed.</param>
/// <param name="Signature">TPMT_SIGNATURE over them.</param>
/// <param name="Pcrs">The values of exactly the quoted SHA-256 PCRs, by number.</param>
/// <param name="EventLog">The firmware's log, binary as the kernel shows it.</param>
/// <param name="Starts">Every enclave that started since the machine did, oldest first.</param>
public sealed record TpmEvidence(
    string Kind, byte[] Quote, byte[] Signature, IReadOnlyDictionary<string, Digest> Pcrs, byte[] EventLog, IReadOnlyList<EnclaveStart> Starts)
{
    public const string KindName = "tpm";

    /// <summary>An event log of 512 KiB in base64, and the rest.</summary>
    public const int MaxSizeInBytes = 768 * 1024;

    /// <exception cref="MalformedException">Not canonical JSON of this record.</exception>
    public static TpmEvidence Parse(ReadOnlySpan<byte> utf8) =>
        CanonicalJson.Parse(utf8, AttestationJson.Default.TpmEvidence, MaxSizeInBytes) is { Kind: KindName } evidence
            ? evidence
            : throw new MalformedException(-1, "the evidence is not of the kind tpm");

    public byte[] ToBytes() => CanonicalJson.Serialize(this, AttestationJson.Default.TpmEvidence);
}
