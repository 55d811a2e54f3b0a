using Strongroom.Attestation.Composite;
using Strongroom.Attestation.Tpm;
using Strongroom.Enclave.Loader;

namespace Strongroom.Enclave.Evidence;

/// <summary>How the machine that this runs on proves itself: by what was asked for, or by the strongest that it has. Development evidence is never found, it is asked for.</summary>
public static class ThisMachine
{
    /// <summary>What may be asked for.</summary>
    public static IReadOnlyList<string> Kinds { get; } = ["auto", TpmEvidence.KindName, .. CompositeEvidence.CpuKinds];

    /// <summary>The kind that <c>auto</c> stands for here. Looking needs no cryptography: the enclave looks before libcrypto has its memory, and by what is found chooses which.</summary>
    /// <exception cref="Bytes.UnavailableException">There is a processor that cannot be asked.</exception>
    public static string Strongest() => Processor.Find()?.Kind ?? TpmEvidence.KindName;

    /// <param name="evidence">One of <see cref="Kinds"/> but auto: found once, it is what is asked from then on.</param>
    /// <param name="tpm">For machines that prove themselves by one.</param>
    /// <returns>The machine, its kind of evidence, and how it proves itself in words.</returns>
    /// <exception cref="Bytes.UnavailableException">What was asked for is not there, or does not answer.</exception>
    public static (Machine Machine, string Kind, string Words) Open(string evidence, TpmPlace tpm)
    {
        if (evidence == TpmEvidence.KindName) return (new TpmMachine(tpm), evidence, $"this machine proves itself by its TPM, {tpm.Tpm}");
        var processor = Processor.Require(evidence);
        return (new TeeMachine(processor, GpuProcess.Attest), processor.Kind, $"this machine proves itself by {processor.Kind}, {processor.Where}, {InWords(GpuProcess.Find())}");
    }

    /// <summary>The processor of that kind; with <c>auto</c> the one that is there, or null.</summary>
    public static Processor? Find(string evidence) => evidence == "auto" ? Processor.Find() : Processor.Require(evidence);

    private static string InWords(GpuReports.Found gpus) => gpus switch
    {
        { Count: 0 } => "without NVIDIA GPUs",
        { Report: false } => $"without its {gpus.Count} NVIDIA GPU(s), on which confidential computing is off",
        { Mode: "on" } => $"with {gpus.Count} NVIDIA GPU(s)",
        _ => $"with {gpus.Count} NVIDIA GPU(s) in {gpus.Mode} mode, which verifiers refuse",
    };
}
