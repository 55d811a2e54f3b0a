using System.Numerics;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Dcap;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Dcap;

/// <summary>Evidence that is right in all but one numbered step of spec/evidence-tdx-sgx.md, steps 1 to 11: exactly that check fails, or exactly that endorsement is missing.</summary>
public sealed class QuoteStepsTests
{
    private static TestIntel Intel => TestIntel.One;

    [Theory]
    [InlineData("tdx")]
    [InlineData("sgx")]
    public void Step_1_rejects_the_quoting_enclave_of_another_vendor(string kind) => Rejects("1", new(kind) { Header = header => header[12] ^= 1 });

    [Theory]
    [InlineData(0, 2)]
    [InlineData(0, 6)]
    [InlineData(2, 3)]
    [InlineData(4, 0x80)]
    public void Step_1_refuses_another_version_key_or_kind(int at, byte value) =>
        Assert.Throws<MalformedException>(() => new TestPlatform("tdx") { Header = header => header[at] = value }.Appraise());

    [Fact]
    public void Step_1_refuses_a_domain_in_version_3() => Assert.Throws<MalformedException>(() => new TestPlatform("tdx") { Version = 3, DomainSize = 584 }.Appraise());

    [Fact]
    public void Step_1_refuses_a_body_of_another_size_than_its_type()
    {
        var quote = new TestPlatform("tdx").Quote();
        quote[48] = 2;
        Assert.Throws<MalformedException>(() => new TestPlatform("tdx").Appraise(file: quote));
    }

    [Fact]
    public void Step_1_refuses_the_quote_of_the_other_kind() => Assert.Throws<MalformedException>(() => new TestPlatform("tdx").Appraise(file: new TestPlatform("sgx").Quote()));

    [Fact]
    public void Step_1_refuses_certification_data_outside_its_envelope()
    {
        var quote = new TestPlatform("tdx").Quote();
        quote[54 + 648 + 4 + 128] = 5;
        Assert.Throws<MalformedException>(() => new TestPlatform("tdx").Appraise(file: quote));
    }

    [Fact]
    public void Step_2_rejects_a_certificate_of_another_name() => Rejects("2.pck", new("tdx") { PckName = "Intel SGX PCK" });

    [Fact]
    public void Step_2_rejects_a_chain_without_a_platform() => Rejects("2.pck", new("tdx") { Certification = TestPlatform.Pem(Intel.PlatformCa, Intel.Root) });

    [Fact]
    public void Step_2_rejects_a_root_that_came_along()
    {
        var stranger = new TestIntel();
        var result = new TestPlatform("tdx") { Ca = stranger.PlatformCa, Certification = null, Files = files => files["stranger.pem"] = TestPlatform.Pem(stranger.Root) }.Appraise();
        Assert.Equal("tdx.2.root", Assert.Single(result.Failures).Id);
    }

    [Fact]
    public void Step_2_asks_for_an_issuer_that_is_not_there()
    {
        var result = new TestPlatform("tdx") { CertificationType = 4, Certification = TestPlatform.Pem(new TestPlatform("tdx").Pck) }.Appraise();
        Assert.Empty(result.Failures);
        Assert.StartsWith("tdx.2.root: the certificate of CN=Intel SGX PCK Platform CA", Assert.Single(result.Missing), StringComparison.Ordinal);
    }

    [Fact]
    public void Step_2_rejects_a_platform_that_the_root_itself_certified() => Rejects("2.names", new("tdx") { Ca = Intel.Root, PckList = Intel.List(Intel.PlatformCa, TimeSpan.FromDays(1), TimeSpan.FromDays(30)) });

    [Fact]
    public void Step_2_rejects_a_platform_without_its_instance() => Rejects("2.ca", new("tdx") { HasInstance = false });

    [Fact]
    public void Step_2_rejects_a_certificate_that_ran_out() => Rejects("2.valid", new("tdx") { PckTo = TestIntel.At.AddDays(-1) });

    [Fact]
    public void Step_2_takes_the_processor_authority() => Verifies(new("sgx") { Ca = Intel.ProcessorCa, HasInstance = false });

    [Fact]
    public void Step_2_takes_the_chain_in_the_other_order_and_as_DER()
    {
        var platform = new TestPlatform("tdx");
        Verifies(new("tdx") { Certification = [.. TestPlatform.Pem(Intel.Root, Intel.PlatformCa, platform.Pck), 0] });
        Verifies(new("tdx") { Certification = [.. platform.Pck.RawData, .. Intel.PlatformCa.RawData, .. Intel.Root.RawData] });
    }

