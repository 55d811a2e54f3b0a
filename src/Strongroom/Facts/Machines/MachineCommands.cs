using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>
/// Enrols a machine by what tells it from every other: with a TPM its attestation key, after it showed that this key lives beside its endorsement key
/// (spec/evidence.md); with a TEE the identity that its makers certified, by evidence (spec/evidence-composite.md).
/// </summary>
/// <param name="Machine">The machine's id, which follows from its attestation key.</param>
/// <param name="Kind">The kind of evidence: <c>tpm</c>, <c>sev-snp</c>, <c>tdx</c>, <c>nitro</c>, <c>development</c>.</param>
/// <param name="AttestationKey">tpm: TPM2B_PUBLIC; a TEE: <see cref="Strongroom.Attestation.Composite.MachineIdentity"/>; development: an Ed25519 public key.</param>
/// <param name="Pcrs">tpm: the boot PCRs that evidence must quote, ascending; else empty.</param>
/// <param name="ApplicationPcr">tpm: the PCR into which each enclave's start is extended; a TEE: 0.</param>
/// <param name="Endorsement">tpm: SHA-256 of the endorsement key's certificate, the blob of which lies beside the ledger.</param>
/// <param name="Measurement">Digest of what the machine measured when it was enrolled, a blob as well (<see cref="Attestation.Measurement"/>): its operator's word, until evidence proves it.</param>
/// <param name="Intermediates">tpm: SHA-256 of each certificate between that one and a recorded root, blobs as well; absent if none was needed.</param>
/// <param name="Evidence">A TEE: SHA-256 of the evidence that it introduced itself with, a blob as well.</param>
/// <param name="Transcript">A TEE: what that evidence answers.</param>
public sealed record EnrolMachine(
    string Ledger, string Id, string By, DateTimeOffset At, string Machine, string Kind, ReadOnlyMemory<byte> AttestationKey, IReadOnlyList<int> Pcrs,
    int ApplicationPcr, Digest? Endorsement = null, Digest? Measurement = null, IReadOnlyList<Digest>? Intermediates = null, Digest? Evidence = null,
    EnrolmentTranscript? Transcript = null)
    : Command(Ledger, Id, By, At);

/// <summary>Ends a machine's part. Its leases end with it.</summary>
public sealed record RetireMachine(string Ledger, string Id, string By, DateTimeOffset At, string Machine) : Command(Ledger, Id, By, At);
