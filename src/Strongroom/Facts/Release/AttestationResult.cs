using Strongroom.Attestation;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>
/// The verdict on evidence, and all that it was reached on: the enrolled machine, the transcript, the evidence and whether the ledger was founded to accept the
/// dangerous kind. Verifying is dear and needs nothing that a later record can change, so a broker does it before it enters its one write path, and a
/// stranger's evidence makes nobody wait there. What does change, whether the machine may still have the key, is asked by the decision.
/// </summary>
public sealed class AttestationResult
{
    private readonly Verdict verdict;
    private readonly EnrolledMachine machine;
    private readonly Digest transcript;
    private readonly DangerousEvidence allowed;
    private readonly RecordedEndorsements endorsements;

    // Age counts from the nonce: nothing tells when within the challenge's life the evidence was made, so it counts as being as old as it can be.
    private AttestationResult(LedgerState state, string machine, ReadOnlyMemory<byte> evidence, Digest transcript, EnclaveStart start, DateTimeOffset issued, RecordedEndorsements? endorsements)
    {
        this.machine = state.Machines.Machines[machine].Enrolled;
        (this.transcript, allowed, Evidence, EvidenceDigest) = (transcript, Allowed(state), evidence, Digest.Of(evidence.Span));
        this.endorsements = NeedsEndorsements(state, machine) ? endorsements ?? RecordedEndorsements.None : RecordedEndorsements.None;
        RequireOnRecord(state);
        verdict = this.endorsements.Verifier(this.machine.Kind, allowed).Verify(evidence, this.machine, transcript, start, issued);
    }

    /// <summary>The bytes as they came.</summary>
    public ReadOnlyMemory<byte> Evidence { get; }

    public Digest EvidenceDigest { get; }

    /// <summary>What lies beside a decision on this, in the order in which the decision names it: the evidence, and the measurement that it proved.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Blobs => verdict is Verdict.Trusted { Evidence: var verified } ? [Evidence, verified.Measured.ToBytes()] : [Evidence];

    /// <summary>Digest of the vendors' endorsements that the verdict rests on; null for kinds that need none, and where none are on record.</summary>
    public Digest? Endorsements => endorsements.Digest;

    /// <summary>The machine gave this evidence for this transcript; false where anybody may have sent it.</summary>
    public bool IsTrusted => verdict is Verdict.Trusted;

    /// <summary>Whether this machine's evidence is judged with the endorsements on record: a TEE's is, a TPM's makers are on record themselves.</summary>
    public static bool NeedsEndorsements(LedgerState state, string machine)
    {
        ArgumentNullException.ThrowIfNull(state);
        return CompositeEvidence.CpuKinds.Contains(state.Machines.Machines[machine].Kind);
    }

    /// <summary>Verifies evidence for a release.</summary>
    /// <param name="state">The ledger.</param>
    /// <param name="transcript">What the evidence must have been made for.</param>
    /// <param name="evidence">As it came.</param>
    /// <param name="endorsements">Those on record; null where none are, or the kind needs none.</param>
    /// <exception cref="MalformedException">The evidence is none: there is nothing to decide on and nothing to record.</exception>
    /// <exception cref="UnavailableException">The endorsements do not suffice for a verdict, or are not those on record: there is nothing to decide on.</exception>
    /// <exception cref="ArgumentException">The transcript names a request that is not on record.</exception>
    public static AttestationResult Of(LedgerState state, Transcript transcript, ReadOnlyMemory<byte> evidence, RecordedEndorsements? endorsements = null)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(transcript);
        var request = state.Requests.Find(transcript.Request) ?? throw new ArgumentException($"there is no request {transcript.Request}", nameof(transcript));
        return new(state, request.Asked.Machine, evidence, transcript.Digest(), EnclaveStart.Of(transcript.HpkeKey, transcript.Configuration), transcript.Issued, endorsements);
    }

    /// <summary>Verifies evidence for a renewal.</summary>
    /// <param name="state">The ledger.</param>
    /// <param name="transcript">What the evidence must have been made for.</param>
    /// <param name="evidence">As it came.</param>
    /// <param name="endorsements">As for a release.</param>
    /// <exception cref="MalformedException">The evidence is none: there is nothing to decide on and nothing to record.</exception>
    /// <exception cref="UnavailableException">The endorsements do not suffice for a verdict, or are not those on record: there is nothing to decide on.</exception>
    /// <exception cref="ArgumentException">The transcript names a lease that is not on record.</exception>
    public static AttestationResult Of(LedgerState state, RenewalTranscript transcript, ReadOnlyMemory<byte> evidence, RecordedEndorsements? endorsements = null)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(transcript);
        var lease = state.Release.Find(transcript.Lease) ?? throw new ArgumentException($"there is no lease {transcript.Lease}", nameof(transcript));
        return new(state, lease.Machine, evidence, transcript.Digest(), EnclaveStart.Of(transcript.HpkeKey, transcript.Configuration), transcript.Issued, endorsements);
    }

    /// <summary>The verdict, if it would be reached again on what the ledger says now: no rule changes a machine's key, and nobody has to believe that here.</summary>
    /// <exception cref="ArgumentException">It was reached for another transcript, or the machine is enrolled otherwise now.</exception>
    /// <exception cref="UnavailableException">It was reached with other endorsements than those that are on record now.</exception>
    internal Verdict For(LedgerState state, string id, Digest asked)
    {
        var now = state.Machines.Machines[id].Enrolled;
        if (transcript != asked || allowed != Allowed(state) || !machine.IsSameAs(now))
            throw new ArgumentException($"the evidence was verified for another transcript than this one, or against another machine than {id} as it is enrolled now");
        RequireOnRecord(state);
        return verdict;
    }

    private void RequireOnRecord(LedgerState state)
    {
        if (NeedsEndorsements(state, machine.Id)) endorsements.Require(state);
    }

    private static DangerousEvidence Allowed(LedgerState state) => state.DevelopmentAllowed ? DangerousEvidence.Development : DangerousEvidence.None;
}