    [Theory]
    [InlineData(1, 16)]
    [InlineData(2, 256)]
    [InlineData(3, 384)]
    public void Step_2_finds_the_certificate_that_the_quote_only_names(int type, int ppid)
    {
        byte[] named = [.. new byte[ppid], .. Enumerable.Repeat((byte)3, 16), 13, 0, 0, 0];
        Verifies(Naming(type, named));
        Verifies(Naming(type, named[..^2]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(34)]
    public void Step_2_asks_for_a_certificate_that_is_named_and_not_there(int at)
    {
        byte[] named = [.. new byte[16], .. Enumerable.Repeat((byte)3, 16), 13, 0, 0, 0];
        named[at]++;
        Assert.StartsWith("sgx.2.pck: the PCK certificate", Assert.Single(Naming(1, named).Appraise().Missing), StringComparison.Ordinal);
    }

    [Fact]
    public void Step_2_rejects_a_name_of_another_length() => Rejects("2.pck", Naming(1, new byte[35]));

    [Fact]
    public void Step_3_asks_for_lists()
    {
        IsMissing("3.root", new("tdx") { Files = files => files.Remove("root.crl") });
        IsMissing("3.list", new("tdx") { Files = files => files.Remove("pck.crl") });
    }

    [Fact]
    public void Step_3_rejects_a_list_that_another_key_signed()
    {
        var stranger = new TestIntel();
        Rejects("3.root", new("tdx") { RootList = stranger.List(stranger.Root, TimeSpan.FromDays(1), TimeSpan.FromDays(365)) });
        Rejects("3.list", new("tdx") { PckList = stranger.List(stranger.PlatformCa, TimeSpan.FromDays(1), TimeSpan.FromDays(30)) });
    }

    [Theory]
    [InlineData(31, 30)] // next one is due
    [InlineData(8, 30)] // older than a policy takes, though it has not run out
    [InlineData(-1, 30)] // of tomorrow
    public void Step_3_takes_no_stale_list(int age, int lasts) => IsMissing("3.list.fresh", new("tdx") { PckList = Intel.List(Intel.PlatformCa, TimeSpan.FromDays(age), TimeSpan.FromDays(lasts)) });

    [Theory]
    [InlineData(367, 700)]
    [InlineData(40, 30)]
    public void Step_3_takes_no_stale_list_of_the_root(int age, int lasts) => IsMissing("3.root.fresh", new("tdx") { RootList = Intel.List(Intel.Root, TimeSpan.FromDays(age), TimeSpan.FromDays(lasts)) });

    [Fact]
    public void Step_3_rejects_revoked_certificates()
    {
        Rejects("3.ca", new("tdx") { RootList = Intel.List(Intel.Root, TimeSpan.FromDays(1), TimeSpan.FromDays(30), 2) });
        Rejects("3.pck", new("tdx") { PckList = Intel.List(Intel.PlatformCa, TimeSpan.FromDays(1), TimeSpan.FromDays(30), 9) });
    }

    [Fact]
    public void Step_3_believes_what_a_stale_list_revoked() => Rejects("3.pck", new("tdx") { PckList = Intel.List(Intel.PlatformCa, TimeSpan.FromDays(10), TimeSpan.FromDays(30), 9) });

    [Theory]
    [InlineData("tdx")]
    [InlineData("sgx")]
    public void Steps_4_and_5_ask_for_what_is_not_there(string kind)
    {
        IsMissing("4.form", new(kind) { Files = files => files.Remove("tcb.json") });
        IsMissing("5.form", new(kind) { Files = files => files.Remove("qe.json") });
        var result = new TestPlatform(kind) { Files = files => files.Remove("chain.pem") }.Appraise();
        Assert.Equal([$"{kind}.4.chain", $"{kind}.5.chain"], result.Missing.Select(each => each[..each.IndexOf(':', StringComparison.Ordinal)]));
    }

    [Fact]
    public void Step_2_rejects_a_certificate_whose_number_is_none_of_Intels()
    {
        foreach (var svn in (BigInteger[])[-1, 65_536, BigInteger.One << 31, BigInteger.One << 32, BigInteger.One << 64, BigInteger.One << 200_000]) Rejects("2.pck", new("tdx") { PceSvn = svn });
    }

    [Fact]
    public void A_chain_of_more_than_64_KiB_is_malformed_before_anything_in_it_is_read()
    {
        var platform = new TestPlatform("tdx");
        byte[] Padded(int size) => [.. platform.Chain, .. Enumerable.Repeat((byte)'\n', size - platform.Chain.Length)];
        Assert.Equal(Outcome.Verified, new TestPlatform("tdx") { Certification = Padded(64 * 1024) }.Appraise().Outcome);
        Assert.Throws<MalformedException>(() => new TestPlatform("tdx") { Certification = Padded(64 * 1024 + 1) }.Appraise());
    }

    [Fact]
    public void A_broken_JSON_of_something_else_is_told_and_rejects_nothing()
    {
        var result = new TestPlatform("tdx") { Files = files => { files.Remove("tcb.json"); files.Remove("qe.json"); files["notes.json"] = "{\"a\":"u8.ToArray(); } }.Appraise();
        Assert.Equal(Outcome.EndorsementsMissing, result.Outcome);
        Assert.Contains(result.NotChecked, each => each.StartsWith("an endorsement that cannot be read: notes.json", StringComparison.Ordinal));
    }

    [Fact]
    public void Step_4_asks_for_TCB_info_of_this_generation() => IsMissing("4.form", new("tdx") { TcbInfo = info => info["fmspc"] = "00906ea10000" });

    [Fact]
    public void Step_4_rejects_TCB_info_of_the_other_technology() => Rejects("4.form", new("tdx") { TcbInfo = info => info["id"] = "SGX" });

    [Theory]
    [InlineData("version", 4)]
    [InlineData("tcbType", 1)]
    public void Step_4_rejects_TCB_info_of_another_form(string member, int value) => Rejects("4.form", new("tdx") { TcbInfo = info => info[member] = value });

    [Fact]
    public void Step_4_rejects_TCB_info_that_another_key_signed() => Rejects("4.signature", new("tdx") { TcbSigner = TestIntel.NewKey() });

    [Fact]
    public void Step_4_rejects_TCB_info_written_again_with_a_space() =>
        Rejects("4.signature", new("tdx") { Files = files => files["tcb.json"] = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(files["tcb.json"]).Replace("\"tcbType\":0", "\"tcbType\": 0", StringComparison.Ordinal)) });

    [Fact]
    public void Step_4_rejects_a_signer_whom_the_root_did_not_name()
    {
        var stranger = new TestIntel();
        using var key = System.Security.Cryptography.X509Certificates.ECDsaCertificateExtensions.GetECDsaPrivateKey(stranger.TcbSigning);
        var platform = new TestPlatform("tdx") { TcbSigner = key, Files = files => files["chain.pem"] = [.. files["chain.pem"], .. "\n"u8, .. TestPlatform.Pem(stranger.TcbSigning, stranger.Root)] };
        Rejects("4.chain", platform);
    }

    [Fact]
    public void Step_4_rejects_a_signer_whom_another_authority_named()
    {
        using var key = TestIntel.NewKey();
        var signer = TestIntel.Issue(TestIntel.Leaf("Intel SGX TCB Signing", key), Intel.PlatformCa, 40);
        Rejects("4.names", new("tdx") { TcbSigner = key, Files = files => files["signer.pem"] = TestPlatform.Pem(signer, Intel.PlatformCa) });
    }

    [Theory]
    [InlineData("2026-02-25T00:00:00Z", "2026-04-03T00:00:00Z")]
    [InlineData("2026-03-04T00:00:00Z", "2026-03-05T12:00:00Z")]
    [InlineData("2026-03-06T00:00:00Z", "2026-04-03T00:00:00Z")]
    public void Steps_4_and_5_take_nothing_stale(string issued, string next)
    {
        void Change(JsonObject document) => (document["issueDate"], document["nextUpdate"]) = (issued, next);
        IsMissing("4.fresh", new("tdx") { TcbInfo = Change });
        IsMissing("5.fresh", new("tdx") { QeIdentity = Change });
    }

    [Fact]
    public void Steps_4_and_5_reject_an_evaluation_before_the_policys()
    {
        Rejects("4.evaluation", new("tdx") { TcbInfo = info => info["tcbEvaluationDataNumber"] = 17 }, """{"minimum_tcb_evaluation_data_number":18}""");
        Rejects("5.evaluation", new("tdx") { QeIdentity = identity => identity["tcbEvaluationDataNumber"] = 17 }, """{"minimum_tcb_evaluation_data_number":18}""");
    }

    [Fact]
    public void Steps_4_and_5_reject_a_revoked_signer()
    {
        var result = new TestPlatform("tdx") { RootList = Intel.List(Intel.Root, TimeSpan.FromDays(1), TimeSpan.FromDays(30), 4) }.Appraise();
        Assert.Equal(["tdx.4.revoked", "tdx.5.revoked"], result.Failures.Select(check => check.Id));
    }

    [Fact]
    public void Step_5_rejects_the_identity_of_another_enclave()
    {
        Rejects("5.form", new("tdx") { QeIdentity = identity => identity["id"] = "QE" });
        Rejects("5.form", new("sgx") { QeIdentity = identity => identity["id"] = "QVE" });
    }

    [Fact]
    public void Step_5_rejects_an_identity_that_was_changed() =>
        Rejects("5.signature", new("sgx") { Files = files => files["qe.json"] = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(files["qe.json"]).Replace("\"isvsvn\":8", "\"isvsvn\":7", StringComparison.Ordinal)) });

