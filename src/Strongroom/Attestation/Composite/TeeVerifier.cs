using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Composite;

/// <summary>
/// Checks composite evidence of an enrolled machine (spec/evidence-composite.md, Releases). The transcript names the enclave that asks, its key and its
/// configuration, and the processor's challenge covers the transcript; but these processors count no starts, so the asker is the only one that is known.
/// </summary>
internal sealed class TeeVerifier(string kind, Endorsements endorsements, VendorRoots roots) : EvidenceVerifier
{
    private protected override Verdict VerifyCore(ReadOnlyMemory<byte> evidence, EnrolledMachine machine, Digest transcript, EnclaveStart start, DateTimeOffset now)
    {
        var found = TeeEnrolment.Check(kind, evidence, transcript, endorsements, now, roots);
        return found.Of(machine, kind, () => new()
        {
            Kind = kind,
            Machine = machine.Id,
            Digest = Digest.Of(evidence.Span),
            Transcript = transcript,
            Claims = found.Claims,
            Starts = [start],
            ResetCount = 0,
            RestartCount = 0,
            VerifiedAt = now,
        });
    }
}
