using System.Security.Cryptography;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;
using Strongroom.Enclave.Evidence;
using Strongroom.Enclave.Native;
using Strongroom.Tests.Attestation.Snp;

namespace Strongroom.System.Tests.Collect;

/// <summary>Reports through configfs-tsm, from a directory that stands in for the kernel's.</summary>
public sealed class TsmReportsTests
{
    private static readonly byte[] Challenge = RandomNumberGenerator.GetBytes(64);

    [Fact]
    public void A_SEV_SNP_guest_reports_over_exactly_what_it_was_asked_with_the_hosts_certificates()
    {
        var scene = new SnpScene();
        using var kernel = new SimulatedTsm { Report = asked => Signed(scene, asked), Certificates = scene.Table(), Floor = 0 };
        var evidence = kernel.Reports.Report("sev-snp", Challenge);
        Challenge.CopyTo(scene.ReportData, 0);
        Assert.Equal(Outcome.Verified, scene.Appraise(evidence, []).Outcome); // all that it needs came along
        Assert.Equal("0", kernel.Level);
        Assert.Equal(0, kernel.Entries);
    }

    [Fact]
    public void A_TDX_guest_knows_no_levels_and_brings_no_table()
    {
        using var kernel = new SimulatedTsm { Provider = "tdx_guest", Certificates = [1, 2, 3] };
        Assert.Equal(Challenge, kernel.Reports.Report("tdx", Challenge));
        Assert.Equal("", kernel.Level);
    }

    [Theory]
    [InlineData("sev_guest", "sev-snp")]
    [InlineData("tdx_guest", "tdx")]
    public void The_module_is_known_by_its_provider(string provider, string kind)
    {
        using var kernel = new SimulatedTsm { Provider = provider };
        Assert.Equal(kind, kernel.Reports.Kind());
        Assert.Equal(0, kernel.Entries);
    }

    [Theory]
    [InlineData("arm_cca_guest")]
    [InlineData("")]
    public void A_provider_that_is_not_known_is_no_machine_without_a_processor(string provider)
    {
        using var kernel = new SimulatedTsm { Provider = provider };
        Assert.Contains($"'{provider}', which is not known here", Assert.Throws<UnavailableException>(kernel.Reports.Kind).Message, StringComparison.Ordinal);
        Assert.Equal(0, kernel.Entries);
    }

    [Fact]
    public void Without_the_directory_there_is_no_module_and_the_reader_is_told_what_it_needs()
    {
        var reports = new TsmReports("/no/such/place", Directories.Make, Directories.Remove);
        Assert.Null(reports.Kind());
        Assert.Contains("configfs", Assert.Throws<UnavailableException>(() => reports.Report("tdx", Challenge)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_without_a_module_behind_it_is_none()
    {
        using var kernel = new SimulatedTsm { Provider = null };
        Assert.Null(kernel.Reports.Kind());
        Assert.Contains("nothing reports", Assert.Throws<UnavailableException>(() => kernel.Reports.Report("sev-snp", Challenge)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_a_module_of_another_kind_than_was_asked_for()
    {
        using var kernel = new SimulatedTsm { Provider = "tdx_guest" };
        Assert.Contains("tdx_guest", Assert.Throws<UnavailableException>(() => kernel.Reports.Report("sev-snp", Challenge)).Message, StringComparison.Ordinal);
        Assert.Equal(0, kernel.Entries);
    }

    [Fact]
    public void Refuses_a_report_into_whose_entry_somebody_else_wrote()
    {
        using var kernel = new SimulatedTsm { Intruders = 1, Floor = 0 };
        Assert.Contains("another process", Assert.Throws<UnavailableException>(() => kernel.Reports.Report("sev-snp", Challenge)).Message, StringComparison.Ordinal);
        Assert.Equal(0, kernel.Entries);
    }

    [Fact]
    public void Refuses_a_guest_that_something_more_privileged_runs_beneath()
    {
        using var kernel = new SimulatedTsm { Floor = 2 };
        Assert.Contains("level 2", Assert.Throws<UnavailableException>(() => kernel.Reports.Report("sev-snp", Challenge)).Message, StringComparison.Ordinal);
        Assert.Equal(0, kernel.Entries);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(512 * 1024 + 1)]
    public void Refuses_a_report_that_is_empty_or_longer_than_evidence_may_be(int length)
    {
        using var kernel = new SimulatedTsm { Report = _ => new byte[length] };
        Assert.Throws<UnavailableException>(() => kernel.Reports.Report("sev-snp", Challenge));
        Assert.Equal(0, kernel.Entries);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(63)]
    [InlineData(65)]
    public void Never_pads_or_cuts_a_challenge(int length)
    {
        using var kernel = new SimulatedTsm();
        Assert.Throws<ArgumentException>(() => kernel.Reports.Report("sev-snp", new byte[length]));
    }

    [Fact]
    public void Each_report_has_an_entry_of_its_own()
    {
        using var kernel = new SimulatedTsm();
        var challenges = Enumerable.Range(0, 4).Select(_ => RandomNumberGenerator.GetBytes(64)).ToArray();
        Parallel.ForEach(challenges, challenge => Assert.Equal(challenge, kernel.Reports.Report("sev-snp", challenge)));
        Assert.Equal(0, kernel.Entries);
    }

    [Fact]
    public void An_entry_that_is_there_already_is_somebody_elses()
    {
        using var kernel = new SimulatedTsm();
        var reports = new TsmReports(kernel.Place, entry =>
        {
            Directory.CreateDirectory(entry);
            return Directories.Make(entry);
        }, Directories.Remove);
        Assert.Contains("File exists", Assert.Throws<UnavailableException>(() => reports.Report("sev-snp", Challenge)).Message, StringComparison.Ordinal);
    }

    internal static byte[] Signed(SnpScene scene, byte[] asked)
    {
        asked.CopyTo(scene.Report, 0x050);
        return scene.Signed();
    }
}
