using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;
using static Strongroom.Tests.Attestation.Nvidia.NvidiaStepsTests;

namespace Strongroom.Tests.Attestation.Nvidia;

/// <summary>Step 4 and the revocation of step 7: each certificate below the two roots, each way of a word on it being no good.</summary>
public sealed class NvidiaRevocationTests
{
    private static readonly NvidiaCase Good = new();

    public static TheoryData<string, string> Certificates => new()
    {
        { "GSP FMC LF", "gpu.4.leaf" }, { "GSP BROM", "gpu.4.device" }, { "Provisioner", "gpu.4.provisioner" }, { "GH100 Identity", "gpu.4.product" },
    };

    /// <summary>Both RIMs have the same signers.</summary>
    public static TheoryData<string, string> RimCertificates => new() { { "RIM signer", "revocation" }, { "Value L3", "revocation-1" }, { "Value GH100", "revocation-2" } };

    private static NvidiaCase Answering(string name, TestOcsp? ocsp) => Good with { Ocsp = certificate => Is(certificate, name) ? ocsp : new() };

    private static bool Is(X509Certificate2 certificate, string name) => certificate.Subject.Contains(name, StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(Certificates))]
    public void Check_4_rejects_a_revoked_certificate(string name, string id) => Fails(Answering(name, new() { Status = 1 }), id);

    [Theory]
    [MemberData(nameof(Certificates))]
    public void Check_4_misses_a_word_on_each_certificate_the_leaf_included(string name, string id) => Misses(Answering(name, null), id);

    /// <summary>What is missing can be asked for as it is written: openssl reads the question, and the answer is to it.</summary>
    [Fact]
    public void A_missing_word_comes_with_the_question_that_openssl_reads()
    {
        const string Program = "/usr/bin/openssl";
        if (!File.Exists(Program)) Assert.Skip("openssl is not here: ./test installs it");
        var missing = Assert.Single(Answering("Provisioner", null).Appraise().Missing);
        var from = missing.IndexOf("http://ocsp.ndis.nvidia.com/", StringComparison.Ordinal) + "http://ocsp.ndis.nvidia.com/".Length;
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var file = Path.Combine(folder.FullName, "request.der");
            File.WriteAllBytes(file, Convert.FromBase64String(Uri.UnescapeDataString(missing[from..missing.IndexOf(')', from)])));
            using var process = Process.Start(new ProcessStartInfo(Program, ["ocsp", "-reqin", file, "-req_text", "-noverify"]) { RedirectStandardOutput = true })!;
            var text = process.StandardOutput.ReadToEnd().Replace("\\\n", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal); // it breaks long lines
            process.WaitForExit();
            var provisioner = Good.Vendor.Chain(Good.Devices[0]).Single(each => Is(each, "Provisioner"));
            Assert.Contains("HashAlgorithm:sha384", text, StringComparison.Ordinal);
            Assert.Contains($"SerialNumber:{provisioner.SerialNumber.TrimStart('0')}", text, StringComparison.OrdinalIgnoreCase);
            Assert.Contains(Convert.ToHexString(SHA384.HashData(provisioner.IssuerName.RawData)), text, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [MemberData(nameof(RimCertificates))]
    public void Check_7_rejects_a_RIM_whose_signer_was_revoked(string name, string step) => Fails(Answering(name, new() { Status = 1 }), $"gpu.7.driver.{step}", $"gpu.7.vbios.{step}");

    [Theory]
    [MemberData(nameof(RimCertificates))]
    public void Check_7_misses_a_word_on_each_signer(string name, string step) => Misses(Answering(name, null), $"gpu.7.driver.{step}", $"gpu.7.vbios.{step}");

    [Fact]
    public void Check_4_rejects_a_certificate_that_its_issuer_does_not_know() => Fails(Answering("GSP BROM", new() { Status = 2 }), "gpu.4.device");

    [Fact]
    public void Check_4_misses_a_word_older_than_the_policy_allows_though_not_expired()
    {
        var old = Answering("GSP BROM", new() { ThisUpdate = NvidiaVendor.Now.AddDays(-8), NextUpdate = NvidiaVendor.Now.AddDays(300) });
        Misses(old, "gpu.4.device");
        Verifies(old with { Policy = """{"max_endorsement_age_days":9}""" });
        Verifies(old with { Without = new HashSet<CheckGroup> { CheckGroup.Freshness } });
    }

    [Fact]
    public void Check_4_misses_an_expired_word() => Misses(Answering("GSP BROM", new() { NextUpdate = NvidiaVendor.Now.AddSeconds(-1) }), "gpu.4.device");

    [Fact]
    public void Check_4_misses_a_word_that_never_grows_old() => Misses(Answering("GSP BROM", new() { NextUpdate = null }), "gpu.4.device");

    [Fact]
    public void Check_4_misses_a_word_from_the_future() => Misses(Answering("GSP BROM", new() { ThisUpdate = NvidiaVendor.Now.AddSeconds(1) }), "gpu.4.device");

    [Fact]
    public void Check_4_misses_a_word_by_somebody_else() => Misses(Answering("GSP BROM", new() { By = Good.Vendor.Authority("Test GH100 Provisioner ICA 1", null) }), "gpu.4.device");

    [Fact]
    public void Check_4_misses_a_word_with_a_condition_that_is_not_understood() => Misses(Answering("GSP BROM", new() { CriticalExtension = true }), "gpu.4.device");

    [Fact]
    public void Check_4_believes_a_responder_to_whom_the_issuer_gave_that_right()
    {
        var right = new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.9")], false);
        var responder = Good.Vendor.Certify("Responder", Good.Vendor.Provisioner, X509KeyUsageFlags.DigitalSignature, null, null, right);
        Verifies(Answering("GSP BROM", new() { By = responder }));
        Misses(Answering("GSP BROM", new() { By = Good.Vendor.Certify("Responder", Good.Vendor.Provisioner, X509KeyUsageFlags.DigitalSignature) }), "gpu.4.device");
        Misses(Answering("GSP BROM", new() { By = Good.Vendor.Certify("Responder", Good.Vendor.Product, X509KeyUsageFlags.DigitalSignature, null, null, right) }), "gpu.4.device");
        Misses(Answering("GSP BROM", new() { By = Good.Vendor.Certify("Responder", Good.Vendor.Provisioner, X509KeyUsageFlags.DigitalSignature, NvidiaVendor.Now.AddDays(-1), null, right) }), "gpu.4.device");
    }

    [Fact]
    public void One_word_that_it_was_revoked_outweighs_a_newer_one_that_it_was_not()
    {
        var device = new TestDevice();
        var chain = Good.Vendor.Chain(device);
        var revoked = new TestOcsp { Status = 1, ThisUpdate = NvidiaVendor.Now.AddDays(-30), NextUpdate = NvidiaVendor.Now.AddDays(-20) }.Answer(chain[1], chain[2], Good.Vendor.Provisioner.Key);
        Fails(Good with { More = [("old", revoked)] }, "gpu.4.device");
    }

    [Fact]
    public void The_word_on_one_device_is_none_on_another() => Misses(Good with
    {
        Devices = [new(), new() { Serial = "41431D480FE5E87275" }],
        Ocsp = certificate => Is(certificate, "41431D480FE5E87275") ? null : new(),
    }, "gpu.4.device.1");

    [Fact]
    public void A_policy_can_spare_the_certificate_that_the_device_itself_issues() => Verifies(Answering("GSP FMC LF", null) with { Policy = """{"leaf_revocation":false}""" });

    [Fact]
    public void Revocation_can_be_left_out_by_name_only()
    {
        var result = (Good with { Ocsp = _ => null, Without = new HashSet<CheckGroup> { CheckGroup.Revocation } }).Appraise();
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.Contains("revocation: left out by name", result.NotChecked);
    }

    [Fact]
    public void Every_word_that_was_relied_on_is_told_with_its_age() => Assert.Equal(7 + 2, Good.Appraise().Endorsements.Count); // four certificates of the device, three of RIMs, two RIMs
}
