using System.Security.Cryptography;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;
using Strongroom.Enclave.Evidence;
using Strongroom.Tests.Attestation.Nvidia;

namespace Strongroom.System.Tests.Collect;

/// <summary>GPUs' reports through libnvidia-ml, from a library that stands in for NVIDIA's.</summary>
[Collection(nameof(SimulatedGpus))]
public sealed class GpuReportsTests
{
    private static readonly byte[] Nonce = RandomNumberGenerator.GetBytes(32);

    [Fact]
    public void Every_GPU_answers_the_nonce_with_its_own_chain()
    {
        using var gpus = new SimulatedGpus(count: 2);
        var parts = GpuReports.Attest(SimulatedGpus.Library, Nonce);
        Assert.Equal(2, parts.Count);
        foreach (var (part, device) in parts.Zip(gpus.Devices))
        {
            Assert.Equal("nvidia-gpu", part.Kind);
            var scene = new NvidiaCase { Devices = [device], Nonce = Nonce };
            var result = Appraiser.For("nvidia-gpu", scene.Vendor.Roots)!.Appraise(scene.Request(part.Evidence));
            Assert.Equal(Outcome.Verified, result.Outcome);
            Assert.Equal(CheckResult.Passed, result.Checks.Single(check => check.Id.EndsWith("9.cc", StringComparison.Ordinal)).Result); // stated, and on
        }
        Assert.Equal(0, gpus.Users);
    }

    [Fact]
    public void DevTools_mode_is_told_and_the_verifier_refuses_it()
    {
        using var gpus = new SimulatedGpus(devtools: 1);
        var scene = new NvidiaCase { Devices = gpus.Devices, Nonce = Nonce };
        var result = Appraiser.For("nvidia-gpu", scene.Vendor.Roots)!.Appraise(scene.Request(Assert.Single(GpuReports.Attest(SimulatedGpus.Library, Nonce)).Evidence));
        Assert.EndsWith("9.cc", Assert.Single(result.Failures).Id, StringComparison.Ordinal);
    }

    [Fact]
    public void A_machine_without_the_library_has_no_GPUs()
    {
        Assert.Equal(new(0, "off"), GpuReports.Find("libno-such-driver.so.1"));
        Assert.Empty(GpuReports.Attest("libno-such-driver.so.1", Nonce));
    }

    [Theory]
    [InlineData(9, 2u, 1, 0)] // the driver is not loaded
    [InlineData(0, 2u, 0, 0)]
    [InlineData(0, 0u, 1, 1)] // confidential computing is off
    [InlineData(0, 99u, 1, 1)] // not known to the driver
    public void Where_no_GPU_can_report_there_is_no_evidence_of_any(int initialising, uint feature, int count, int found)
    {
        using var gpus = new SimulatedGpus(initialising, feature, count: count);
        Assert.Equal(new(found, "off"), GpuReports.Find(SimulatedGpus.Library) with { Mode = "off" });
        Assert.False(GpuReports.Find(SimulatedGpus.Library).Report);
        Assert.Empty(GpuReports.Attest(SimulatedGpus.Library, Nonce));
        Assert.Equal(0, gpus.Users);
    }

    [Fact]
    public void A_driver_that_does_not_work_is_not_a_machine_without_GPUs()
    {
        using var gpus = new SimulatedGpus(initialising: 999);
        Assert.Throws<UnavailableException>(() => GpuReports.Find(SimulatedGpus.Library));
    }

    [Fact]
    public void One_GPU_that_does_not_answer_silences_the_machine()
    {
        using var gpus = new SimulatedGpus(count: 2) { Say = (device, bytes) => (bytes, device == 1 ? 0 : (uint)bytes.Length) };
        Assert.Throws<UnavailableException>(() => GpuReports.Attest(SimulatedGpus.Library, Nonce));
        Assert.Equal(0, gpus.Users);
    }

    [Fact]
    public void More_GPUs_than_evidence_has_room_for_are_refused_not_left_out()
    {
        using var gpus = new SimulatedGpus(count: 17);
        Assert.Contains("17", Assert.Throws<UnavailableException>(() => GpuReports.Attest(SimulatedGpus.Library, Nonce)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, 0x2001)]
    [InlineData(true, 0x1401)]
    public void A_size_that_the_library_cannot_mean_is_not_believed(bool ofTheChain, int size)
    {
        using var gpus = new SimulatedGpus { Say = (_, bytes) => (bytes, bytes[0] == '-' == ofTheChain ? (uint)size : (uint)bytes.Length) };
        Assert.Contains($"{size} bytes", Assert.Throws<UnavailableException>(() => GpuReports.Attest(SimulatedGpus.Library, Nonce)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(31)]
    [InlineData(33)]
    public void Never_pads_or_cuts_a_nonce(int length)
    {
        using var gpus = new SimulatedGpus();
        Assert.Throws<ArgumentException>(() => GpuReports.Attest(SimulatedGpus.Library, new byte[length]));
        Assert.Equal(0, gpus.Users);
    }
}
