using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Dcap;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Dcap;

/// <summary>Quotes of real platforms and of Intel's own samples, each with the verdict that shared/vectors/INDEX.md states.</summary>
public sealed class QuoteVectorTests
{
    private static readonly CheckGroup[] NoCollateral = [CheckGroup.Revocation, CheckGroup.Tcb, CheckGroup.Freshness, CheckGroup.Binding];
    private static readonly DateTimeOffset Now = At("2025-06-01T00:00:00Z");

    [Theory]
    [InlineData("gotdx/tdx_prod_quote_SPR_E4.dat", 39, "50806f000000")]
    [InlineData("trustee/tdx_quote_5.dat", 0, "90c06f000000")]
    public void A_production_quote_verifies_by_the_pinned_root(string file, int trailing, string fmspc)
    {
        var result = Appraise("tdx", Read(file), Now, NoCollateral);
        Assert.Empty(result.Failures);
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.Equal(trailing, (int)result.Claims["trailing_bytes"]!);
        Assert.Equal(fmspc, (string)result.Claims["platform"]!["fmspc"]!);
    }

    [Fact]
    public void A_debugged_domain_with_a_valid_signature_is_rejected()
    {
        var result = Appraise("tdx", Read("trustee/tdx_quote_4.dat"), Now, NoCollateral);
        Assert.Equal("tdx.16.debug", Assert.Single(result.Failures).Id);
    }

    [Fact]
    public void Without_collateral_endorsements_are_missing()
    {
        var result = Appraise("tdx", Read("trustee/tdx_quote_5.dat"), Now, [CheckGroup.Binding]);
        Assert.Equal(Outcome.EndorsementsMissing, result.Outcome);
        Assert.Empty(result.Failures);
        Assert.Equal(["tdx.3.root", "tdx.3.list", "tdx.4.form", "tdx.5.form"], result.Missing.Select(each => each[..each.IndexOf(':', StringComparison.Ordinal)]));
    }

    [Fact]
    public void Claims_are_those_that_another_verifier_reads()
    {
        var body = JsonNode.Parse(Read("trustee/parse_tdx_claims_expected.json"))!["quote"]!["body"]!.AsObject();
        var claims = Appraise("tdx", Read("trustee/tdx_quote_4.dat"), Now, NoCollateral).Claims;
        foreach (var (theirs, ours) in new[] { ("mr_td", "mr_td"), ("mr_seam", "mr_seam"), ("mr_config_id", "mr_config_id"), ("mr_owner", "mr_owner"), ("mr_owner_config", "mr_owner_config"), ("rtmr_0", "rtmr0"), ("rtmr_1", "rtmr1"), ("rtmr_2", "rtmr2"), ("rtmr_3", "rtmr3"), ("report_data", "report_data"), ("mrsigner_seam", "mr_signer_seam") })
            Assert.Equal((string)body[theirs]!, (string)claims[ours]!);
    }

    [Fact]
    public void Lists_and_signed_json_of_a_real_platform_are_read_and_were_current_once()
    {
        // 13 days after its TCB info and 23 after its identity were issued: only a policy that allows a month takes them. The certificate that signed them is not in the folder.
        var endorsements = Endorsements("gotdx", "pckcrl", "rootcrl.der", "sample_tcbInfo_response", "sample_qeIdentity_response");
        var result = Appraise("tdx", Read("gotdx/tdx_prod_quote_SPR_E4.dat"), At("2023-07-01T00:00:00Z"), [CheckGroup.Binding], endorsements, policy: """{"max_endorsement_age_days":30}""");
        Assert.Empty(result.Failures);
        Assert.Equal(["tdx.4.chain", "tdx.5.chain"], result.Missing.Select(each => each[..each.IndexOf(':', StringComparison.Ordinal)]));
        Assert.Contains(result.Checks, check => check is { Id: "tdx.3.pck", Result: CheckResult.Passed });
    }

    [Fact]
    public void Old_lists_are_stale()
    {
        var endorsements = Endorsements("gotdx", "pckcrl", "rootcrl.der");
        var result = Appraise("tdx", Read("gotdx/tdx_prod_quote_SPR_E4.dat"), Now, [CheckGroup.Binding, CheckGroup.Tcb], endorsements);
        Assert.Equal(Outcome.EndorsementsMissing, result.Outcome);
        Assert.Equal(["tdx.3.root.fresh", "tdx.3.list.fresh"], result.Missing.Select(each => each[..each.IndexOf(':', StringComparison.Ordinal)]));
    }

    [Fact]
    public void Intels_sample_of_an_enclave_holds_by_its_own_root_but_for_what_no_real_enclave_has()
    {
        var result = Sample("sgx", "2019-09-06T00:00:00Z", OwnRoot("intel-qvl-sgx"));
        Assert.Equal(["sgx.16.init"], result.Failures.Select(check => check.Id));
    }

