using System.Security.Cryptography;
using Strongroom.Attestation;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Enclave.Loader;

namespace Strongroom.Enclave.Evidence;

/// <summary>A machine that speaks through its processor, and through the GPUs that the processor's evidence vouches for.</summary>
public sealed class TeeMachine : Machine
{
    private readonly Processor processor;
    private readonly Func<ReadOnlyMemory<byte>, IReadOnlyList<EvidencePart>> devices;
    private readonly Lazy<MachineIdentity> identity;

    /// <param name="processor">This machine's.</param>
    /// <param name="devices">Evidence of every device over a nonce.</param>
    public TeeMachine(Processor processor, Func<ReadOnlyMemory<byte>, IReadOnlyList<EvidencePart>> devices)
    {
        (this.processor, this.devices) = (processor, devices);
        identity = new(() => MachineIdentity.Stated(Collect(Digest.Of(RandomNumberGenerator.GetBytes(Digest.SizeInBytes))), TimeProvider.System.GetUtcNow()) ?? throw new UnavailableException(
            $"this machine's {processor.Kind} evidence does not say which machine it is (a masked chip id, a quote without its certificates, or a GPU without its own): it cannot be enrolled"));
    }

    /// <summary>Which processor and devices this machine takes itself for; a verifier comes to the same, or refuses.</summary>
    /// <exception cref="UnavailableException">One of them does not answer, or does not say which one it is.</exception>
    public MachineIdentity Identity => identity.Value;

    public override string Id => Identity.MachineId();

    /// <remarks>Nothing is measured: these processors count no starts, and what starts in the guest is covered by its launch measurement.</remarks>
    public override byte[] Attest(EnclaveStart start, Digest transcript, IReadOnlyList<int> pcrs, int applicationPcr) => Collect(transcript).ToBytes();

    /// <summary>Evidence for one transcript. Devices first: the processor's challenge covers what they answered.</summary>
    /// <exception cref="UnavailableException">Processor or a device does not answer.</exception>
    public CompositeEvidence Collect(Digest transcript)
    {
        var parts = devices(CompositeEvidence.DeviceNonce(transcript));
        var challenge = CompositeEvidence.CpuChallenge(transcript, [.. parts.Select(part => (ReadOnlyMemory<byte>)part.Evidence)]);
        return new(new(processor.Attest(challenge), processor.Kind), parts);
    }
}
