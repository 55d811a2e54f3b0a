using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Attestation;

/// <summary>Checks who signed and what for. spec/evidence.md, "Development".</summary>
internal sealed class DevelopmentVerifier : EvidenceVerifier
{
    private protected override Verdict VerifyCore(ReadOnlyMemory<byte> evidence, EnrolledMachine machine, Digest transcript, EnclaveStart start, DateTimeOffset now)
    {
        var said = DevelopmentEvidence.Parse(evidence.Span);
        var reasons = new List<string>();
        if (machine.Kind != DevelopmentEvidence.KindName || said.Kind != DevelopmentEvidence.KindName) reasons.Add("kind: this is no development machine");
        else if (said.Signature is null || !Ed25519PublicKey.From(machine.AttestationKey.Span).Verify(said.Signed(), said.Signature))
            reasons.Add("signature: the enrolled development key did not sign this");
        if (said.Transcript != transcript) reasons.Add("transcript: the evidence answers another challenge");
        if (said.Starts.Count is 0 or > MaxStarts || said.Starts[^1] != start) reasons.Add("starts: the enclave that asks is not the one that started last");
        if (reasons.Count > 0) return new Verdict.Rejected(reasons);

        return new Verdict.Trusted(new()
        {
            Kind = DevelopmentEvidence.KindName,
            Machine = machine.Id,
            Digest = Digest.Of(evidence.Span),
            Transcript = transcript,
            Claims = said.Claims,
            Starts = said.Starts,
            ResetCount = 0,
            RestartCount = 0,
            VerifiedAt = now,
        });
    }
}
