using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Dcap;
using Strongroom.Bytes;
using static Strongroom.Tests.Attestation.Dcap.QuoteStepsTests;

namespace Strongroom.Tests.Attestation.Dcap;

/// <summary>Steps 12 to 17 of spec/evidence-tdx-sgx.md, one wrong at a time.</summary>
public sealed class QuoteLevelsTests
{
    [Theory]
    [InlineData("tdx")]
    [InlineData("sgx")]
    public void Step_12_rejects_components_below_every_level(string kind) => Rejects("12.sgx", new(kind) { TcbInfo = info => Raise(info, "sgxtcbcomponents", 4) });

    [Fact]
    public void Step_12_rejects_a_PCE_below_every_level() => Rejects("12.sgx", new("sgx") { TcbInfo = info => Levels(info).ForEach(level => level["tcb"]!["pcesvn"] = 14) });

    [Fact]
    public void Step_12_rejects_a_domain_below_every_level() => Rejects("12.tdx", new("tdx") { Body = body => body[2] = 0 });

    [Fact]
    public void Step_12_rejects_a_status_that_nobody_knows() => Rejects("12.sgx", new("sgx") { TcbInfo = info => Levels(info)[0]["tcbStatus"] = "Excellent" });

    [Fact]
    public void Step_12_looks_at_the_highest_level_first_whatever_the_order() =>
        Verifies(new("sgx") { TcbInfo = info => info["tcbLevels"] = new JsonArray([.. Levels(info).AsEnumerable().Reverse().Select(level => level.DeepClone())]) });

    [Fact]
    public void Step_13_rejects_a_module_below_every_level() => Rejects("13", new("tdx") { Body = body => body[0] = 1 });

    [Theory]
    [InlineData("OutOfDateNow")]
    [InlineData("SWHardeningNeeded")]
    public void Step_13_rejects_a_status_that_a_module_cannot_have(string status) => Rejects("13", new("tdx") { TcbInfo = info => ModuleLevel(info)["tcbStatus"] = status });

    [Theory]
    [InlineData("tdx")]
    [InlineData("sgx")]
    public void Step_14_rejects_a_revoked_platform_whatever_the_policy(string kind) => Rejects("14", new(kind) { TcbInfo = info => Levels(info)[0]["tcbStatus"] = "Revoked" }, Everything);

    [Fact]
    public void Step_14_rejects_a_revoked_module() => Rejects("14", new("tdx") { Body = body => body[0] = 2 }, Everything);

    [Fact]
    public void Step_14_rejects_a_revoked_quoting_enclave() => Rejects("14", new("tdx") { QeReport = report => report[258] = 5 }, Everything);

    [Fact]
    public void Step_15_rejects_a_status_that_the_policy_does_not_list()
    {
        foreach (var status in new[] { "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded", "OutOfDate", "OutOfDateConfigurationNeeded" })
        {
            TestPlatform Platform() => new("sgx") { TcbInfo = info => Levels(info)[0]["tcbStatus"] = status };
            Rejects("15.status", Platform());
            Assert.Equal(Outcome.Verified, Platform().Appraise($$"""{"tcb_statuses":["{{status}}"]}""").Outcome);
        }
    }