    [Fact]
    public void Step_6_rejects_TCB_info_of_another_PCE() => Rejects("6.pceid", new("tdx") { TcbInfo = info => info["pceId"] = "0001" });

    [Fact]
    public void Step_7_rejects_a_module_version_that_Intel_does_not_know() => Rejects("7.identity", new("tdx") { Body = body => body[1] = 2 });

    [Fact]
    public void Step_7_rejects_a_module_that_Intel_did_not_sign()
    {
        Rejects("7.signer", new("tdx") { Body = body => body[64] = 1 });
        Rejects("7.signer", new("tdx") { Body = body => body[64] = 1 }, "", CheckGroup.Tcb);
    }

    [Fact]
    public void Step_7_rejects_a_module_with_attributes() => Rejects("7.attributes", new("tdx") { Body = body => body[112] = 1 });

    [Theory]
    [InlineData("tdx")]
    [InlineData("sgx")]
    public void Step_8_rejects_a_quoting_enclave_that_the_platform_did_not_certify(string kind) => Rejects("8", new(kind) { QeReportSigner = TestIntel.NewKey() });

    [Theory]
    [InlineData("tdx")]
    [InlineData("sgx")]
    public void Step_9_rejects_an_attestation_key_that_the_quoting_enclave_did_not_name(string kind) => Rejects("9", new(kind) { QeReport = report => report[320] ^= 1 });

