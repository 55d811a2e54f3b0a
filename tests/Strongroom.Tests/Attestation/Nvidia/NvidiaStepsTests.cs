using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Nvidia;

/// <summary>Steps 1 to 6 and 9 to 11 of spec/evidence-nvidia.md, one thing wrong at a time, with a signature that holds.</summary>
public sealed class NvidiaStepsTests
{
    private static readonly NvidiaCase Good = new();

    private static TestDevice Device => new();

    private static TestDevice Second => new() { Serial = "41431D480FE5E87275" };

    internal static void Fails(NvidiaCase @case, params string[] ids)
    {
        var result = @case.Appraise();
        Assert.Equal(ids.Order(StringComparer.Ordinal), result.Failures.Select(check => check.Id).Order(StringComparer.Ordinal));
        Assert.Equal(Outcome.Rejected, result.Outcome);
    }

    internal static void Misses(NvidiaCase @case, params string[] ids)
    {
        var result = @case.Appraise();
        Assert.Empty(result.Failures);
        Assert.Equal(ids.Order(StringComparer.Ordinal), result.Missing.Select(missing => missing.Split(':')[0]).Order(StringComparer.Ordinal));
        Assert.Equal(Outcome.EndorsementsMissing, result.Outcome);
    }

    internal static void Verifies(NvidiaCase @case)
    {
        var result = @case.Appraise();
        Assert.Empty(result.Failures);
        Assert.Empty(result.Missing);
        Assert.Equal(Outcome.Verified, result.Outcome);
    }

    private static SortedDictionary<int, byte[]> Opaque(int type, byte[]? value)
    {
        var opaque = TestDevice.GpuOpaque();
        if (value is null) opaque.Remove(type);
        else opaque[type] = value;
        return opaque;
    }

    [Fact]
    public void A_gpu_that_is_right_in_everything_verifies() => Verifies(Good);

    [Fact]
    public void A_switch_that_is_right_in_everything_verifies() => Verifies(NvidiaCase.Switch());

    [Fact]
    public void A_Blackwell_names_its_firmware_in_another_form_and_verifies() =>
        Verifies(Good with { Devices = [Device with { Product = "GB100", Serial = "41E6DE55C3BDC14277" }], Driver = Good.Driver with { Product = "GB100" }, Vbios = Good.Vbios with { Product = "GB100" } });

    [Theory]
    [InlineData(0, 0xFF)]
    [InlineData(1, 0x00)]
    [InlineData(1, 0x07)]
    [InlineData(3, 0xFF)]
    public void Check_1_rejects_a_request_for_less_than_everything_signed(byte attributes, byte index) => Fails(Good with { Devices = [Device with { Attributes = attributes, Index = index }] }, "gpu.1.request");

    [Fact]
    public void Check_1_rejects_an_answer_from_another_chain_than_asked() => Fails(Good with { Devices = [Device with { ResponseSlot = 1 }] }, "gpu.1.slot");

    [Fact]
    public void Check_1_rejects_a_measurement_left_out()
    {
        var measurements = TestDevice.Measured(64);
        measurements.Remove(50);
        Fails(Good with { Devices = [Device with { Measurements = measurements }] }, "gpu.1.indices");
    }

    [Fact]
    public void Check_1_rejects_a_gpu_offered_as_a_switch() => Assert.Contains("switch.1.kind", (Good with { Kind = "nvidia-switch" }).Appraise().Failures.Select(check => check.Id));

    [Fact]
    public void Check_1_rejects_a_switch_offered_as_a_gpu() => Assert.Contains("gpu.1.kind", (NvidiaCase.Switch() with { Kind = "nvidia-gpu" }).Appraise().Failures.Select(check => check.Id));

    [Theory]
    [InlineData("nonce", "00")]
    [InlineData("driver_version", "570.00")]
    [InlineData("vbios_version", "96.00.9F.00.02")]
    [InlineData("arch", "BLACKWELL")]
    public void Check_1_rejects_a_document_that_says_something_else_than_the_report(string name, string value) =>
        Fails(Good with { Devices = [Device with { Says = new() { [name] = value } }] }, "gpu.1.envelope");

    [Fact]
    public void Check_2_rejects_a_stranger_who_calls_himself_NVIDIA() => Fails(Good with { Devices = [Device with { StrangersRoot = true, Serial = "S" }] }, "gpu.2.chain");