    /// <summary>What the platform is, what module and quoting enclave are, and what comes out: the worst of them, in Intel's order.</summary>
    [Theory]
    [InlineData("UpToDate", "UpToDate", "UpToDate", "UpToDate")]
    [InlineData("UpToDate", "OutOfDate", "UpToDate", "OutOfDate")]
    [InlineData("SWHardeningNeeded", "OutOfDate", "UpToDate", "OutOfDate")]
    [InlineData("ConfigurationNeeded", "OutOfDate", "UpToDate", "OutOfDateConfigurationNeeded")]
    [InlineData("ConfigurationAndSWHardeningNeeded", "OutOfDate", "UpToDate", "OutOfDateConfigurationNeeded")]
    [InlineData("OutOfDate", "UpToDate", "UpToDate", "OutOfDate")]
    [InlineData("UpToDate", "Revoked", "UpToDate", "Revoked")]
    [InlineData("UpToDate", "UpToDate", "OutOfDate", "OutOfDate")]
    [InlineData("SWHardeningNeeded", "UpToDate", "OutOfDate", "OutOfDate")]
    [InlineData("ConfigurationNeeded", "UpToDate", "OutOfDate", "OutOfDateConfigurationNeeded")]
    [InlineData("OutOfDateConfigurationNeeded", "OutOfDate", "OutOfDate", "OutOfDateConfigurationNeeded")]
    [InlineData("UpToDate", "UpToDate", "Revoked", "Revoked")]
    public void Step_14_makes_one_status_of_platform_module_and_quoting_enclave(string platform, string module, string qe, string expected)
    {
        var result = new TestPlatform("tdx")
        {
            Version = 5,
            TcbInfo = info => (Levels(info)[0]["tcbStatus"], ModuleLevel(info)["tcbStatus"]) = (platform, module),
            QeIdentity = identity => identity["tcbLevels"]![0]!["tcbStatus"] = qe,
            Body = body => body[584] = 0, // starting it again would not help
        }.Appraise(Everything);
        Assert.Equal(expected, (string)result.Claims["tcb"]!["status"]!);
    }

    [Theory]
    [InlineData(5, 2, "UpToDate", "TDRelaunchAdvised")]
    [InlineData(5, 2, "ConfigurationNeeded", "TDRelaunchAdvisedConfigurationNeeded")]
    [InlineData(4, 2, "UpToDate", "OutOfDate")] // a new start would bring the same old module
    [InlineData(5, 1, "UpToDate", "OutOfDate")] // and the same old loader
    public void Step_14_advises_to_start_again_where_the_module_alone_is_old(int newModule, int newLoader, string platform, string expected)
    {
        var result = new TestPlatform("tdx")
        {
            TcbInfo = info => Levels(info)[0]["tcbStatus"] = platform, Body = body => (body[0], body[584], body[586]) = (4, (byte)newModule, (byte)newLoader),
        }.Appraise(Everything);
        Assert.Equal(expected, (string)result.Claims["tcb"]!["status"]!);
        Assert.Equal("INTEL-SA-00900", (string)result.Claims["tcb"]!["advisories"]![0]!);
    }

    [Fact]
    public void Step_14_does_not_advise_to_start_again_where_the_quoting_enclave_is_old()
    {
        var result = new TestPlatform("tdx") { Body = body => body[0] = 4, QeReport = report => report[258] = 6 }.Appraise(Everything);
        Assert.Equal("OutOfDate", (string)result.Claims["tcb"]!["status"]!);
    }

    [Fact]
    public void Step_12_leaves_the_modules_components_to_its_identity()
    {
        // TDX 1.0, major version 0: its own SVN is component 0 of the platform's level.
        Rejects("12.tdx", new("tdx") { DomainSize = 584, Version = 4, Body = body => body[0] = 4 });
        Verifies(new("tdx") { TcbInfo = info => Raise(info, "tdxtcbcomponents", 9, only: 0) });
    }

    [Fact]
    public void Step_15_rejects_a_denied_advisory() =>
        Rejects("15.advisories", new("sgx") { TcbInfo = info => Levels(info)[0]["advisoryIDs"] = new JsonArray("INTEL-SA-00615") }, """{"denied_advisories":["INTEL-SA-00615"]}""");

    [Fact]
    public void Step_15_rejects_levels_before_the_policys_day() => Rejects("15.date", new("tdx"), """{"minimum_tcb_date":"2025-11-02T00:00:00Z"}""");

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void Step_16_rejects_a_domain_that_somebody_can_look_into(int bit) => Rejects("16.debug", new("tdx") { Body = body => body[120] |= (byte)(1 << bit) });

