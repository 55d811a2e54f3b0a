using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Snp;
using Strongroom.Bytes;
using Strongroom.Tests.Attestation.Composite;
using Strongroom.Tests.Attestation.Dcap;
using Strongroom.Tests.Attestation.Nitro;
using Strongroom.Tests.Attestation.Nvidia;
using Strongroom.Tests.Attestation.Snp;

namespace Strongroom.Tests.Attestation.Appraisal;

/// <summary>Nothing that differs is told as equal, and whatever is said to notice a difference exists.</summary>
public sealed class EvidenceChangeTests
{
    private const int MaxFlips = 1500;

    public static TheoryData<string> Kinds => new(Appraiser.Kinds);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void No_flipped_byte_is_told_as_no_difference(string kind)
    {
        var (appraiser, good) = (Appraiser.For(kind)!, Good(kind).Evidence);
        Assert.Empty(EvidenceChange.Between(appraiser, good, good.ToArray()));
        var told = 0;
        for (var at = 0; at < good.Length; at += good.Length / MaxFlips + 1)
        {
            if (Flipped(appraiser, good, at) is not { } changes) continue;
            Assert.NotEmpty(changes);
            told++;
        }
        Assert.InRange(told, 100, good.Length);
    }

    [Theory]
    [InlineData("sev-snp", 0x050, "REPORT_DATA", "--report-data")]
    [InlineData("sev-snp", 0x2A0, "SIGNATURE", "snp.1.signature, snp.7")]
    [InlineData("sev-snp", 0x2E8, "SIGNATURE", "snp.1.signature, snp.7")]
    [InlineData("sev-snp", -200, "certificate table: CRL", "snp.6")]
    [InlineData("tdx", 702 + 4, "signature", "tdx.11")]
    [InlineData("tdx", 702 + 4 + 64, "attestation_key", "tdx.9, tdx.11")]
    [InlineData("tdx", 702 + 4 + 128 + 6 + 64, "QE MRENCLAVE", null)]
    [InlineData("tdx", 702 + 4 + 128 + 6 + 384, "QE signature", "tdx.8")]
    [InlineData("tdx", 702 + 4 + 128 + 6 + 384 + 64 + 2, "QE authentication data", "tdx.9")]
    [InlineData("sgx", 432 + 4, "signature", "sgx.11")]
    [InlineData("sgx", 432 + 4 + 64, "attestation_key", "sgx.9, sgx.11")]
    [InlineData("nitro", -1, "signature", "nitro.8")]
    [InlineData("nvidia-gpu", 4, "nonce", "gpu.5, --nonce")]
    [InlineData("nvidia-gpu", 37 + 8 + 7, "measurement 0", "gpu.8.driver, gpu.8.vbios, measurements[0]")]
    [InlineData("nvidia-gpu", -1, "signature", "gpu.6")]
    [InlineData("nvidia-switch", -1, "signature", "switch.6")]
    public void What_differs_is_named_with_what_would_notice(string kind, int at, string name, string? noticedBy)
    {
        var good = Good(kind).Evidence;
        var change = Assert.Single(Flipped(Appraiser.For(kind)!, good, at < 0 ? good.Length + at : at)!);
        Assert.Equal((name, noticedBy), (change.Name, change.NoticedBy));
        Assert.NotEqual(change.Before, change.After);
    }

    [Fact]
    public void A_certificate_of_the_hosts_table_is_told_from_one_of_the_same_length()
    {
        var good = Good("sev-snp").Evidence;
        var leaf = good.AsSpan(SnpReport.SizeInBytes).IndexOf((ReadOnlySpan<byte>)[0x30, 0x82]) + SnpReport.SizeInBytes;
        Assert.Equal("certificate table: VCEK", Assert.Single(Flipped(Appraiser.For("sev-snp")!, good, leaf + 900)!).Name);
    }

    [Fact]
    public void A_register_of_a_Nitro_enclave_is_noticed_by_the_policys_registers()
    {
        var vendor = new NitroVendor();
        var changes = EvidenceChange.Between(Appraiser.For("nitro")!, vendor.Document(), vendor.Document(draft => draft.Pcrs[0] = [.. Enumerable.Repeat((byte)9, 48)]));
        Assert.Equal([("PCR0", "pcrs[0]"), ("signature", "nitro.8")], changes.Select(change => (change.Name, change.NoticedBy)));
    }