    [Fact]
    public void Check_2_rejects_a_chain_that_is_shorter() => Fails(Good with { Devices = [Device with { WithoutProvisioner = true, Serial = "T" }] }, "gpu.2.length");

    [Fact]
    public void Check_2_rejects_a_certificate_out_of_its_time() => Fails(Good with { Devices = [Device with { LeafEnds = NvidiaVendor.Now.AddDays(-1) }] }, "gpu.2.validity");

    [Fact]
    public void Check_2_rejects_an_attestation_key_that_is_for_something_else() => Fails(Good with { Devices = [Device with { LeafUsage = X509KeyUsageFlags.NonRepudiation }] }, "gpu.2.usage");

    [Fact]
    public void Check_2_rejects_a_product_of_no_known_generation() => Fails(Good with { Devices = [Device with { Product = "XY100", Serial = "U" }] , Driver = Good.Driver, Vbios = Good.Vbios }, "gpu.2.product");

    [Fact]
    public void Check_2_misses_the_certificates_of_a_bare_report()
    {
        var result = Appraiser.For("nvidia-gpu", Good.Vendor.Roots)!.Appraise(Good.Request(Good.Evidence, Endorsements.None));
        Assert.Equal(Outcome.EndorsementsMissing, result.Outcome);
        Assert.Contains(result.Missing, missing => missing.StartsWith("gpu.2.chain", StringComparison.Ordinal));
    }

    [Fact]
    public void Check_3_rejects_firmware_that_is_not_the_certified_one() => Fails(Good with { Devices = [Device with { Opaque = Opaque(20, SHA384.HashData("other"u8)) }] }, "gpu.3");

    [Fact]
    public void Check_3_rejects_a_report_without_its_firmware() => Fails(Good with { Devices = [Device with { Opaque = Opaque(20, null) }] }, "gpu.3");

    [Fact]
    public void Check_3_rejects_a_certificate_without_its_firmware()
    {
        var device = Device with { CertifiedFwid = null };
        Fails(Good with { Devices = [device with { Says = new() { ["version"] = "1.0" } }] }, "gpu.3"); // in a directory such a certificate would not be taken for a device's
    }

    [Fact]
    public void Check_3_rejects_firmware_cut_short() => Fails(Good with { Devices = [Device with { Opaque = Opaque(20, NvidiaVendor.Fwid[..32]) }] }, "gpu.3");

    [Fact]
    public void Check_3_rejects_firmware_of_all_zeros_on_both_sides() => Fails(Good with { Devices = [Device with { CertifiedFwid = new byte[48], Opaque = Opaque(20, new byte[48]) }] }, "gpu.3");

    [Fact]
    public void Check_3_rejects_a_switch_whose_certificate_names_no_firmware() =>
        Fails(NvidiaCase.Switch() with { Devices = [TestDevice.Switch() with { CertifiedFwid = null, Says = new() { ["version"] = "1.0" } }] }, "switch.3");

    [Fact]
    public void Check_5_rejects_an_answer_to_another_challenge() => Fails(Good with { Nonce = new byte[32] }, "gpu.5");

    [Theory]
    [InlineData(31)]
    [InlineData(33)]
    public void Check_5_rejects_a_challenge_of_another_length(int size) => Fails(Good with { Nonce = [.. Enumerable.Repeat((byte)0x5A, size)] }, "gpu.5");

    [Fact]
    public void Check_5_rejects_report_data_which_these_devices_do_not_have()
    {
        var request = Good.Request(Good.Evidence) with { ReportData = new byte[32] };
        Assert.Equal(["gpu.5.report-data"], Appraiser.For("nvidia-gpu", Good.Vendor.Roots)!.Appraise(request).Failures.Select(check => check.Id));
    }

    [Fact]
    public void Check_6_rejects_a_signature_by_another_key() => Fails(Good with { Devices = [Device with { SignsWith = ECDsa.Create(ECCurve.NamedCurves.nistP384) }] }, "gpu.6");

    [Theory]
    [InlineData(new byte[] { 2 })]
    [InlineData(new byte[] { 3 })]
    [InlineData(new byte[] { 1, 1 })]
    public void Check_9_rejects_a_mode_that_is_not_allowed_or_not_known(byte[] flag) => Fails(Good with { Devices = [Device with { Opaque = Opaque(36, flag) }] }, "gpu.9.mode");