    /// <summary>ICSSD, LASS, PKS, KL, TPA, PERFMON.</summary>
    [Theory]
    [InlineData(16)]
    [InlineData(27)]
    [InlineData(30)]
    [InlineData(31)]
    [InlineData(62)]
    [InlineData(63)]
    public void A_domain_may_have_an_attribute_that_lets_nobody_look_into_it(int bit) => Verifies(new("tdx") { Body = body => body[120 + bit / 8] |= (byte)(1 << bit % 8) });

    [Fact]
    public void Step_16_rejects_every_reserved_attribute()
    {
        foreach (var bit in Enumerable.Range(0, 64).Where(bit => (TdReport.KnownAttributes & 1ul << bit) == 0))
            Rejects("16.reserved", new("tdx") { Body = body => body[120 + bit / 8] |= (byte)(1 << bit % 8) });
    }

    [Theory]
    [InlineData(128, 0xE6)]
    [InlineData(128, 0xE5)]
    [InlineData(130, 0x0E)]
    [InlineData(135, 0x80)]
    public void Step_16_rejects_features_that_cannot_be(int at, byte value) => Rejects("16.xfam", new("tdx") { Body = body => body[at] = value });

    [Fact]
    public void Step_16_rejects_a_domain_that_can_be_moved()
    {
        Rejects("16.migratable", new("tdx") { Body = body => body[123] |= 0x20 });
        Assert.Equal(Outcome.Verified, new TestPlatform("tdx") { Body = body => body[123] |= 0x20 }.Appraise("""{"allow_migratable":true}""").Outcome);
    }

