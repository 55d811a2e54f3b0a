using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Nitro;

namespace Strongroom.Tests.Attestation.Nitro;

/// <summary>A document that a real enclave got from a real module, as shared/vectors/INDEX.md describes it.</summary>
public sealed class NitroVectorTests
{
    private static readonly DateTimeOffset Captured = new(2025, 12, 25, 13, 15, 37, TimeSpan.Zero);
    private static readonly HashSet<CheckGroup> NoBinding = [CheckGroup.Binding];

    private static byte[] Evidence => File.ReadAllBytes(SharedFiles.Require("vectors/nitro/nitro_attestation.bin"));

    [Fact]
    public void A_real_document_verifies_at_the_time_of_its_making()
    {
        var result = Appraise(Evidence, Captured);
        Assert.Empty(result.Failures);
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.Equal("i-0827e799ec9232d44-enc019b55a68bd2ed4b", (string)result.Claims["module_id"]!);
        Assert.StartsWith("5cb70295", (string)result.Claims["pcrs"]!["0"]!, StringComparison.Ordinal);
        Assert.Equal(5, result.Endorsements.Count);
    }

    [Fact]
    public void It_carries_64_bytes_of_user_data_and_no_nonce()
    {
        Assert.Equal(Outcome.Verified, Appraiser.For("nitro")!.Appraise(new(Evidence, Captured) { ReportData = new byte[64] }).Outcome);
        foreach (var size in (int[])[32, 48, 63, 65]) Assert.Equal(["nitro.12.user_data"], Failed(Appraiser.For("nitro")!.Appraise(new(Evidence, Captured) { ReportData = new byte[size] })));
        Assert.Equal(["nitro.9.nonce"], Failed(Appraiser.For("nitro")!.Appraise(new(Evidence, Captured) { Nonce = new byte[32] })));
    }

    [Fact]
    public void It_is_rejected_when_its_certificate_is_over()
    {
        Assert.Equal(["nitro.6.validity", "nitro.9.age"], Failed(Appraise(Evidence, new(2026, 11, 22, 0, 0, 0, TimeSpan.Zero))));
        Assert.Equal(["nitro.6.validity", "nitro.9.age"], Failed(Appraise(Evidence, Captured.AddHours(3).AddSeconds(1))));
        Assert.Equal(["nitro.9.age"], Failed(Appraise(Evidence, Captured.AddHours(2))));
    }

    [Fact]
    public void It_is_rejected_under_another_root() => Assert.Equal(["nitro.5"], Failed(Appraiser.For("nitro", new NitroVendor().Roots)!.Appraise(new(Evidence, Captured) { Without = NoBinding })));

    [Fact]
    public void It_is_recognised_and_shown_without_danger()
    {
        Assert.Equal("nitro", Appraiser.Recognise(Evidence)?.Kind);
        Assert.DoesNotContain(Appraiser.For("nitro")!.Show(Evidence), field => field.Danger);
    }

    [Fact]
    public void It_verifies_outside_its_wrapping_with_its_tag_or_without()
    {
        var document = NitroEnvelope.Open(Evidence).ToArray();
        Assert.Equal(4527, document.Length);
        Assert.Equal(Outcome.Verified, Appraise(document, Captured).Outcome);
        Assert.Equal(Outcome.Verified, Appraise([0xD2, .. document], Captured).Outcome);
    }

    [Fact]
    public void The_pinned_root_is_the_one_that_AWS_publishes()
    {
        using var root = System.Security.Cryptography.X509Certificates.X509CertificateLoader.LoadCertificateFromFile(SharedFiles.Require("vectors/nitro/AWS_NitroEnclaves_Root-G1.pem"));
        Assert.Equal("641A0321A3E244EFE456463195D606317ED7CDCC3C1756E09893F3C68F79BB5B", root.GetCertHashString(System.Security.Cryptography.HashAlgorithmName.SHA256));
        Assert.True(VendorRoots.Pinned.Holds(VendorRoots.AwsNitro, root));
    }

    private static AttestationResult Appraise(byte[] evidence, DateTimeOffset at) => Appraiser.For("nitro")!.Appraise(new(evidence, at) { Without = NoBinding });

    private static IEnumerable<string> Failed(AttestationResult result) => result.Failures.Select(check => check.Id);
}
