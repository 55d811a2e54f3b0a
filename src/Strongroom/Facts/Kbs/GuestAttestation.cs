using Strongroom.Attestation;
using Strongroom.Attestation.Composite;
using Strongroom.Attestation.Kbs;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Facts;

/// <summary>
/// The verdict on a guest's evidence and all that it was reached on, as <see cref="AttestationResult"/> is for enclaves. A guest does not say which machine it runs on:
/// its evidence does, and the ledger knows that machine or not.
/// </summary>
public sealed class GuestAttestation
{
    private readonly TeeEnrolment found;
    private readonly EnrolledMachine? machine;
    private readonly RecordedEndorsements endorsements;
    private readonly (string Tee, Digest Nonce, DateTimeOffset Issued, JweKey Key) asked;

    private GuestAttestation(LedgerState state, string tee, ReadOnlyMemory<byte> nonce, DateTimeOffset issued, JweKey key, ReadOnlyMemory<byte> evidence, RecordedEndorsements endorsements)
    {
        endorsements.Require(state);
        this.endorsements = endorsements;
        (asked, Evidence, EvidenceDigest) = ((tee, Digest.Of(nonce.Span), issued, key), evidence, Digest.Of(evidence.Span));
        found = endorsements.Guest(tee, nonce.Span, key, evidence, issued);
        machine = found.Identity is { } identity ? state.Machines.Find(identity.MachineId())?.Enrolled : null;
    }

    /// <summary>The bytes that lie beside the decision.</summary>
    public ReadOnlyMemory<byte> Evidence { get; }

    public Digest EvidenceDigest { get; }

    /// <summary>Digest of the vendors' endorsements that the verdict rests on; null where none are on record.</summary>
    public Digest? Endorsements => endorsements.Digest;

    /// <summary>What lies beside a decision on this: the evidence, and the measurement that it proved.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Blobs => machine is null ? [Evidence] : [Evidence, Measurement.From(machine.Kind, found.Claims).ToBytes()];

    /// <summary>Which enrolled machine the guest runs on; null where the evidence is rejected or nobody enrolled it.</summary>
    public string? Machine => machine?.Id;

    /// <summary>Why there is no machine.</summary>
    public IReadOnlyList<string> Reasons => found.Identity is { } identity ? [$"the guest runs on {identity.MachineId()}, which nobody enrolled"] : found.Reasons;

    /// <summary>Verifies what a guest sent.</summary>
    /// <param name="state">For the machines that are enrolled.</param>
    /// <param name="tee">As the guest said before it was challenged.</param>
    /// <param name="nonce">The challenge.</param>
    /// <param name="issued">When it was made: the evidence counts as being as old as that.</param>
    /// <param name="key">The guest's.</param>
    /// <param name="evidence">As <see cref="GuestEvidence"/> writes it.</param>
    /// <param name="endorsements">Those on record.</param>
    /// <exception cref="MalformedException">The evidence is none.</exception>
    /// <exception cref="UnavailableException">The endorsements do not suffice for a verdict, or are not those on record: there is nothing to decide on.</exception>
    public static GuestAttestation Of(
        LedgerState state, string tee, ReadOnlyMemory<byte> nonce, DateTimeOffset issued, JweKey key, ReadOnlyMemory<byte> evidence, RecordedEndorsements endorsements)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(endorsements);
        return new(state, tee, nonce, issued, key, evidence, endorsements);
    }

    /// <summary>Whether these endorsements are still the ones on record; if not, the guest has to attest again.</summary>
    public bool StandsOn(LedgerState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return Endorsements == state.Endorsements.Latest?.Digest;
    }

    /// <summary>The verdict, if it would be reached again on what the ledger says now.</summary>
    /// <exception cref="ArgumentException">It was reached for another nonce, key or machine, or the machine is enrolled otherwise now.</exception>
    /// <exception cref="UnavailableException">It was reached with other endorsements than those that are on record now.</exception>
    internal Verdict For(LedgerState state, GuestTranscript transcript)
    {
        if (machine is null || transcript.Machine != machine.Id || asked != (transcript.Tee, Digest.Of(transcript.Nonce.Span), transcript.Issued, transcript.TeeKey)
            || !machine.IsSameAs(state.Machines.Machines[machine.Id].Enrolled))
            throw new ArgumentException("the evidence was verified for another transcript than this one, or against another machine", nameof(transcript));
        endorsements.Require(state);
        var kind = GuestEvidence.KindOf(asked.Tee)!;
        return found.Of(machine, kind, () => new()
        {
            Kind = kind,
            Machine = machine.Id,
            Digest = EvidenceDigest,
            Transcript = transcript.Digest(),
            Claims = found.Claims,
            Starts = [new(Digest.Of(asked.Key.Utf8), Digest.Of([]))], // the asker, who has no configuration: these processors count no starts
            ResetCount = 0,
            RestartCount = 0,
            VerifiedAt = asked.Issued,
        });
    }
}
