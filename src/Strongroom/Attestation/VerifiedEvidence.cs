using Strongroom.Bytes;

namespace Strongroom.Attestation;

/// <summary>Evidence that passed every check of its verifier; only a verifier makes it, so holding one is the proof that the checks ran.</summary>
public sealed class VerifiedEvidence
{
    internal VerifiedEvidence()
    {
    }

    /// <summary><c>tpm</c>, <c>sev-snp</c>, <c>tdx</c>, <c>nitro</c> or <c>development</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>Id of the enrolled machine.</summary>
    public required string Machine { get; init; }

    /// <summary>True where nothing was measured: whatever this evidence touches must say so.</summary>
    public bool IsDevelopment => Kind == DevelopmentEvidence.KindName;

    /// <summary>SHA-256 of the evidence bytes.</summary>
    public required Digest Digest { get; init; }

    /// <summary>The transcript that the evidence was made for.</summary>
    public required Digest Transcript { get; init; }

    /// <summary>One value for <see cref="Kind"/> and <see cref="Claims"/> together: what people approve.</summary>
    public Digest Measurement => Measured.Digest();

    /// <summary><see cref="Kind"/> and <see cref="Claims"/> as the record that <see cref="Measurement"/> is the digest of.</summary>
    public Measurement Measured => Attestation.Measurement.From(Kind, Claims);

    /// <summary>The measured state as exact strings, for comparison with reference values: <c>pcr0</c> and so on, lower-case hexadecimal; of a TEE see spec/evidence-composite.md.</summary>
    public required IReadOnlyDictionary<string, string> Claims { get; init; }

    /// <summary>Every enclave that started since the machine did, oldest first; the last one is the asker.</summary>
    public required IReadOnlyList<EnclaveStart> Starts { get; init; }

    /// <summary>How often the machine was reset since its TPM was cleared.</summary>
    public required ulong ResetCount { get; init; }

    /// <summary>How often it was suspended or hibernated since its last reset.</summary>
    public required ulong RestartCount { get; init; }

    public required DateTimeOffset VerifiedAt { get; init; }
}
