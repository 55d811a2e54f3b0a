using Strongroom.Attestation;
using Strongroom.Bytes;

namespace Strongroom.Enclave.Loader;

/// <summary>The machine that the enclave runs on, as far as it can speak for itself (RFC 9334, Attester): one kind for each kind of evidence.</summary>
public abstract class Machine
{
    /// <summary>Id under which it is enrolled.</summary>
    public abstract string Id { get; }

    /// <summary>Which evidence that proves nothing this enclave was started to accept.</summary>
    public virtual DangerousEvidence Allowed => DangerousEvidence.None;

    /// <summary>Evidence for one transcript; the first call measures this start, which cannot be undone before the machine restarts.</summary>
    /// <param name="start">This enclave.</param>
    /// <param name="transcript">Digest of what the evidence answers.</param>
    /// <param name="pcrs">tpm: the boot PCRs that the challenge asks for.</param>
    /// <param name="applicationPcr">tpm: the PCR of the starts.</param>
    /// <exception cref="UnavailableException">The TPM does not answer.</exception>
    public abstract byte[] Attest(EnclaveStart start, Digest transcript, IReadOnlyList<int> pcrs, int applicationPcr);
}
