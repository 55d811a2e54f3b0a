using System.Text.Json.Nodes;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;

namespace Strongroom.Enclave.Evidence;

/// <summary>Evidence of this machine's NVIDIA GPUs, through libnvidia-ml. spec/collect.md.</summary>
public static class GpuReports
{
    /// <param name="Count">GPUs that the driver shows.</param>
    /// <param name="Mode">Whether confidential computing is <c>on</c>, <c>off</c> or in <c>devtools</c> mode.</param>
    public readonly record struct Found(int Count, string Mode)
    {
        /// <summary>A GPU reports only where confidential computing is on; in <c>devtools</c> mode it does too, and verifiers refuse it.</summary>
        public bool Report => Count > 0 && Mode != "off";
    }

    /// <exception cref="UnavailableException">There is a driver, and it does not answer.</exception>
    internal static Found Find(string library)
    {
        using var nvml = Nvml.Open(library);
        return nvml is null ? new(0, "off") : Find(nvml);
    }

    /// <summary>One piece of evidence for each GPU that can report, all over the same nonce; none where none can.</summary>
    /// <exception cref="UnavailableException">One of them does not answer: a machine speaks for all its GPUs or for none.</exception>
    internal static IReadOnlyList<EvidencePart> Attest(string library, ReadOnlyMemory<byte> nonce)
    {
        using var nvml = Nvml.Open(library);
        if (nvml is null || Find(nvml) is not { Report: true } found) return [];
        if (found.Count > CompositeEvidence.MaxDevices) throw new UnavailableException($"this machine has {found.Count} GPUs, and evidence of one has room for {CompositeEvidence.MaxDevices}");
        return [.. Enumerable.Range(0, found.Count).Select(index => Attest(nvml, nvml.Device(index), found.Mode, nonce.Span))];
    }

    private static Found Find(Nvml nvml) => nvml.Count() is > 0 and var count ? new(count, nvml.Mode()) : new(0, "off");

    /// <summary>As NVIDIA's own tools write it; the mode is this guest's word, which the processor's report covers together with the rest.</summary>
    private static EvidencePart Attest(Nvml nvml, nint device, string mode, ReadOnlySpan<byte> nonce) => new(
        CanonicalJson.Write(new JsonObject
        {
            ["cc_mode"] = mode,
            ["certificate"] = Convert.ToBase64String(nvml.Certificates(device).AsSpan().TrimEnd((byte)0)),
            ["evidence"] = Convert.ToBase64String(nvml.Report(device, nonce)),
        }),
        "nvidia-gpu");
}
