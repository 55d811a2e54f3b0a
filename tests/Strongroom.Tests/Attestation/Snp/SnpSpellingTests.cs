using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Snp;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Snp;

/// <summary>The report as tools write it: alone, with the host's certificate table, as JSON of guests that talk to key brokers.</summary>
public sealed class SnpSpellingTests
{
    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(false, 4096)]
    public void A_report_with_its_certificate_table_needs_nothing_else(bool mixedOrder, int padding)
    {
        var scene = new SnpScene();
        Assert.Equal(Outcome.Verified, scene.Appraise(scene.Extended(mixedOrder, padding), []).Outcome);
    }

    [Fact]
    public void Text_that_is_longer_than_any_evidence_is_not_decoded()
    {
        Assert.NotNull(PrintedEvidence.Decode("00"u8));
        Assert.NotNull(PrintedEvidence.Decode(Enumerable.Repeat((byte)'0', 4 * 1024 * 1024).ToArray()));
        Assert.Null(PrintedEvidence.Decode(Enumerable.Repeat((byte)'0', (4 * 1024 * 1024) + 2).ToArray()));
    }

    [Fact]
    public void A_table_with_PEM_in_it_is_read()
    {
        var scene = new SnpScene();
        var pem = Encoding.ASCII.GetBytes(System.Security.Cryptography.PemEncoding.WriteString("CERTIFICATE", scene.Leaf));
        byte[] table = [.. SnpEvidence.Guids.Single(each => each.Value == "VCEK").Key.ToByteArray(bigEndian: true), 48, 0, 0, 0, .. BitConverter.GetBytes(pem.Length), .. new byte[24], .. pem];
        Assert.Equal(Outcome.Verified, scene.Appraise((byte[])[.. scene.Signed(), .. table], [.. scene.Authorities, .. scene.Lists]).Outcome);
    }

    [Fact]
    public void A_host_may_keep_more_in_its_table_than_is_known_here()
    {
        var scene = new SnpScene();
        byte[] table = [.. Enumerable.Repeat((byte)0xEC, 16), 48, 0, 0, 0, 4, 0, 0, 0, .. new byte[24], 1, 2, 3, 4];
        Assert.Equal(Outcome.Verified, scene.Appraise((byte[])[.. scene.Signed(), .. table], scene.Files).Outcome);
    }

    [Theory]
    [InlineData(2, Outcome.Verified)]
    [InlineData(0, Outcome.EndorsementsMissing)]
    [InlineData(3, Outcome.EndorsementsMissing)]
    public void An_entry_that_cannot_be_read_is_passed_over_and_told(int entry, Outcome outcome)
    {
        var scene = new SnpScene();
        var evidence = scene.Extended();
        evidence[SnpReport.SizeInBytes + BinaryPrimitives.ReadInt32LittleEndian(evidence.AsSpan(SnpReport.SizeInBytes + entry * 24 + 16))] ^= 0xFF;
        var result = scene.Appraise(evidence, [scene.Amd.Root]);
        Assert.Equal(outcome, result.Outcome);
        Assert.Contains(result.NotChecked, each => each.Contains("of the certificate table cannot be read", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("an entry beyond the end", 20, 0xFFFF)]
    [InlineData("an entry without bytes", 20, 0)]
    [InlineData("an offset beyond the end", 16, 0xFFFFFF)]
    [InlineData("an entry over the table's head", 16, 1)]
    public void Refuses_a_table_with(string what, int at, int value)
    {
        Assert.NotEmpty(what);
        var scene = new SnpScene();
        var evidence = scene.Extended();
        BinaryPrimitives.WriteInt32LittleEndian(evidence.AsSpan(SnpReport.SizeInBytes + at), value);
        Assert.Throws<MalformedException>(() => scene.Appraise(evidence, []));
    }

    [Fact]
    public void Refuses_bytes_behind_a_table_that_are_not_zero()
    {
        var scene = new SnpScene();
        Assert.Throws<MalformedException>(() => scene.Appraise((byte[])[.. scene.Extended(), 0, 1], []));
    }

    [Fact]
    public void Refuses_a_table_that_does_not_end() => Refused([.. new SnpScene().Signed(), .. Enumerable.Repeat((byte)1, 240)]);

    [Fact]
    public void Refuses_a_table_of_very_many_entries()
    {
        var table = new byte[200_000];
        for (var entry = 0; entry < 8000; entry++)
        {
            table[entry * 24] = 1;
            (table[entry * 24 + 16], table[entry * 24 + 20]) = (0xFF, 1);
        }
        Refused([.. new SnpScene().Signed(), .. table]);
    }

    [Theory]
    [InlineData("a byte less", -1)]
    [InlineData("a byte more", 1)]
    public void Refuses_a_report_of(string what, int difference)
    {
        Assert.NotEmpty(what);
        var report = new SnpScene().Signed();
        Array.Resize(ref report, report.Length + difference);
        Refused(report);
    }

    [Theory]
    [InlineData("Milan", 2u, false)]
    [InlineData("Milan", 2u, true)]
    [InlineData("Genoa", 3u, false)]
    [InlineData("Genoa", 3u, true)]
    [InlineData("Turin", 5u, false)]
    public void JSON_of_a_key_brokers_guest_verifies_in_both_spellings(string product, uint version, bool old)
    {
        var scene = new SnpScene(Enum.Parse<SnpProduct>(product), version);
        var json = Json(scene.Signed(), scene.Product, old);
        Assert.Equal(scene.Report.AsSpan(0, SnpReport.SignedSizeInBytes), SnpEvidence.Parse(Bytes(json)).Report.SignedBytes);
        Assert.Equal(Outcome.Verified, scene.Appraise(Bytes(json), scene.Files).Outcome);
        Assert.Equal("sev-snp", Appraiser.Recognise(Bytes(json))?.Kind);
    }

    [Fact]
    public void JSON_with_its_chain_needs_only_the_list()
    {
        var scene = new SnpScene();
        var json = Json(scene.Signed(), scene.Product, false);
        json["cert_chain"] = new JsonArray(Entry("VCEK", scene.Leaf), Entry("ASK", scene.Amd.Chips), Entry("ARK", scene.Amd.Root), new JsonObject { ["cert_type"] = new JsonObject { ["OTHER"] = Guid.NewGuid().ToString() }, ["data"] = new JsonArray(1) });
        Assert.Equal(Outcome.Verified, scene.Appraise(Bytes(json), scene.Lists).Outcome);
    }

    [Fact]
    public void JSON_inside_a_brokers_request_verifies()
    {
        var scene = new SnpScene();
        var json = new JsonObject { ["primary_evidence"] = Json(scene.Signed(), scene.Product, false), ["additional_evidence"] = "" };
        Assert.Equal(Outcome.Verified, scene.Appraise(Bytes(json), scene.Files).Outcome);
        json = new JsonObject { ["runtime-data"] = new JsonObject(), ["tee-evidence"] = json };
        var result = scene.Appraise(Bytes(json), scene.Files);
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.Contains(result.NotChecked, each => each.StartsWith("what the file says beside the report (runtime-data, additional_evidence)", StringComparison.Ordinal));
        json = new JsonObject { ["tee-evidence"] = Json(scene.Signed(), scene.Product, false).ToJsonString() };
        Assert.Equal(Outcome.Verified, scene.Appraise(Bytes(json), scene.Files).Outcome);
    }

    [Theory]
    [InlineData("vmpl")]
    [InlineData("guest_svn")]
    public void A_field_changed_in_JSON_breaks_the_signature(string member)
    {
        var scene = new SnpScene();
        var json = Json(scene.Signed(), scene.Product, false);
        json["attestation_report"]![member] = 3;
        Assert.Contains("snp.7", scene.Appraise(Bytes(json), scene.Files).Failures.Select(check => check.Id));
    }

    [Fact]
    public void Refuses_JSON_that_is_not_exactly_a_report()
    {
        var scene = new SnpScene();
        Action<JsonObject>[] changes =
        [
            json => json["more"] = 1,
            json => json["attestation_report"]!["more"] = 1,
            json => json["attestation_report"]!.AsObject().Remove("vmpl"),
            json => json["attestation_report"]!["measurement"]!.AsArray().RemoveAt(0),
            json => json["attestation_report"]!["measurement"]![0] = 256,
            json => json["attestation_report"]!["vmpl"] = -1,
            json => json["attestation_report"]!["policy"] = "3",
            json => json["attestation_report"]!["signature"]!["t"] = 1,
            json => json["attestation_report"]!["current_tcb"] = 7,
            json => json["attestation_report"] = new string('0', 2366),
            json => json["attestation_report"] = "zz",
            json => json["cert_chain"] = 5,
            json => json["cert_chain"] = new JsonArray(new JsonObject { ["cert_type"] = "VCEK", ["data"] = "?" }),
            json => json.Remove("attestation_report"),
        ];
        foreach (var change in changes)
        {
            var json = Json(scene.Signed(), scene.Product, false);
            change(json);
            Assert.Throws<MalformedException>(() => scene.Appraise(Bytes(json), scene.Files));
        }
        Refused(Encoding.UTF8.GetBytes("""{"attestation_report":"","attestation_report":""}"""));
        Refused(Encoding.UTF8.GetBytes("{\"attestation_report\":" + new string('[', 100)));
    }

    [Fact]
    public void Hexadecimal_text_of_the_whole_report_inside_JSON_is_read()
    {
        var scene = new SnpScene();
        Assert.Equal(Outcome.Verified, scene.Appraise(Bytes(new() { ["attestation_report"] = Convert.ToHexString(scene.Signed()) }), scene.Files).Outcome);
    }

    public static TheoryData<string> Printed => ["hexadecimal", "hexadecimal in lines", "0x", "base64", "base64 in lines", "base64url", "a member of JSON", "numbers in JSON", "JSON in base64 in JSON", "the paravisor's", "the paravisor's numbers in JSON"];

    [Theory]
    [MemberData(nameof(Printed))]
    public void A_report_is_read_as_tools_print_it(string form)
    {
        var scene = new SnpScene();
        var report = scene.Signed();
        byte[] paravisor = [.. "HCLA"u8, .. new byte[28], .. report, .. "what the report's data is the hash of"u8];
        var file = form switch
        {
            "hexadecimal" => Encoding.ASCII.GetBytes(Convert.ToHexString(report) + "\n"),
            "hexadecimal in lines" => Encoding.ASCII.GetBytes(string.Join('\n', Convert.ToHexStringLower(report).Chunk(60).Select(line => new string(line)))),
            "0x" => Encoding.ASCII.GetBytes("0x" + Convert.ToHexStringLower(report)),
            "base64" => Encoding.ASCII.GetBytes(Convert.ToBase64String(report)),
            "base64 in lines" => Encoding.ASCII.GetBytes(Convert.ToBase64String(scene.Extended(), Base64FormattingOptions.InsertLineBreaks)),
            "base64url" => Encoding.ASCII.GetBytes(System.Buffers.Text.Base64Url.EncodeToString(report)),
            "a member of JSON" => Bytes(new() { ["status"] = "ok", ["result"] = new JsonObject { ["report_b64"] = Convert.ToBase64String(report) } }),
            "numbers in JSON" => Bytes(new() { ["version"] = 1, ["report"] = Numbers(report) }),
            "JSON in base64 in JSON" => Bytes(new() { ["report"] = System.Buffers.Text.Base64Url.EncodeToString(Bytes(new() { ["SnpReport"] = System.Buffers.Text.Base64Url.EncodeToString(report) })), ["runtimeData"] = new JsonObject() }),
            "the paravisor's" => paravisor,
            _ => Bytes(new() { ["report"] = Numbers(paravisor), ["quote"] = new JsonObject { ["message"] = Numbers(new byte[145]) } }),
        };
        Assert.Equal(Outcome.Verified, scene.Appraise(file, scene.Files).Outcome);
        Assert.Equal("sev-snp", Appraiser.Recognise(file)?.Kind);
    }

    [Fact]
    public void What_stands_beside_a_printed_report_is_told_and_certificates_among_it_are_used()
    {
        var scene = new SnpScene();
        var pem = System.Security.Cryptography.PemEncoding.WriteString("CERTIFICATE", scene.Leaf);
        var result = scene.Appraise(Bytes(new() { ["report"] = Convert.ToBase64String(scene.Signed()), ["vcek"] = pem, ["quote"] = "x" }), [.. scene.Authorities, .. scene.Lists]);
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.Contains(result.NotChecked, each => each.StartsWith("what the file says beside the report (quote)", StringComparison.Ordinal));
    }

    [Fact]
    public void Refuses_a_document_with_two_reports_with_none_or_with_very_many_certificates()
    {
        var scene = new SnpScene();
        var one = Convert.ToBase64String(scene.Signed());
        scene.Report[0x10] ^= 1;
        var other = Convert.ToHexString(scene.Signed());
        Assert.Equal(Outcome.Verified, scene.Appraise(Bytes(new() { ["a"] = other, ["b"] = other }), scene.Files).Outcome);
        Refused(Bytes(new() { ["a"] = one, ["b"] = other }));
        Refused(Bytes(new() { ["a"] = "b" }));
        Refused(Bytes(new() { ["a"] = one, ["b"] = new JsonArray([.. Enumerable.Range(0, 17).Select(_ => JsonValue.Create("-----BEGIN CERTIFICATE-----" + new string('A', 200)))]) }));
        Refused([.. "HCLA"u8, .. new byte[1000]]);
        Refused(Bytes(new() { ["a"] = one, ["b"] = new string(' ', 1024 * 1024) }));
    }

    private static JsonArray Numbers(byte[] bytes) => new([.. bytes.Select(each => JsonValue.Create(each))]);

    [Theory]
    [InlineData("""{"unknown":1}""")]
    [InlineData("""{"vmpl":4}""")]
    [InlineData("""{"measurements":[]}""")]
    [InlineData("""{"measurements":["11"]}""")]
    [InlineData("""{"host_data":"zz"}""")]
    [InlineData("""{"minimum_firmware":"1.2"}""")]
    [InlineData("""{"minimum_firmware":"1.2.256"}""")]
    [InlineData("""{"minimum_abi":"1"}""")]
    [InlineData("""{"launch_mitigations":"6"}""")]
    [InlineData("""{"denied_products":["Rome"]}""")]
    [InlineData("""{"minimum_tcb":{"Milan":{"boot_loader":1}}}""")]
    [InlineData("""{"minimum_tcb":{"Naples":{"boot_loader":1,"tee":0,"snp":0,"microcode":0}}}""")]
    [InlineData("""{"max_endorsement_age_days":0}""")]
    [InlineData("""{"guest":{"debug":true}}""")]
    [InlineData("""{"guest_wishes":{}}""")]
    [InlineData("""{"abi":null}""")]
    [InlineData("""{"vmpl":0,"vmpl":1}""")]
    [InlineData("[]")]
    public void Refuses_a_policy_that_is_not_exactly_one(string policy)
    {
        var scene = new SnpScene();
        Assert.Throws<MalformedException>(() => Appraiser.For("sev-snp", TestAmd.Roots)!.Appraise(new(scene.Signed(), scene.At) { Policy = Encoding.UTF8.GetBytes(policy), ReportData = scene.ReportData }));
    }

    [Fact]
    public void The_strict_policy_printed_is_the_strict_policy()
    {
        var printed = Appraiser.For("sev-snp")!.StrictPolicy();
        Assert.Equal(SnpPolicy.Strict, SnpPolicy.Parse(Encoding.UTF8.GetBytes(printed.ToJsonString())));
        Assert.Equal(SnpPolicy.Strict, SnpPolicy.Parse("{}"u8.ToArray()));
        Assert.True((bool?)printed["platform"]!["alias_check"]);
        Assert.True(printed.ContainsKey("measurements"));
    }

    private static void Refused(byte[] evidence) => Assert.Throws<MalformedException>(() => new SnpScene().Appraise(evidence, []));

    private static byte[] Bytes(JsonObject json) => Encoding.UTF8.GetBytes(json.ToJsonString());

    private static JsonObject Entry(string kind, byte[] bytes) => new() { ["cert_type"] = kind, ["data"] = Numbers(bytes) };

    private static JsonArray Numbers(ReadOnlySpan<byte> bytes) => [.. bytes.ToArray().Select(each => JsonValue.Create(each))];

    /// <summary>What a guest's library makes of the bytes.</summary>
    internal static JsonObject Json(byte[] r, SnpProduct product, bool old)
    {
        uint U32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(r.AsSpan(at));
        ulong U64(int at) => BinaryPrimitives.ReadUInt64LittleEndian(r.AsSpan(at));
        JsonArray Array(int at, int length) => Numbers(r.AsSpan(at, length));
        JsonObject Tcb(int at)
        {
            if (product == SnpProduct.Turin) return new() { ["fmc"] = r[at], ["bootloader"] = r[at + 1], ["tee"] = r[at + 2], ["snp"] = r[at + 3], ["microcode"] = r[at + 7] };
            var tcb = new JsonObject { ["bootloader"] = r[at], ["tee"] = r[at + 1], ["snp"] = r[at + 6], ["microcode"] = r[at + 7] };
            if (old) tcb["_reserved"] = Array(at + 2, 4);
            else tcb["fmc"] = null;
            return tcb;
        }

        var version = U32(0);
        var report = new JsonObject
        {
            ["version"] = version, ["guest_svn"] = U32(4), ["policy"] = U64(8), ["family_id"] = Array(0x10, 16), ["image_id"] = Array(0x20, 16), ["vmpl"] = U32(0x30),
            ["sig_algo"] = U32(0x34), ["current_tcb"] = Tcb(0x38), ["plat_info"] = U64(0x40), [old ? "_author_key_en" : "key_info"] = U32(0x48),
            ["report_data"] = Array(0x50, 64), ["measurement"] = Array(0x90, 48), ["host_data"] = Array(0xC0, 32), ["id_key_digest"] = Array(0xE0, 48),
            ["author_key_digest"] = Array(0x110, 48), ["report_id"] = Array(0x140, 32), ["report_id_ma"] = Array(0x160, 32), ["reported_tcb"] = Tcb(0x180),
            ["chip_id"] = Array(0x1A0, 64), ["committed_tcb"] = Tcb(0x1E0), ["launch_tcb"] = Tcb(0x1F0),
        };
        if (old)
        {
            (report["_reserved_0"], report["_reserved_1"], report["_reserved_2"], report["_reserved_3"], report["_reserved_4"]) = (0, Array(0x188, 24), 0, 0, Array(0x1F8, 168));
            (report["current_build"], report["current_minor"], report["current_major"]) = (r[0x1E8], r[0x1E9], r[0x1EA]);
            (report["committed_build"], report["committed_minor"], report["committed_major"]) = (r[0x1EC], r[0x1ED], r[0x1EE]);
            report["signature"] = new JsonObject { ["r"] = Array(0x2A0, 72), ["s"] = Array(0x2E8, 72), ["_reserved"] = Array(0x330, 368) };
        }
        else
        {
            foreach (var (name, at) in ((string, int)[])[("cpuid_fam_id", 0x188), ("cpuid_mod_id", 0x189), ("cpuid_step", 0x18A)]) report[name] = version >= 3 ? r[at] : (JsonNode?)null;
            report["current"] = new JsonObject { ["major"] = r[0x1EA], ["minor"] = r[0x1E9], ["build"] = r[0x1E8] };
            report["committed"] = new JsonObject { ["major"] = r[0x1EE], ["minor"] = r[0x1ED], ["build"] = r[0x1EC] };
            foreach (var (name, at) in ((string, int)[])[("launch_mit_vector", 0x1F8), ("current_mit_vector", 0x200)]) report[name] = version >= 5 ? U64(at) : (JsonNode?)null;
            report["signature"] = new JsonObject { ["r"] = Array(0x2A0, 72), ["s"] = Array(0x2E8, 72) };
        }
        return new() { ["attestation_report"] = report, ["cert_chain"] = null };
    }
}
