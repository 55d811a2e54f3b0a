using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Snp;

namespace Strongroom.Tests.Attestation.Snp;

/// <summary>Reports and certificates of real machines, with the verdicts that the index of shared/vectors gives.</summary>
public sealed class SnpVectorTests
{
    private static readonly DateTimeOffset At = new(2024, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly Appraiser Amd = Appraiser.For("sev-snp")!;

    /// <summary>Both machines run firmware of 2022 that knows no alias check; one has firmware on trial. Lists of revoked certificates are not among the vectors.</summary>
    private static readonly CheckGroup[] Firmware = [CheckGroup.Tcb, CheckGroup.Revocation];

    [Fact]
    public void A_real_report_verifies_with_its_own_report_data()
    {
        var report = Read("trustee-test-report.bin");
        var result = Appraise(report, "trustee-test-vcek.der", Firmware, report[0x50..0x90]);
        Assert.Empty(result.Failures);
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.Equal("Milan", (string?)result.Claims["product"]);
        Assert.Equal(115, (int?)result.Claims["reported_tcb"]!["microcode"]);
    }

    [Fact]
    public void Of_that_report_a_strict_caller_learns_what_its_firmware_lacks()
    {
        var result = Appraise(Read("trustee-test-report.bin"), "trustee-test-vcek.der", [CheckGroup.Binding]);
        Assert.Equal(["snp.9.committed", "snp.13.alias-check"], result.Failures.Select(check => check.Id));
        Assert.StartsWith("snp.6: ", Assert.Single(result.Missing), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(42, new[] { "snp.7" })]
    [InlineData(384, new[] { "snp.7", "snp.9" })]
    public void A_flipped_byte_of_that_report_is_found(int at, string[] ids)
    {
        var report = Read("trustee-test-report.bin");
        report[at] ^= 1;
        Assert.Equal(ids, Appraise(report, "trustee-test-vcek.der", [.. Firmware, CheckGroup.Binding]).Failures.Select(check => check.Id));
    }

    [Fact]
    public void No_flipped_byte_of_its_key_certificate_verifies()
    {
        var (report, good) = (Read("trustee-test-report.bin"), Read("trustee-test-vcek.der"));
        foreach (var at in Enumerable.Range(0, good.Length).Where(each => each == 42 || each % 16 == 5))
        {
            var key = good.ToArray();
            key[at] ^= 1;
            Assert.NotEqual(Outcome.Verified, Appraise(report, key, [.. Firmware, CheckGroup.Binding]).Outcome);
        }
    }

    [Fact]
    public void A_real_report_of_a_guest_that_can_be_debugged_is_rejected_for_that()
    {
        var result = Appraise(Read("gosev-attestation.bin"), "gosev-vcek.der", [.. Firmware, CheckGroup.Binding]);
        Assert.Equal(["snp.12.debug"], result.Failures.Select(check => check.Id));
        Assert.Contains(result.Checks, check => check is { Id: "snp.7", Result: CheckResult.Passed });
    }

    [Fact]
    public void The_key_of_one_real_machine_is_not_that_of_another()
    {
        var result = Appraise(Read("trustee-test-report.bin"), "gosev-vcek.der", [.. Firmware, CheckGroup.Binding]);
        Assert.Equal(["snp.7", "snp.8", "snp.9"], result.Failures.Select(check => check.Id));
    }

    [Theory]
    [InlineData("trustee-vcek-hwid-legacy-raw.der")]
    [InlineData("trustee-vcek-hwid-octetstring.der")]
    public void A_certificate_that_the_maker_did_not_issue_is_rejected_though_its_hardware_id_is_read(string file)
    {
        using var certificate = X509CertificateLoader.LoadCertificate(Read(file));
        Assert.Equal(Enumerable.Range(0, 64).Select(each => (byte)each), SnpKey.Of(certificate).HardwareId!);
        Assert.Null(SnpKey.Of(certificate).FormProblem);
        Assert.Contains("snp.3", Appraise(Read("trustee-test-report.bin"), file, [.. Firmware, CheckGroup.Binding]).Failures.Select(check => check.Id));
    }

    [Theory]
    [InlineData("ask_ark_milan.pem", "Milan")]
    [InlineData("ask_ark_milan_vlek.pem", "Milan")]
    [InlineData("ask_ark_genoa.pem", "Genoa")]
    [InlineData("ask_ark_genoa_vlek.pem", "Genoa")]
    [InlineData("ask_ark_turin_vcek.pem", "Turin")]
    [InlineData("ask_ark_turin_vlek.pem", "Turin")]
    [InlineData("trustee-milan_ask_ark_asvk.pem", "Milan")]
    [InlineData("trustee-genoa_ask_ark_asvk.pem", "Genoa")]
    [InlineData("trustee-turin_ask_ark_asvk.pem", "Turin")]
    public void Every_real_authority_leads_to_its_own_lines_pinned_root_and_to_no_other(string file, string product)
    {
        var certificates = Endorsements.ReadCertificates(Read("roots/" + file));
        foreach (var line in Enum.GetValues<SnpProduct>())
        {
            foreach (var certificate in certificates)
            {
                var path = new CertificatePaths(VendorRoots.Pinned).Find(certificate, certificates, line.Root(), TestAmd.Now, out _);
                Assert.Equal(line.ToString() == product, path is not null);
            }
        }
    }

    [Fact]
    public void Everything_of_a_real_report_is_shown_in_words()
    {
        var fields = Amd.Show(Read("gosev-attestation.bin"));
        Assert.Equal(["POLICY.DEBUG", "PLATFORM_INFO.ALIAS_CHECK_COMPLETE"], fields.Where(field => field.Danger).Select(field => field.Name));
        Assert.All(fields, field => Assert.NotEmpty(field.Meaning));
        Assert.All(fields, field => Assert.NotNull(field.Policy));
    }

    private static byte[] Read(string file) => File.ReadAllBytes(SharedFiles.Require("vectors/sev-snp/" + file));

    private static AttestationResult Appraise(byte[] report, string key, CheckGroup[] without, byte[]? reportData = null) => Appraise(report, Read(key), without, reportData);

    private static AttestationResult Appraise(byte[] report, byte[] key, CheckGroup[] without, byte[]? reportData = null) => Amd.Appraise(new(report, At)
    {
        Endorsements = Endorsements.Read([("key", key), ("authorities", Read("roots/ask_ark_milan.pem"))]),
        Without = without.ToHashSet(),
        ReportData = reportData is null ? null : new ReadOnlyMemory<byte>?(reportData), // a null array would become an empty challenge
    });
}
