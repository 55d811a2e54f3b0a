using Strongroom.Bytes;
using Strongroom.Facts;

namespace Strongroom.Protocol;

/// <summary>The answer to <c>POST /v1/commands</c>: 200 when what was asked is so, 202 when it still needs others.</summary>
/// <param name="Index">The command's place in the ledger.</param>
/// <param name="Subject">What the command made or changed: a request, proposal, machine, model, lease or person id.</param>
/// <param name="Missing">What is still needed, in words; absent with 200.</param>
public sealed record CommandReply(long Index, string Subject, IReadOnlyList<string>? Missing = null);

/// <summary>The body of <c>POST /v1/models</c>: an <see cref="AddModel"/> command and the two files that its digests name.</summary>
/// <param name="Manifest">The bytes of manifest.json.</param>
/// <param name="Recipients">The bytes of recipients.json.</param>
public sealed record ModelUpload(SignedCommand Command, ReadOnlyMemory<byte> Manifest, ReadOnlyMemory<byte> Recipients);

/// <summary>The body of <c>POST /v1/endorsements</c>: a <see cref="RecordEndorsements"/> command and the bundle that its digest names.</summary>
public sealed record EndorsementUpload(SignedCommand Command, ReadOnlyMemory<byte> Bundle);

/// <summary>The body of <c>POST /v1/references</c>: a proposal of reference values, and the signed CoRIM that its digest names.</summary>
public sealed record ReferenceUpload(SignedCommand Command, ReadOnlyMemory<byte> Corim);

/// <summary>The body of <c>POST /v1/machines/challenges</c>: what a machine says of itself before anybody believes it.</summary>
/// <param name="Kind">The kind of evidence that it will give.</param>
/// <param name="AttestationKey">tpm: TPM2B_PUBLIC; development: an Ed25519 public key; a TEE: absent, its evidence says which machine it is.</param>
/// <param name="EndorsementCertificates">tpm: the endorsement key's certificate, then intermediates up to, not including, the root; X.509, DER.</param>
/// <param name="EndorsementKey">tpm: TPM2B_PUBLIC of the endorsement key.</param>
public sealed record EnrolmentRequest(
    string Kind, ReadOnlyMemory<byte>? AttestationKey = null, IReadOnlyList<ReadOnlyMemory<byte>>? EndorsementCertificates = null,
    ReadOnlyMemory<byte>? EndorsementKey = null);

/// <param name="Challenge">Names this exchange; used once.</param>
/// <param name="Machine">The id that the attestation key gives the machine; absent for a TEE.</param>
/// <param name="Credential">tpm: TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET, one after the other, which only the TPM that holds both keys can open.</param>
/// <param name="Transcript">A TEE: what its evidence must be made for.</param>
public sealed record EnrolmentChallenge(
    string Challenge, DateTimeOffset Expires, string? Machine = null, ReadOnlyMemory<byte>? Credential = null, EnrolmentTranscript? Transcript = null);

/// <summary>The body of <c>POST /v1/machines</c>: the operator's command, and what the machine answered.</summary>
/// <param name="Command">An <see cref="EnrolMachine"/> command.</param>
/// <param name="Secret">tpm: what the credential held, proof that the attestation key lives beside the endorsement key.</param>
/// <param name="Measurement">The bytes of which the command names the digest, if it names one: canonical JSON of what the machine measures.</param>
/// <param name="Evidence">A TEE: composite evidence (spec/evidence-composite.md) for the challenge's transcript.</param>
public sealed record MachineEnrolment(
    SignedCommand Command, string Challenge, ReadOnlyMemory<byte>? Secret = null, ReadOnlyMemory<byte>? Measurement = null, ReadOnlyMemory<byte>? Evidence = null);

/// <summary>The body of <c>PUT /v1/persons/{id}/name</c>: goes into the deletable table, never into the ledger.</summary>
public sealed record PersonName(string Name);