    [Fact]
    public void Step_16_rejects_a_domain_that_takes_injected_exceptions_where_the_policy_asks()
    {
        Rejects("16.sept_ve", new("tdx") { Body = body => body[123] = 0 }, """{"require_sept_ve_disable":true}""");
        Assert.Contains(new TestPlatform("tdx") { Body = body => body[123] = 0 }.Appraise().NotChecked, each => each.Contains("SEPT_VE_DISABLE", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("mr_td", 136)]
    [InlineData("mr_seam", 16)]
    [InlineData("mr_config_id", 184)]
    [InlineData("mr_owner", 232)]
    [InlineData("mr_owner_config", 280)]
    [InlineData("rtmr0", 328)]
    [InlineData("rtmr1", 376)]
    [InlineData("rtmr2", 424)]
    [InlineData("rtmr3", 472)]
    [InlineData("mr_service_td", 600)]
    public void Step_16_rejects_another_measurement_of_a_domain(string member, int at)
    {
        var wanted = new byte[48];
        new TestPlatform("tdx") { Body = body => body.AsSpan(at, 48).CopyTo(wanted) }.Quote();
        var policy = $$"""{"{{member}}":["{{Convert.ToHexStringLower(wanted)}}"]}""";
        Assert.Equal(Outcome.Verified, new TestPlatform("tdx").Appraise(policy).Outcome);
        Rejects($"16.{member}", new("tdx") { Body = body => body[at + 47] ^= 1 }, policy);
    }

    [Theory]
    [InlineData("mr_enclave", 64, 32)]
    [InlineData("mr_signer", 128, 32)]
    [InlineData("config_id", 192, 64)]
    [InlineData("isv_ext_prod_id", 32, 16)]
    [InlineData("isv_family_id", 304, 16)]
    public void Step_16_rejects_another_measurement_of_an_enclave(string member, int at, int size)
    {
        var wanted = new byte[size];
        new TestPlatform("sgx") { Body = body => body.AsSpan(at, size).CopyTo(wanted) }.Quote();
        var policy = $$"""{"{{member}}":["{{Convert.ToHexStringLower(wanted)}}"]}""";
        Assert.Equal(Outcome.Verified, new TestPlatform("sgx").Appraise(policy).Outcome);
        Rejects($"16.{member}", new("sgx") { Body = body => body[at + size - 1] ^= 1 }, policy);
    }

    [Theory]
    [InlineData("16.isv_prod_id", """{"isv_prod_id":[8]}""")]
    [InlineData("16.isv_svn", """{"minimum_isv_svn":4}""")]
    [InlineData("16.config_svn", """{"minimum_config_svn":1}""")]
    [InlineData("16.fmspc", """{"denied_fmspcs":["90c06f000000"]}""")]
    [InlineData("16.ppid", """{"ppids":["000000000000000000000000000000ff"]}""")]
    [InlineData("16.instance", """{"platform_instance_ids":["000000000000000000000000000000ff"]}""")]
    public void Step_16_rejects_what_the_policy_does_not_take(string step, string policy) => Rejects(step, new("sgx"), policy);

    [Fact]
    public void Step_16_rejects_hyper_threading_where_the_policy_does()
    {
        Rejects("16.smt", new("tdx") { Smt = true }, """{"allow_smt":false}""");
        Verifies(new("tdx") { Smt = true });
    }

    [Fact]
    public void Step_16_takes_no_silence_for_a_platform_that_cannot_be_changed()
    {
        Rejects("16.dynamic", new("sgx") { Ca = TestIntel.One.ProcessorCa, HasInstance = false }, """{"allow_dynamic_platform":false}""");
        Rejects("16.cached", new("sgx") { Ca = TestIntel.One.ProcessorCa, HasInstance = false }, """{"allow_cached_keys":false}""");
    }

    [Fact]
    public void Step_16_rejects_an_enclave_under_a_debugger() => Rejects("16.debug", new("sgx") { Body = body => body[48] |= 2 });

    [Fact]
    public void Step_16_rejects_an_enclave_that_never_began() => Rejects("16.init", new("sgx") { Body = body => body[48] = 4 });

    [Theory]
    [InlineData(48, 8)]
    [InlineData(49, 1)]
    [InlineData(55, 0x80)]
    [InlineData(16, 4)]
    [InlineData(20, 1)]
    [InlineData(127, 1)]
    [InlineData(160, 1)]
    [InlineData(303, 1)]
    public void Step_16_rejects_what_is_reserved_in_an_enclave(int at, byte bits) => Rejects("16.reserved", new("sgx") { Body = body => body[at] |= bits });

    [Theory]
    [InlineData("tdx")]
    [InlineData("sgx")]
    public void Step_16_rejects_a_stale_quote(string kind)
    {
        var result = new TestPlatform(kind).Appraise(reportData: new byte[64]);
        Assert.Equal($"{kind}.16.report_data", Assert.Single(result.Failures).Id);
    }

    [Theory]
    [InlineData(63)]
    [InlineData(65)]
    [InlineData(32)]
    public void Step_16_neither_pads_nor_cuts_report_data(int size)
    {
        var data = new byte[size];
        TestPlatform.ReportData.AsSpan(0, Math.Min(size, 64)).CopyTo(data);
        Assert.Equal("tdx.16.report_data", Assert.Single(new TestPlatform("tdx").Appraise(reportData: data).Failures).Id);
    }

    [Fact]
    public void Step_16_takes_no_nonce_for_report_data()
    {
        var platform = new TestPlatform("tdx");
        var request = new AppraisalRequest(platform.Quote(), TestIntel.At) { Endorsements = platform.Endorsements(), Nonce = new byte[32] };
        Assert.Equal("tdx.16.report_data", Assert.Single(Appraiser.For("tdx", TestIntel.One.Roots)!.Appraise(request).Failures).Id);
        Assert.Equal("tdx.16.nonce", Assert.Single(Appraiser.For("tdx", TestIntel.One.Roots)!.Appraise(request with { ReportData = TestPlatform.ReportData }).Failures).Id);
    }

    [Fact]
    public void Step_17_replays_the_log()
    {
        var (log, rtmr, digest) = Log();
        var platform = new TestPlatform("tdx") { Body = body => rtmr.CopyTo(body, 328) };
        Assert.Equal(Outcome.Verified, platform.Appraise("""{"require_event_log":true}""", file: File(platform, log)).Outcome);
        Assert.Equal(Outcome.Verified, platform.Appraise($$"""{"events":[{"rtmr":0,"digest":"{{digest}}"}]}""", file: File(platform, log)).Outcome);
        Assert.Equal("tdx.17.events", Assert.Single(platform.Appraise($$"""{"events":[{"rtmr":1,"digest":"{{digest}}"}]}""", file: File(platform, log)).Failures).Id);
    }

    [Fact]
    public void Step_17_rejects_a_log_that_leads_elsewhere_or_is_none()
    {
        var (log, _, _) = Log();
        var platform = new TestPlatform("tdx");
        Assert.Equal("tdx.17", Assert.Single(platform.Appraise(file: File(platform, log)).Failures).Id);
        Assert.Equal("tdx.17", Assert.Single(platform.Appraise(file: File(platform, [1, 2, 3])).Failures).Id);
    }

    [Fact]
    public void Step_17_rejects_the_absence_of_a_log_that_the_policy_reads()
    {
        Rejects("17", new("tdx"), """{"require_event_log":true}""");
        Rejects("17", new("tdx"), $$"""{"events":[{"rtmr":0,"digest":"{{new string('0', 96)}}"}]}""");
    }

    [Fact]
    public void A_quote_is_read_in_every_spelling()
    {
        var platform = new TestPlatform("tdx");
        var quote = platform.Quote();
        foreach (var text in new[]
        {
            string.Join('\n', Convert.ToHexStringLower(quote).Chunk(60).Select(line => new string(line))),
            $$$"""{"tdx":{"quote":"{{{Convert.ToBase64String(quote)}}}","event_log":""},"nvgpu":{"evidence":"x"}}""", $$"""[{"intel_quote":"{{Convert.ToHexStringLower(quote)}}","nonce":"1"}]""",
            $$"""{"quote":{"message":[1]},"td_quote":[{{string.Join(',', quote)}}]}""", System.Text.Json.JsonSerializer.Serialize(new { tee_evidence = $$"""{"QuoteHex":"{{Convert.ToHexString(quote)}}"}""" }),
            Convert.ToHexString(quote), "0x" + Convert.ToHexStringLower(quote) + "\n", Convert.ToBase64String(quote), Convert.ToBase64String(quote, Base64FormattingOptions.InsertLineBreaks),
            $$"""{"quote":"{{Convert.ToBase64String(quote)}}","cc_eventlog":null}""", $$"""{"quote":"{{System.Buffers.Text.Base64Url.EncodeToString(quote)}}","vm_config":"{}"}""",
            $$$"""{"tee-pubkey":{"kty":"EC"},"tee-evidence":{"primary_evidence":{"quote":"{{{Convert.ToBase64String(quote)}}}"},"additional_evidence":""}}""",
        })
        {
            var file = Encoding.UTF8.GetBytes(text);
            Assert.Equal("tdx", Appraiser.Recognise(file)?.Kind);
            Assert.Equal(Outcome.Verified, platform.Appraise(file: file).Outcome);
        }
    }

    [Fact]
    public void Collateral_is_read_all_at_once_too()
    {
        var all = new JsonObject();
        Verifies(new("tdx")
        {
            Files = files =>
            {
                var (tcb, qe) = (JsonNode.Parse(files["tcb.json"])!, JsonNode.Parse(files["qe.json"])!);
                (all["tcb_info"], all["tcb_info_signature"]) = (tcb["tcbInfo"]!.ToJsonString(), (string)tcb["signature"]!);
                (all["qe_identity"], all["qe_identity_signature"]) = (qe["enclaveIdentity"]!.ToJsonString(), (string)qe["signature"]!);
                (all["root_ca_crl"], all["pck_crl"]) = (Convert.ToHexStringLower(files["root.crl"]), Convert.ToBase64String(files["pck.crl"]));
                all["tcb_info_issuer_chain"] = Encoding.ASCII.GetString(files["chain.pem"]);
                files.Clear();
                files["collateral.json"] = Encoding.UTF8.GetBytes(all.ToJsonString());
            },
        });
    }

    [Fact]
    public void A_policy_that_says_one_thing_leaves_the_rest_strict()
    {
        Rejects("15.status", new("tdx") { TcbInfo = info => Levels(info)[0]["tcbStatus"] = "SWHardeningNeeded" }, """{"require_event_log":false}""");
        Assert.Equal(JsonNode.Parse("""["UpToDate"]""")!.ToJsonString(), Appraiser.For("tdx")!.StrictPolicy()["tcb_statuses"]!.ToJsonString());
    }

    [Theory]
    [InlineData("""{"mrtd":[]}""")]
    [InlineData("""{"tcb_statuses":["Revoked"]}""")]
    [InlineData("""{"tcb_statuses":["uptodate"]}""")]
    [InlineData("""{"mr_td":["00"]}""")]
    [InlineData("""{"max_endorsement_age_days":0}""")]
    [InlineData("""{"events":[{"rtmr":4,"digest":""}]}""")]
    [InlineData("""{"events":[null]}""")]
    [InlineData("""{"denied_fmspcs":[null]}""")]
    [InlineData("""{"denied_advisories":["\ud800"]}""")]
    [InlineData("""{"tcb_statuses":[null]}""")]
    [InlineData("[]")]
    public void A_policy_that_cannot_be_meant_is_refused(string policy) => Assert.Throws<MalformedException>(() => new TestPlatform("tdx").Appraise(policy));

    [Fact]
    public void Showing_a_debugged_domain_shows_the_danger()
    {
        var fields = Appraiser.For("tdx")!.Show(new TestPlatform("tdx") { Body = body => body[120] = 1 }.Quote());
        Assert.Equal("TDATTRIBUTES", Assert.Single(fields, field => field.Danger).Name);
        Assert.Contains(Appraiser.For("sgx")!.Show(new TestPlatform("sgx").Quote()), field => field.Name == "FMSPC");
    }

    private const string Everything = """{"tcb_statuses":["UpToDate","SWHardeningNeeded","ConfigurationNeeded","ConfigurationAndSWHardeningNeeded","TDRelaunchAdvised","TDRelaunchAdvisedConfigurationNeeded","OutOfDate","OutOfDateConfigurationNeeded"]}""";

    internal static (byte[] Log, byte[] Rtmr, string Digest) Log()
    {
        var digest = SHA384.HashData("kernel"u8);
        var log = new ByteWriter().U32Little(1).U32Little(3).Bytes(new byte[20]).U32Little(33)
            .Bytes("Spec ID Event03\0"u8).U32Little(0).Bytes([0, 2, 0, 2]).U32Little(1).U16Little(0x0C).U16Little(48).U8(0)
            .U32Little(1).U32Little(6).U32Little(1).U16Little(0x0C).Bytes(digest).U32Little(4).Bytes("data"u8).ToArray();
        return ([.. log, .. Enumerable.Repeat((byte)0xFF, 100)], SHA384.HashData([.. new byte[48], .. digest]), Convert.ToHexStringLower(digest));
    }

    private static byte[] File(TestPlatform platform, byte[] log) =>
        Encoding.UTF8.GetBytes(new JsonObject { ["quote"] = Convert.ToBase64String(platform.Quote()), ["cc_eventlog"] = Convert.ToBase64String(log) }.ToJsonString());

    private static List<JsonObject> Levels(JsonObject info) => [.. info["tcbLevels"]!.AsArray().Select(level => level!.AsObject())];

    private static JsonObject ModuleLevel(JsonObject info) => info["tdxModuleIdentities"]![0]!["tcbLevels"]![0]!.AsObject();

    private static void Raise(JsonObject info, string components, int to, int? only = null)
    {
        foreach (var all in Levels(info).Select(level => level["tcb"]![components]!.AsArray()))
        {
            for (var i = 0; i < 16; i++)
                if (only is null || only == i) all[i]!["svn"] = to;
        }
    }
}
