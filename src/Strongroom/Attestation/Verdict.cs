namespace Strongroom.Attestation;

/// <summary>What a verifier found: trusted, or rejected with every reason.</summary>
public abstract record Verdict
{
    private Verdict()
    {
    }

    public sealed record Trusted : Verdict
    {
        internal Trusted(VerifiedEvidence evidence) => Evidence = evidence;

        public VerifiedEvidence Evidence { get; }
    }

    /// <param name="Reasons">One for each check that failed; a TPM's begin with the number and name that spec/evidence.md gives the check.</param>
    public sealed record Rejected(IReadOnlyList<string> Reasons) : Verdict;
}
