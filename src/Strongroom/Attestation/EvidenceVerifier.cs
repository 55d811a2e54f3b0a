using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Composite;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;

namespace Strongroom.Attestation;

/// <summary>
/// Judges what a machine says about itself. One kind for each way of saying it; spec/evidence.md states every format and numbers every check.
/// </summary>
/// <remarks>
/// A trusted verdict says: this enrolled machine, in this measured state, made this statement for this transcript, and the enclave that asks is
/// the last one that started there. It does not say that the state is a wanted one: comparing <see cref="VerifiedEvidence.Claims"/> with
/// reference values, counting starts and bounding age is the release policy's part.
/// </remarks>
public abstract class EvidenceVerifier
{
    /// <summary>Longest evidence of any kind that is looked at; each kind has a bound of its own.</summary>
    public const int MaxSizeInBytes = CompositeEvidence.MaxSizeInBytes;

    /// <summary>Most starts of an enclave in one boot that a log may hold.</summary>
    public const int MaxStarts = 256;

    private protected EvidenceVerifier()
    {
    }

    /// <summary>
    /// The verifier of one kind of evidence. A kind that is unknown, or that is dangerous and was not allowed by name, gets a verifier that rejects
    /// everything, so that a forgotten check refuses.
    /// </summary>
    /// <param name="kind">Of the enrolled machine.</param>
    /// <param name="allowed">Dangerous evidence that is accepted.</param>
    /// <param name="endorsements">What is known of the vendors of TEEs; the other kinds need none.</param>
    public static EvidenceVerifier For(string kind, DangerousEvidence allowed = DangerousEvidence.None, Endorsements? endorsements = null) => For(kind, allowed, endorsements, VendorRoots.Pinned);

    internal static EvidenceVerifier For(string kind, DangerousEvidence allowed, Endorsements? endorsements, VendorRoots roots) => kind switch
    {
        TpmEvidence.KindName => new TpmVerifier(), // spec/evidence.md, "TPM 2.0"
        DevelopmentEvidence.KindName when allowed == DangerousEvidence.Development => new DevelopmentVerifier(), // spec/evidence.md, "Development"
        DevelopmentEvidence.KindName => new RejectingVerifier("development evidence proves nothing about a machine; it is accepted only under --danger-development-evidence"),
        "sev-snp" or "tdx" or "nitro" => new TeeVerifier(kind, endorsements ?? Endorsements.None, roots), // spec/evidence-composite.md
        _ => new RejectingVerifier($"there is no verifier for evidence of the kind '{kind}'"),
    };

    /// <summary>Checks everything that can be checked without a policy.</summary>
    /// <param name="evidence">The bytes as they came: they are what was signed and what the ledger will hold the hash of.</param>
    /// <param name="machine">The machine as enrolled; nothing about it is taken from the evidence.</param>
    /// <param name="transcript">Hash of the exchange that the evidence must have been made for.</param>
    /// <param name="start">The enclave that asks: it must be the last one measured on that machine.</param>
    /// <param name="now">The verifier's clock.</param>
    /// <exception cref="MalformedException">The bytes are no evidence of this kind.</exception>
    /// <exception cref="UnavailableException">Nothing is wrong, but endorsements are missing or stale: there is no verdict to decide on.</exception>
    public Verdict Verify(ReadOnlyMemory<byte> evidence, EnrolledMachine machine, Digest transcript, EnclaveStart start, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(start);
        if (evidence.Length > MaxSizeInBytes) throw new MalformedException(MaxSizeInBytes, $"evidence has {MaxSizeInBytes} bytes at most");
        return VerifyCore(evidence, machine, transcript, start, now);
    }

    private protected abstract Verdict VerifyCore(ReadOnlyMemory<byte> evidence, EnrolledMachine machine, Digest transcript, EnclaveStart start, DateTimeOffset now);

    private sealed class RejectingVerifier(string reason) : EvidenceVerifier
    {
        private protected override Verdict VerifyCore(ReadOnlyMemory<byte> evidence, EnrolledMachine machine, Digest transcript, EnclaveStart start, DateTimeOffset now) =>
            new Verdict.Rejected([reason]);
    }
}

/// <summary>Evidence that protects nothing and therefore has to be asked for by its dangerous name.</summary>
public enum DangerousEvidence
{
    None,

    /// <summary>A broker started with --danger-development-evidence: a signature by a key in a file stands for a measured machine.</summary>
    Development,
}
