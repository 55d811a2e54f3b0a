using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Nvidia;
using Strongroom.Bytes;
using static Strongroom.Tests.Attestation.Nvidia.NvidiaStepsTests;

namespace Strongroom.Tests.Attestation.Nvidia;

/// <summary>Steps 7 and 8: the RIM of the running version, signed as it stands, and the values that it wants.</summary>
public sealed class NvidiaRimTests
{
    private static readonly NvidiaCase Good = new();

    private static SortedDictionary<int, string[]> Wanted(int index, string value) => new(NvidiaCase.Wanted(3, 7)) { [index] = [value] };

    [Fact]
    public void Check_7_misses_a_RIM_that_is_not_there_and_names_it()
    {
        Misses(Good with { WithoutDriverRim = true }, "gpu.7.driver.version");
        Assert.Contains("NV_GPU_DRIVER_GH100_550.90.07", (Good with { WithoutDriverRim = true }).Appraise().Missing[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Check_7_rejects_the_RIM_of_another_version() => Fails(Good with { Driver = Good.Driver with { Version = "550.90.08" } }, "gpu.7.driver.version");

    [Fact]
    public void Check_7_does_not_take_the_RIM_of_another_generation() => Misses(Good with { Driver = Good.Driver with { Product = "GB100" } }, "gpu.7.driver.version");

    [Fact]
    public void Check_7_finds_the_right_one_among_many()
    {
        var other = Encoding.UTF8.GetBytes(Good.Signed(Good.Driver with { Version = "535.104.05", Measurements = Wanted(3, new('a', 96)) }, Good.Vendor.RimSigner));
        var otherBoard = Encoding.UTF8.GetBytes(Good.Signed(Good.Vbios with { Measurements = Wanted(1, new('a', 96)) }, Good.Vendor.RimSigner));
        Verifies(Good with { More = [("other version", other), ("same version, other board", otherBoard)] });
    }

    [Fact]
    public void Check_7_reads_a_RIM_as_the_service_wraps_it()
    {
        var wrapped = Encoding.UTF8.GetBytes($$"""{"id":"whatever","rim":"{{Convert.ToBase64String(Encoding.UTF8.GetBytes(Good.DriverRim()))}}","sha256":"not looked at","request_id":"r"}""");
        Verifies(Good with { WithoutDriverRim = true, More = [("service", wrapped)] });
    }

    [Fact]
    public void Check_7_rejects_a_value_changed_after_signing()
    {
        var value = Convert.ToHexStringLower(TestDevice.Measured(64)[8]);
        Fails(Good with { Driver = Good.Driver with { Measurements = Wanted(7, value) }, ChangeDriverRim = rim => rim.Replace(value, new string('b', 96), StringComparison.Ordinal) }, "gpu.7.driver.signature");
    }

    [Fact]
    public void Check_7_rejects_a_RIM_signed_by_a_stranger() =>
        Fails(Good with { ChangeDriverRim = _ => new TestRim { Measurements = Good.Driver.Measurements }.Sign(Good.Vendor.Stranger.Key, Good.Vendor.Stranger.Certificate) }, "gpu.7.driver.chain");

    [Fact]
    public void Check_7_rejects_a_RIM_signed_under_the_root_of_devices()
    {
        var signer = Good.Vendor.Certify("Signer", Good.Vendor.Product, X509KeyUsageFlags.DigitalSignature);
        Fails(Good with { ChangeDriverRim = _ => Good.Driver.Sign(signer.Key, signer.Certificate, Good.Vendor.Product.Certificate, Good.Vendor.DeviceRoot.Certificate) }, "gpu.7.driver.chain");
    }

    [Fact]
    public void Check_7_rejects_a_signer_that_may_not_sign() =>
        Fails(Good with { RimSigner = Good.Vendor.Certify("Other", Good.Vendor.RimLine, X509KeyUsageFlags.NonRepudiation) }, "gpu.7.driver.usage");

    [Fact]
    public void Check_7_rejects_a_signer_out_of_its_time() =>
        Fails(Good with { RimSigner = Good.Vendor.Certify("Other", Good.Vendor.RimLine, X509KeyUsageFlags.DigitalSignature, NvidiaVendor.Now.AddDays(-1)) }, "gpu.7.driver.validity");

    /// <summary>Each is a way to have one thing signed and another read.</summary>
    public static TheoryData<string> Wrappings => ["the signature twice", "deeper", "an object", "a reference by id", "a DTD", "an entity", "two ids", "an instruction", "a second payload", "XPath", "no enveloped transform", "SHA-1", "C14N 1.0", "another encoding"];

    [Theory]
    [MemberData(nameof(Wrappings))]
    public void Check_7_refuses_every_other_form(string way)
    {
        var rim = Good.Driver;
        var info = rim.SignedInfo;
        Func<string, string> change = whole => whole;
        switch (way)
        {
            case "the signature twice": change = whole => whole.Replace("</SoftwareIdentity>", Between(whole, "<ds:Signature ", "</ds:Signature>") + "</SoftwareIdentity>", StringComparison.Ordinal); break;
            case "deeper": change = whole => whole.Replace("<ds:Signature ", "<x><ds:Signature ", StringComparison.Ordinal).Replace("</ds:Signature>", "</ds:Signature></x>", StringComparison.Ordinal); break;
            case "an object": change = whole => whole.Replace("</ds:Signature>", "<ds:Object>" + Between(whole, "<ns0:Payload", "</ns0:Payload>") + "</ds:Object></ds:Signature>", StringComparison.Ordinal); break;
            case "a reference by id": rim = rim with { Attributes = " Id=\"all\"", SignedInfo = info.Replace("URI=\"\"", "URI=\"#all\"", StringComparison.Ordinal) }; break;
            case "a DTD": rim = rim with { Prolog = "<!DOCTYPE SoftwareIdentity>" }; break;
            case "an entity": change = whole => "<!DOCTYPE SoftwareIdentity [<!ENTITY e \"x\">]>" + whole.Replace("<ns0:Payload", "<x>&e;</x><ns0:Payload", StringComparison.Ordinal); break;
            case "two ids": rim = rim with { Inside = "<x Id=\"one\"/><y ID=\"one\"/>" }; break;
            case "an instruction": change = whole => whole.Replace("<ns0:Payload", "<?x y?><ns0:Payload", StringComparison.Ordinal); break;
            case "a second payload": rim = rim with { Inside = "<ns0:Payload/>" }; break;
            case "XPath": rim = rim with { SignedInfo = info.Replace("enveloped-signature\"/>", "enveloped-signature\"/><ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath>true()</ds:XPath></ds:Transform>", StringComparison.Ordinal) }; break;
            case "no enveloped transform": rim = rim with { SignedInfo = info.Replace(TestRim.Dsig + "enveloped-signature", "http://www.w3.org/2006/12/xml-c14n11", StringComparison.Ordinal) }; break;
            case "SHA-1": rim = rim with { SignedInfo = info.Replace("http://www.w3.org/2001/04/xmldsig-more#sha384", TestRim.Dsig + "sha1", StringComparison.Ordinal) }; break;
            case "C14N 1.0": rim = rim with { SignedInfo = info.Replace("http://www.w3.org/2006/12/xml-c14n11", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315", StringComparison.Ordinal) }; break;
            case "another encoding": rim = rim with { Prolog = "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>" }; break;
        }
        var result = (Good with { Driver = rim, ChangeDriverRim = change }).Appraise();
        Assert.Equal(["gpu.7.form"], result.Failures.Select(check => check.Id));
        Assert.Contains(result.Missing, missing => missing.StartsWith("gpu.7.driver.version", StringComparison.Ordinal)); // nothing of it was read
    }

    [Theory]
    [InlineData("size=\"48\"", "size=\"47\"")]
    [InlineData("alternatives=\"2\"", "alternatives=\"1\"")]
    [InlineData("alternatives=\"2\"", "alternatives=\"0\"")]
    [InlineData("active=\"True\"", "active=\"Maybe\"")]
    [InlineData("type=\"Measurement\"", "type=\"Something\"")]
    [InlineData("index=\"7\"", "index=\"3\"")]
    [InlineData("ns2:Hash1", "ns2:Hash9")]
    [InlineData("colloquialVersion", "otherVersion")]
    public void Check_7_refuses_a_RIM_that_contradicts_itself(string from, string to) =>
        Assert.Contains("gpu.7.form", (Good with { ChangeDriverRim = rim => rim.Replace(from, to, StringComparison.Ordinal) }).Appraise().Failures.Select(check => check.Id));

    [Fact]
    public void Check_7_is_not_disturbed_by_a_broken_RIM_of_other_firmware()
    {
        var result = (Good with { More = [("old.swidtag", Encoding.UTF8.GetBytes("<SoftwareIdentity version=\"535.00.00\"/>"))] }).Appraise();
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.Contains(result.NotChecked, each => each.StartsWith("a RIM of other firmware that cannot be read: old.swidtag", StringComparison.Ordinal));
        result = (Good with { More = [("new.swidtag", Encoding.UTF8.GetBytes($"<SoftwareIdentity version=\"{Good.Driver.Version}\"/>"))] }).Appraise();
        Assert.Equal(["gpu.7.form"], result.Failures.Select(check => check.Id));
    }

    [Fact]
    public void Check_8_rejects_a_driver_that_measures_something_else() => Fails(Good with { Driver = Good.Driver with { Measurements = Wanted(7, new('a', 96)) } }, "gpu.8.driver");

    [Fact]
    public void Check_8_rejects_a_VBIOS_that_measures_something_else() => Fails(Good with { Vbios = Good.Vbios with { Measurements = Wanted(12, new('a', 96)) } }, "gpu.8.vbios", "gpu.8.overlap");

    [Fact]
    public void Check_8_rejects_a_measurement_that_is_not_there() => Fails(Good with { Driver = Good.Driver with { Measurements = Wanted(64, new('a', 96)) } }, "gpu.8.driver");

    [Fact]
    public void Check_8_rejects_a_RIM_that_wants_nothing() => Fails(Good with { ChangeDriverRim = _ => Good.Signed(Good.Driver with { Measurements = [] }, Good.Vendor.RimSigner) }, "gpu.8.driver");

    [Fact]
    public void Check_8_rejects_a_value_of_another_length()
    {
        var measurements = TestDevice.Measured(64);
        measurements[8] = measurements[8][..47];
        Fails(Good with { Devices = [new() { Measurements = measurements }] }, "gpu.8.driver");
    }

    [Fact]
    public void Check_8_rejects_two_RIMs_that_claim_one_measurement() => Fails(Good with { Vbios = Good.Vbios with { Measurements = NvidiaCase.Wanted(1, 7) } }, "gpu.8.overlap");

    [Theory]
    [InlineData(0xAA, false)]
    [InlineData(0x55, true)]
    [InlineData(0x54, false)]
    public void Check_8_spares_measurement_35_only_where_its_unit_is_said_to_be_off(byte status, bool spared)
    {
        var opaque = TestDevice.GpuOpaque();
        opaque[11] = [status];
        var @case = Good with { Devices = [new() { Opaque = opaque }], Driver = Good.Driver with { Measurements = Wanted(35, new('a', 96)) } };
        if (spared) Verifies(@case);
        else Fails(@case, "gpu.8.driver");
    }

    [Fact]
    public void Check_8_rejects_a_measurement_that_the_policy_does_not_name()
    {
        static string Pin(string value) => $$"""{"measurements":{"40":["{{value}}"]} }""";
        var measured = Convert.ToHexStringLower(TestDevice.Measured(64)[41]);
        Verifies(Good with { Policy = Pin(measured) });
        Fails(Good with { Policy = Pin(new('0', 96)) }, "gpu.8.policy");
        Fails(Good with { Policy = Pin(measured[..64]) }, "gpu.8.policy");
    }

    [Theory]
    [InlineData("550.90.08", false)]
    [InlineData("551", false)]
    [InlineData("550.90.7", true)]
    [InlineData("550.9", true)]
    public void Check_8_rejects_a_driver_older_than_the_policy_allows(string least, bool enough)
    {
        var @case = Good with { Policy = $$"""{"min_driver":"{{least}}"}""" };
        if (enough) Verifies(@case);
        else Fails(@case, "gpu.8.min-driver");
    }

    /// <summary>Documents with what canonical forms trip over, and each with one thing changed: our verdict is that of xmlsec1, a verifier by others.</summary>
    public static TheoryData<string> Oddities =>
    [
        "", " xml:lang=\"en\" xml:space=\"preserve\"", " b=\"2\" a=\"1\" xmlns:z=\"urn:a\" xmlns:a=\"urn:z\" z:k=\"1\" a:k=\"2\"", " t=\"&#9;&#10;&#13;&amp;&lt;&quot;'\"",
        "|<a xmlns=\"\"><b xmlns=\"urn:x\"><c xmlns=\"\"/></b></a>", "|<a><![CDATA[<&>]]> &#13; &gt; text</a>", "|<!-- a comment --><a/>", "|<a xmlns:ns0=\"urn:other\"><ns0:b/></a>",
        "|<a é=\"ü\" 中=\"文\">\U0001F600</a>", "|<a\n  x='1'\n  w=\"a\r\nb\"/>", " xml:id=\"root\"", "|<a xml:lang=\"de\"><b xml:space=\"default\"/></a>",
    ];

    [Theory]
    [MemberData(nameof(Oddities))]
    public void Canonical_XML_is_that_of_others(string oddity)
    {
        var rim = oddity.StartsWith('|') ? Good.Driver with { Inside = oddity[1..] } : Good.Driver with { Attributes = oddity };
        var signed = Good.Signed(rim, Good.Vendor.RimSigner);
        Assert.True(Xmlsec.Verifies(signed, Good.Vendor.RimRoot.Certificate, NvidiaVendor.Now));
        Assert.NotNull(UnverifiedRim.Parse(Encoding.UTF8.GetBytes(signed)).Verified);
    }

    [Fact]
    public void What_was_changed_verifies_nowhere()
    {
        var signed = Encoding.UTF8.GetBytes(Good.Signed(Good.Driver, Good.Vendor.RimSigner));
        var end = signed.AsSpan().IndexOf("<ds:X509Data>"u8);
        for (var i = 0; i < 60; i++)
        {
            var changed = signed.ToArray();
            changed[i * end / 60] ^= 1;
            RequireSame(changed, Good.Vendor.RimRoot.Certificate, NvidiaVendor.Now);
        }
    }

    [Theory]
    [MemberData(nameof(NvidiaVectorsTests.Rims), MemberType = typeof(NvidiaVectorsTests))]
    public void Real_RIMs_have_the_verdict_of_xmlsec1_as_they_are_and_changed(string name)
    {
        var root = X509CertificateLoader.LoadCertificateFromFile(SharedFiles.Require("vectors/nvidia-gpu/verifier_RIM_root.pem"));
        var rim = File.ReadAllBytes(SharedFiles.Require($"vectors/nvidia-gpu/rim/{name}.swidtag"));
        var at = new DateTimeOffset(2024, 6, 1, 0, 0, 0, TimeSpan.Zero);
        Assert.True(RequireSame(rim, root, at));
        var end = rim.AsSpan().IndexOf("<ds:X509Data>"u8);
        for (var i = 0; i < 12; i++)
        {
            var changed = rim.ToArray();
            changed[i * end / 12 + 100] ^= 2;
            RequireSame(changed, root, at);
        }
    }

    /// <summary>We may refuse more (other forms), never less.</summary>
    private static bool RequireSame(byte[] xml, X509Certificate2 root, DateTimeOffset at)
    {
        bool ours;
        try
        {
            ours = UnverifiedRim.Parse(xml).Verified is not null;
        }
        catch (MalformedException)
        {
            return false;
        }
        Assert.Equal(Xmlsec.Verifies(Encoding.UTF8.GetString(xml), root, at), ours);
        return ours;
    }

    private static string Between(string text, string from, string to)
    {
        var start = text.IndexOf(from, StringComparison.Ordinal);
        return text[start..(text.IndexOf(to, start, StringComparison.Ordinal) + to.Length)];
    }
}

/// <summary>Debian's xmlsec1, which ./test installs: another verifier of XML signatures.</summary>
internal static class Xmlsec
{
    private const string Program = "/usr/bin/xmlsec1";

    public static bool Verifies(string xml, X509Certificate2 root, DateTimeOffset at)
    {
        if (!File.Exists(Program)) Assert.Skip("xmlsec1 is not here: ./test installs it");
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var (document, pem) = (Path.Combine(folder.FullName, "rim.xml"), Path.Combine(folder.FullName, "root.pem"));
            File.WriteAllText(document, xml);
            File.WriteAllText(pem, root.ExportCertificatePem());
            var start = new ProcessStartInfo(Program, ["--verify", "--trusted-pem", pem, "--verification-time", at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture), document])
            {
                RedirectStandardError = true, RedirectStandardOutput = true,
            };
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            error.GetAwaiter().GetResult();
            return process.ExitCode == 0;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