    [Fact]
    public void Step_9_rejects_a_report_that_says_more() => Rejects("9.rest", new("tdx") { QeReport = report => report[383] = 1 });

    [Fact]
    public void Step_10_rejects_another_enclave_in_the_place_of_the_quoting_enclave()
    {
        Rejects("10.signer", new("tdx") { QeReport = report => report[128] ^= 1 });
        Rejects("10.product", new("tdx") { QeReport = report => report[256] = 1 });
        Rejects("10.attributes", new("tdx") { QeReport = report => report[48] |= 2 });
        Rejects("10.miscselect", new("tdx") { QeReport = report => report[16] = 1 });
        Rejects("10.level", new("tdx") { QeReport = report => report[258] = 4 });
    }

    [Fact]
    public void Step_10_asks_who_quotes_even_where_the_TCB_is_left_out()
    {
        Rejects("10.signer", new("sgx") { QeReport = report => report[128] ^= 1 }, "", CheckGroup.Tcb);
        Rejects("10.product", new("sgx") { QeReport = report => report[256] = 2 }, "", CheckGroup.Tcb);
        Rejects("10.attributes", new("sgx") { QeReport = report => report[48] |= 2 }, "", CheckGroup.Tcb);
    }

    [Theory]
    [InlineData("tdx")]
    [InlineData("sgx")]
    public void Step_11_rejects_a_body_that_the_attestation_key_did_not_sign(string kind) => Rejects("11", new(kind) { QuoteSigner = TestIntel.NewKey() });

    [Fact]
    public void What_trails_is_reported_and_never_read()
    {
        var result = new TestPlatform("tdx") { After = "and more"u8.ToArray() }.Appraise();
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.Contains(result.NotChecked, each => each.StartsWith("8 bytes after the quote", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("sgx", 3, 0)]
    [InlineData("sgx", 4, 0)]
    [InlineData("sgx", 5, 0)]
    [InlineData("tdx", 4, 584)]
    [InlineData("tdx", 5, 584)]
    [InlineData("tdx", 5, 648)]
    public void Every_version_with_each_of_its_bodies_verifies(string kind, int version, int size) => Verifies(new(kind) { Version = version, DomainSize = size });

    internal static void Verifies(TestPlatform platform)
    {
        var result = platform.Appraise();
        Assert.Empty(result.Failures);
        Assert.Empty(result.Missing);
    }

    internal static void Rejects(string step, TestPlatform platform, string policy = "", params CheckGroup[] without)
    {
        var result = platform.Appraise(policy, without);
        Assert.Equal($"{(platform.IsTdx ? "tdx" : "sgx")}.{step}", Assert.Single(result.Failures).Id);
        Assert.Equal(Outcome.Rejected, result.Outcome);
    }

    private static void IsMissing(string step, TestPlatform platform)
    {
        var result = platform.Appraise();
        Assert.Empty(result.Failures);
        Assert.StartsWith($"{(platform.IsTdx ? "tdx" : "sgx")}.{step}: ", Assert.Single(result.Missing), StringComparison.Ordinal);
        Assert.Equal(Outcome.EndorsementsMissing, result.Outcome);
    }

    private static TestPlatform Naming(int type, byte[] named) =>
        new("sgx") { CertificationType = (ushort)type, Certification = named, Files = files => files["platform.pem"] = new TestPlatform("sgx").Chain };
}
