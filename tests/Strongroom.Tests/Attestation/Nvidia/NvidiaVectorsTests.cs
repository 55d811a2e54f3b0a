using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Nvidia;

namespace Strongroom.Tests.Attestation.Nvidia;

/// <summary>The evidence of a real H100 and real RIMs (shared/vectors/nvidia-gpu), under NVIDIA's pinned roots.</summary>
public sealed class NvidiaVectorsTests
{
    private static readonly DateTimeOffset At = new(2024, 6, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly byte[] Nonce = Convert.FromHexString("931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb");

    private static byte[] File(string name) => System.IO.File.ReadAllBytes(SharedFiles.Require($"vectors/nvidia-gpu/{name}"));

    public static TheoryData<string> Rims =>
    [
        "1010_0200_882_96005E0001_PROD", "1010_0200_882_96005E0001_test_no_gpu", "1010_0200_882_960074001A_PROD",
        "Driver_RIM_test_no_gpu", "g520_0200_885_9600740001_PROD", "g520_0228_889_96006D0029_PROD",
    ];

    private static AttestationResult Appraise(byte[] nonce, params string[] endorsements) => Appraiser.For("nvidia-gpu")!.Appraise(new(File("hopperAttestationReport.txt"), At)
    {
        Endorsements = Endorsements.Read(endorsements.Select(name => (name, (ReadOnlyMemory<byte>)File(name)))), Nonce = nonce, Without = new HashSet<CheckGroup> { CheckGroup.Revocation },
    });

    [Fact]
    public void The_report_of_a_real_H100_is_genuine_and_waits_for_its_RIMs()
    {
        var result = Appraise(Nonce, "hopperCertChain.txt");
        Assert.Empty(result.Failures);
        Assert.Equal(Outcome.EndorsementsMissing, result.Outcome);
        Assert.Equal(["gpu.7.driver.version", "gpu.7.vbios.version"], result.Missing.Select(missing => missing.Split(':')[0]));
        Assert.Contains("NV_GPU_DRIVER_GH100_550.90.07", result.Missing[0], StringComparison.Ordinal);
        Assert.Contains("NV_GPU_VBIOS_1010_0200_882_96009F0001", result.Missing[1], StringComparison.Ordinal);
        Assert.Equal("41431D480FE5E87274", (string?)result.Claims["devices"]![0]!["device_serial"]);
    }

    [Fact]
    public void Its_challenge_is_not_the_constant_of_other_tools() => Assert.Equal(["gpu.5"], Appraise(Convert.FromHexString("4cff7f5380ead8fad8ec2c531c110aca4302a88f603792801a8ca29ee151af2e"), "hopperCertChain.txt").Failures.Select(check => check.Id));

    [Fact]
    public void Without_its_words_on_revocation_no_real_device_verifies()
    {
        var result = Appraiser.For("nvidia-gpu")!.Appraise(new(File("hopperAttestationReport.txt"), At) { Endorsements = Endorsements.Read([("chain", File("hopperCertChain.txt"))]), Nonce = Nonce });
        Assert.Equal(["gpu.4.leaf", "gpu.4.device", "gpu.4.provisioner", "gpu.4.product"], result.Missing.Select(missing => missing.Split(':')[0]).Take(4));
    }

    [Fact]
    public void RIMs_of_other_versions_are_refused_for_their_version_and_their_values() =>
        Assert.Equal(
            ["gpu.7.driver.version", "gpu.7.vbios.version", "gpu.8.driver", "gpu.8.vbios"],
            Appraise(Nonce, "hopperCertChain.txt", "rim/Driver_RIM_test_no_gpu.swidtag", "rim/1010_0200_882_96005E0001_test_no_gpu.swidtag").Failures.Select(check => check.Id).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Rims))]
    public void A_real_RIM_is_signed_and_leads_to_the_pinned_root(string name)
    {
        var rim = UnverifiedRim.Parse(File($"rim/{name}.swidtag"));
        Assert.Equal(64, rim.Verified!.Measurements.Count);
        Assert.NotNull(new CertificatePaths(VendorRoots.Pinned).Find(rim.Signer!, rim.Certificates, VendorRoots.NvidiaRim, DateTimeOffset.UnixEpoch, out _));
        Assert.Equal(name.StartsWith("Driver", StringComparison.Ordinal) ? RimRole.Driver : RimRole.Vbios, rim.Role);
    }

    [Fact]
    public void A_real_certificate_of_a_switch_leads_to_the_same_root() =>
        Assert.True(VendorRoots.Pinned.Holds(VendorRoots.NvidiaDevice, Endorsements.ReadCertificates(File("nvswitch_device_root.pem"))[0]));
}