    [Theory]
    [InlineData(0xAA)]
    [InlineData(0x00)]
    public void Check_9_rejects_a_protected_bus_where_the_policy_does_not_allow_it(byte status) => Fails(Good with { Devices = [Device with { Opaque = Opaque(21, [status]) }] }, "gpu.9.mode");

    [Fact]
    public void Check_9_lets_a_policy_allow_a_protected_bus() => Verifies(Good with { Devices = [Device with { Opaque = Opaque(36, [2]) }], Policy = """{"modes":["ppcie"]}""" });

    [Theory]
    [InlineData("devtools")]
    [InlineData("off")]
    [InlineData("ON, more or less")]
    public void Check_9_rejects_a_device_that_is_said_to_be_open(string mode) => Fails(Good with { Devices = [Device with { Says = new() { ["cc_mode"] = mode } }] }, "gpu.9.cc");

    [Fact]
    public void Check_9_rejects_a_switch_with_an_unknown_lock_status()
    {
        var opaque = TestDevice.SwitchOpaque();
        opaque[25] = [7, 0];
        Fails(NvidiaCase.Switch() with { Devices = [TestDevice.Switch() with { Opaque = opaque }] }, "switch.9.lock");
    }

    [Fact]
    public void Check_10_rejects_devices_that_answer_two_challenges()
    {
        var other = Second with { Nonce = new byte[32] };
        Fails(Good with { Devices = [Device, other] }, "gpu.10.nonce", "gpu.5.1");
    }

    [Fact]
    public void Check_10_rejects_one_device_that_answers_twice() => Fails(Good with { Devices = [Device, Device] }, "gpu.10.identities");

    [Fact]
    public void Check_10_rejects_another_number_of_devices_than_expected()
    {
        Verifies(Good with { Devices = [Device, Second], Policy = """{"devices":2}""" });
        Fails(Good with { Devices = [Device, Second], Policy = """{"devices":8}""" }, "gpu.10.count");
    }

    [Fact]
    public void Check_10_rejects_switches_that_are_tied_to_other_gpus()
    {
        var opaque = TestDevice.SwitchOpaque();
        opaque[26] = [.. opaque[26].Select(b => b == 3 ? (byte)9 : b)];
        TestDevice[] pair = [TestDevice.Switch(), TestDevice.Switch() with { Serial = "V", Opaque = opaque }];
        Fails(NvidiaCase.Switch() with { Devices = pair, Policy = """{"gpus_per_switch":8}""" }, "switch.10.topology");
        Verifies(NvidiaCase.Switch() with { Policy = """{"gpus_per_switch":8}""" });
        Fails(NvidiaCase.Switch() with { Policy = """{"gpus_per_switch":7}""" }, "switch.10.topology");
    }

    [Fact]
    public void Check_11_rejects_a_generation_that_the_policy_denies() => Fails(Good with { Policy = """{"denied_architectures":["hopper"]}""" }, "gpu.11.generation");

    [Fact]
    public void Check_11_rejects_a_device_in_nobodys_custody()
    {
        Verifies(Good with { Policy = """{"allowed_devices":["41431D480FE5E87274"]}""" });
        Fails(Good with { Policy = """{"allowed_devices":["41431D480FE5E87275"]}""" }, "gpu.11.custody");
        Fails(Good with { Policy = """{"allowed_devices":[]}""" }, "gpu.11.custody");
    }

    [Fact]
    public void One_look_shows_all_that_is_wrong() =>
        Fails(Good with { Nonce = new byte[32], Devices = [Device with { LeafEnds = NvidiaVendor.Now.AddDays(-1), Opaque = Opaque(36, [2]) }] }, "gpu.2.validity", "gpu.5", "gpu.9.mode");

    [Theory]
    [InlineData("""{"nothing":1}""")]
    [InlineData("""{"modes":["any"]}""")]
    [InlineData("""{"devices":0}""")]
    [InlineData("""{"devices":1,"devices":2}""")]
    [InlineData("""{"modes":null}""")]
    [InlineData("""{"min_driver":"new"}""")]
    [InlineData("""{"measurements":{"35":[]}}""")]
    [InlineData("""{"measurements":{"035":["00"]}}""")]
    [InlineData("""{"denied_architectures":["volta"]}""")]
    [InlineData("[]")]
    public void A_policy_that_says_something_unknown_is_refused(string policy) => Assert.Throws<MalformedException>(() => (Good with { Policy = policy }).Appraise());