    [Fact]
    public void Bytes_without_a_field_are_told_by_their_place()
    {
        var report = new SnpScene().Signed();
        var change = Assert.Single(EvidenceChange.Between(Appraiser.For("sev-snp")!, report, Encoding.ASCII.GetBytes(Convert.ToHexString(report))));
        Assert.Equal("bytes from offset 0 on, which no field shows", change.Name);
        Assert.Null(change.NoticedBy);
        Assert.Null(change.Covered);
    }

    [Fact]
    public void Fields_of_one_name_are_compared_one_by_one()
    {
        EvidenceChange[] expected = [new("certificate (2)", "2", "3", null, true), new("certificate (3)", null, "4", null, true)];
        Assert.Equal(expected, EvidenceChange.Between(new OneName(), new byte[] { 1, 2 }, new byte[] { 1, 3, 4 }));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Whatever_is_said_to_notice_is_a_check_a_member_of_the_policy_or_an_option(string kind)
    {
        var (evidence, result) = Good(kind);
        var appraiser = Appraiser.For(kind)!;
        var policy = appraiser.StrictPolicy();
        var unknown = appraiser.Show(evidence).Where(field => field.Policy is not null).SelectMany(field => field.Policy!.Split(", ")).Distinct()
            .Where(word => !word.StartsWith("--", StringComparison.Ordinal) && !word.StartsWith("composite.", StringComparison.Ordinal)
                && !result.Checks.Any(check => check.Id == word || check.Id.StartsWith(word + ".", StringComparison.Ordinal))
                && !IsMember(policy, word));
        Assert.Empty(unknown);
    }

    /// <summary>Of a composite policy the parts have members of their own, by the kind of the part.</summary>
    private static bool IsMember(JsonObject policy, string word) => word.Split('.', '[')[0] is var head && (policy.ContainsKey(head) || policy.ContainsKey(head.TrimEnd("0123456789".ToCharArray())));

    private static IReadOnlyList<EvidenceChange>? Flipped(Appraiser appraiser, byte[] good, int at)
    {
        var flipped = good.ToArray();
        flipped[at] ^= 1;
        try
        {
            return EvidenceChange.Between(appraiser, good, flipped);
        }
        catch (MalformedException)
        {
            return null;
        }
    }

    private static (byte[] Evidence, AttestationResult Result) Good(string kind)
    {
        switch (kind)
        {
            case "sev-snp":
                var scene = new SnpScene();
                return (scene.Extended(), scene.Appraise());
            case "tdx" or "sgx":
                var platform = new TestPlatform(kind);
                return (platform.Quote(), platform.Appraise());
            case "nitro":
                var vendor = new NitroVendor();
                var document = vendor.Document();
                return (document, Appraiser.For(kind, vendor.Roots)!.Appraise(new(document, NitroVendor.At) { Nonce = "nonce"u8.ToArray(), ReportData = "user data"u8.ToArray() }));
            case "tpm":
                using (var tpm = new TestTpm())
                {
                    var quote = TestAttestation.Write(tpm.Key, tpm.Evidence());
                    return (quote, Appraiser.For(kind)!.Appraise(new(quote, TestTpm.Now) { Nonce = TestTpm.Transcript.Span.ToArray() }));
                }
            case "composite":
                var machine = TestMachine.SnpWithGpus(TestTpm.Now);
                var whole = machine.Evidence(TestTpm.Transcript, TestTpm.Now);
                return (whole, Appraiser.For(kind, machine.Roots)!.Appraise(new(whole, TestTpm.Now) { Endorsements = machine.Endorsements(TestTpm.Now), Nonce = TestTpm.Transcript.Span.ToArray() }));
            default:
                var device = kind == "nvidia-gpu" ? new NvidiaCase() : NvidiaCase.Switch();
                return (device.Evidence, device.Appraise());
        }
    }

    /// <summary>Every byte is a field of the same name.</summary>
    private sealed class OneName : Appraiser
    {
        public override string Kind => "one-name";

        public override IReadOnlyList<EvidenceField> Show(ReadOnlyMemory<byte> evidence) => [.. evidence.ToArray().Select(each => new EvidenceField("certificate", $"{each}", ""))];

        public override JsonObject StrictPolicy() => [];

        private protected override bool Recognises(ReadOnlySpan<byte> evidence) => false;

        private protected override void AppraiseCore(AppraisalRequest request, Findings findings) => throw new CryptographicException();
    }
}