    [Fact]
    public void Intels_sample_of_a_domain_holds_by_its_own_root_but_for_what_no_real_domain_has()
    {
        // Random numbers stand in its reports, SVNs above 255 in its TCB info, and the identity is of another quoting enclave.
        var result = Sample("tdx", "2021-08-07T00:00:00Z", OwnRoot("intel-qvl-tdx"));
        Assert.All(result.Failures, check => Assert.Contains(check.Id, (string[])["tdx.4.form", "tdx.10.signer", "tdx.16.xfam"]));
        Assert.Contains(result.Checks, check => check is { Id: "tdx.2.root", Result: CheckResult.Passed });
        Assert.Contains(result.Checks, check => check is { Id: "tdx.11", Result: CheckResult.Passed });
        Assert.Contains(result.Checks, check => check is { Id: "tdx.5.signature", Result: CheckResult.Passed });
    }

    [Theory]
    [InlineData("sgx", "2019-09-06T00:00:00Z")]
    [InlineData("tdx", "2021-08-07T00:00:00Z")]
    public void Intels_samples_are_rejected_by_the_pinned_root(string kind, string at)
    {
        var result = Sample(kind, at, VendorRoots.Pinned);
        Assert.Equal(Outcome.Rejected, result.Outcome);
        Assert.Contains(result.Failures, check => check.Id == $"{kind}.2.root");
    }

    [Fact]
    public void Every_quote_is_recognised_and_written_again_as_it_was()
    {
        foreach (var file in new[] { "gotdx/tdx_prod_quote_SPR_E4.dat", "trustee/tdx_quote_4.dat", "trustee/tdx_quote_5.dat", "intel-qvl-sgx/quote.dat", "intel-qvl-tdx/quote.dat" })
        {
            var bytes = Read(file);
            Assert.Equal(file.Contains("sgx", StringComparison.Ordinal) ? "sgx" : "tdx", Appraiser.Recognise(bytes)?.Kind);
            var quote = Quote.Parse(bytes);
            Assert.Equal(bytes, (byte[])[.. quote.ToBytes(), .. quote.Trailing.Span]);
            Assert.NotEmpty(Appraiser.Recognise(bytes)!.Show(bytes));
        }
    }

    [Fact]
    public void A_real_event_log_is_replayed()
    {
        var log = CcEventLog.Parse(Read("trustee/CCEL_data_ovmf"));
        Assert.Equal(20, log.Events.Count);
        Assert.StartsWith("8566f998798db09443b244c62de9a304", Convert.ToHexStringLower(log.Replay()[0]), StringComparison.Ordinal);
        Assert.StartsWith("775b9f6bfe99f8a31396f0d0218e67ff", Convert.ToHexStringLower(log.Replay()[1]), StringComparison.Ordinal);
        Assert.StartsWith("94eaf7a7bf398ed8d888c91057ae0261", Convert.ToHexStringLower(log.Replay()[2]), StringComparison.Ordinal);
        Assert.All(log.Replay()[3], each => Assert.Equal(0, each));
    }

    [Fact]
    public void The_log_of_another_machine_is_rejected()
    {
        var file = new JsonObject { ["quote"] = Convert.ToBase64String(Read("trustee/tdx_quote_5.dat")), ["cc_eventlog"] = Convert.ToBase64String(Read("trustee/CCEL_data_ovmf")) };
        var result = Appraise("tdx", System.Text.Encoding.UTF8.GetBytes(file.ToJsonString()), Now, NoCollateral);
        Assert.Equal("tdx.17", Assert.Single(result.Failures).Id);
    }

    private static AttestationResult Sample(string kind, string at, VendorRoots roots) =>
        Appraise(kind, Read($"intel-qvl-{kind}/quote.dat"), At(at), [CheckGroup.Binding], Endorsements($"intel-qvl-{kind}"), roots, """{"max_root_list_age_days":30}""");

    private static AttestationResult Appraise(string kind, byte[] evidence, DateTimeOffset at, CheckGroup[] without, Endorsements? endorsements = null, VendorRoots? roots = null, string policy = "") =>
        Appraiser.For(kind, roots ?? VendorRoots.Pinned)!.Appraise(new(evidence, at)
        {
            Endorsements = endorsements ?? Strongroom.Attestation.Appraisal.Endorsements.None, Without = new HashSet<CheckGroup>(without), Policy = System.Text.Encoding.UTF8.GetBytes(policy),
        });

    private static VendorRoots OwnRoot(string folder)
    {
        using var root = X509Certificate2.CreateFromPem(System.Text.Encoding.ASCII.GetString(Read($"{folder}/trustedRootCaCert.pem")));
        return new(new Dictionary<string, Digest> { [VendorRoots.IntelSgx] = Digest.Of(root.PublicKey.ExportSubjectPublicKeyInfo()) });
    }

    private static Endorsements Endorsements(string folder, params string[] names)
    {
        var all = Directory.GetFiles(SharedFiles.Require($"vectors/tdx-sgx/{folder}")).Where(file => names.Length == 0 || names.Contains(Path.GetFileName(file)));
        return Strongroom.Attestation.Appraisal.Endorsements.Read(all.Select(file => (Path.GetFileName(file), (ReadOnlyMemory<byte>)File.ReadAllBytes(file))));
    }

    private static byte[] Read(string file) => File.ReadAllBytes(SharedFiles.Require($"vectors/tdx-sgx/{file}"));

    private static DateTimeOffset At(string time) => DateTimeOffset.Parse(time, System.Globalization.CultureInfo.InvariantCulture);
}