    [Fact]
    public void The_strict_policy_is_what_an_empty_one_means()
    {
        var strict = Appraiser.For("nvidia-gpu", Good.Vendor.Roots)!.StrictPolicy().ToJsonString();
        Verifies(Good with { Policy = strict });
        Assert.Contains("\"modes\":[\"spt\",\"mpt\"]", strict, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_form_of_the_file_gives_the_same_verdict()
    {
        var report = Good.Evidence;
        var item = Good.Vendor.Item(Device).ToJsonString();
        var pem = Encoding.ASCII.GetBytes(NvidiaVendor.Pem(Good.Vendor.Chain(Device)));
        var wrapper = $$"""
            {"__cmwc_t":"tag:nvidia.com,2026:x","gpu_0":{
            "evidence":["application/vnd.nvidia.spdm-measurement-transcript","{{Base64Url.EncodeToString(report)}}"],
            "certificate":["application/vnd.nvidia.pem-cert-chain","{{Base64Url.EncodeToString(pem)}}"]
            } }
            """;
        string[] forms =
        [
            Convert.ToHexString(report), Convert.ToHexStringLower(report) + "\n", Convert.ToBase64String(report), Convert.ToBase64String(report, Base64FormattingOptions.InsertLineBreaks),
            item, $"[{item}]", $$"""{"evidences":[{{item}}],"result_code":0,"result_message":"Ok"}""", $$"""{"device_evidence_list":[{{item}}]}""",
            $$"""{"nonce":"{{Convert.ToHexStringLower(Device.Nonce)}}","arch":"HOPPER","evidence_list":[{{item}}]}""",
            wrapper, $$"""{"tdx":{"quote":""},"nvgpu":{{item}}}""", new JsonObject { ["model"] = "m", ["nvidia_payload"] = $$"""{"arch":"HOPPER","evidence_list":[{{item}}]}""" }.ToJsonString(),
        ];
        var appraiser = Appraiser.For("nvidia-gpu", Good.Vendor.Roots)!;
        foreach (var form in forms)
        {
            var result = appraiser.Appraise(Good.Request(Encoding.ASCII.GetBytes(form)));
            Assert.True(result.Outcome == Outcome.Verified, $"{form[..60]}: {string.Join("; ", result.Failures)} {string.Join("; ", result.Missing)}");
        }
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"evidence":1}""")]
    [InlineData("""{"evidence":null}""")]
    [InlineData("""{"evidence":""}""")]
    [InlineData("""[{"certificate":""}]""")]
    [InlineData("""{"evidence":"11e0","evidence":"11e0"}""")]
    [InlineData("""{"evidences":[],"evidence_list":[]}""")]
    [InlineData("""{"evidences":"x"}""")]
    [InlineData("""{"a":{"a":{"a":{"a":{"a":{"evidence":""}}}}}}""")]
    [InlineData("""{"a":{"evidences":[1]},"b":{"evidences":[1]}}""")]
    [InlineData("""{"a":"{\"evidence\":"}""")]
    [InlineData("11e0")]
    [InlineData("?")]
    public void What_is_none_of_the_forms_is_malformed(string file) =>
        Assert.Throws<MalformedException>(() => Appraiser.For("nvidia-gpu", Good.Vendor.Roots)!.Appraise(Good.Request(Encoding.ASCII.GetBytes(file))));

    [Fact]
    public void A_field_that_is_said_twice_is_malformed()
    {
        var report = Good.Evidence;
        var at = report.AsSpan().IndexOf((ReadOnlySpan<byte>)[11, 0, 1, 0, 0xAA]);
        report[at] = 21;
        Assert.Throws<MalformedException>(() => Appraiser.For("nvidia-gpu", Good.Vendor.Roots)!.Appraise(Good.Request(report)));
    }

    [Fact]
    public void Every_field_is_shown_and_danger_is_called_so()
    {
        var fields = Appraiser.For("nvidia-gpu", Good.Vendor.Roots)!.Show(Good.Vendor.Json(Device with { Opaque = Opaque(36, [2]) }));
        Assert.Contains(fields, field => field.Name == "driver version" && field.Value == "550.90.07");
        Assert.Contains(fields, field => field is { Name: "mode", Value: "ppcie", Danger: true });
        Assert.Contains(fields, field => field.Name == "measurement 63");
        Assert.All(fields, field => Assert.NotEmpty(field.Meaning));
    }
}
