using Strongroom.Attestation;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;
using Strongroom.Enclave.Loader;

namespace Strongroom.Enclave.Evidence;

/// <summary>A machine that speaks through its TPM.</summary>
public sealed class TpmMachine(TpmPlace place) : Machine
{
    private (EnclaveStart Start, int Pcr)? measured;

    /// <exception cref="UnavailableException">The TPM does not answer.</exception>
    public override string Id { get; } = new TpmAttester(place, EnrolledMachine.DefaultPcrs, EnrolledMachine.DefaultApplicationPcr).Machine();

    /// <remarks>
    /// The broker names the PCRs, so what it names is checked here too: an enclave measures itself once, into a PCR that only a reboot clears.
    /// </remarks>
    /// <exception cref="RefusedException">The broker asks for PCRs that cannot be meant, or for another application PCR than before.</exception>
    public override byte[] Attest(EnclaveStart start, Digest transcript, IReadOnlyList<int> pcrs, int applicationPcr)
    {
        var refusals = new EnrolledMachine(Id, TpmEvidence.KindName, default, pcrs, applicationPcr).Refusals().ToList();
        if (refusals.Count > 0) throw new RefusedException(refusals);
        var attester = new TpmAttester(place, pcrs, applicationPcr);
        if (measured is null)
        {
            attester.Measure(start);
            measured = (start, applicationPcr);
        }
        else if (measured != (start, applicationPcr)) throw new RefusedException("this enclave has already measured its start, and does so once");
        return attester.Quote(transcript);
    }
}
