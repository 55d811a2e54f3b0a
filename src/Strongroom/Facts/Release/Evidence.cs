using Strongroom.Attestation;
using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>Evidence held against the ledger: the enrolled machine's key, and whether this ledger was founded to accept the dangerous kind.</summary>
internal static class Evidence
{
    /// <summary>The verdict on evidence for a release.</summary>
    public static Verdict Verify(LedgerState state, Machine machine, ReadOnlyMemory<byte> evidence, Transcript transcript) =>
        Verify(state, machine, evidence, transcript.Digest(), EnclaveStart.Of(transcript.HpkeKey, transcript.Configuration), transcript.Issued);

    /// <summary>The verdict on evidence for a renewal.</summary>
    public static Verdict Verify(LedgerState state, Machine machine, ReadOnlyMemory<byte> evidence, RenewalTranscript transcript) =>
        Verify(state, machine, evidence, transcript.Digest(), EnclaveStart.Of(transcript.HpkeKey, transcript.Configuration), transcript.Issued);

    // Age counts from the nonce: nothing tells when within the challenge's life the evidence was made, so it counts as being as old as it can be.
    private static Verdict Verify(LedgerState state, Machine machine, ReadOnlyMemory<byte> evidence, Digest transcript, EnclaveStart start, DateTimeOffset issued) =>
        EvidenceVerifier.For(machine.Kind, state.DevelopmentAllowed ? DangerousEvidence.Development : DangerousEvidence.None)
            .Verify(evidence, machine.Enrolled, transcript, start, issued);
}
