using System.Text;
using Strongroom.Attestation.Kbs;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Tests.Crypto;

namespace Strongroom.Tests.Attestation.Kbs;

/// <summary>What a guest's evidence is bound to, and which devices it may name (spec/kbs.md, "Evidence").</summary>
public sealed class GuestEvidenceTests
{
    private const string Devices = """{"nvidia":{"device_evidence_list":[{"arch":"HOPPER","certificate":"Yw==","evidence":"ZQ=="}]}}""";

    private static readonly byte[] Nonce = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    /// <summary>The base point, members in the order in which guests write them.</summary>
    private static readonly JweKey Key = JweKey.Parse(
        """{"kty":"EC","crv":"P-256","alg":"ECDH-ES+A256KW","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}"""u8);

    /// <summary>Expected values by Python's hashlib and json, keys sorted.</summary>
    [Theory]
    [InlineData("", "9edc01b09e997f6578d6bd8f7fc2b28dfaaf4e5417793667b7ece025d50c7cf5b9b0f7d2bbbcebe25d2f53bd33807ce3")]
    [InlineData(Devices, "5eafb66858257302cc4bc97e759b92c37a446ce458ed184fb1b14893e0b435e512fb441a0b5e67e564405d3ed56966bf")]
    public void The_report_data_is_the_hash_that_guests_make_and_sixteen_zeros(string additional, string hash) =>
        Assert.Equal([.. Convert.FromHexString(hash), .. new byte[16]], GuestEvidence.ReportData(Nonce, Key, additional));

    [Fact]
    public void The_devices_nonce_is_the_first_half_of_the_hash_that_guests_make() =>
        Assert.Equal("1f0628a69ac132453783cfa3e29bec54eb45ad7eabd5794753cf0bf05ecbf2cd", Convert.ToHexStringLower(GuestEvidence.DeviceNonce(Nonce, Key)));

    [Fact]
    public void Another_nonce_key_or_device_is_another_report()
    {
        using var other = GuestKey.Ec();
        byte[][] all =
        [
            GuestEvidence.ReportData(Nonce, Key, ""), GuestEvidence.ReportData([.. Nonce[1..], 0], Key, ""), GuestEvidence.ReportData(Nonce, other.Public, ""),
            GuestEvidence.ReportData(Nonce, Key, Devices), GuestEvidence.ReportData(Nonce, Key, Devices + " "),
        ];
        Assert.Equal(all.Length, all.Select(Convert.ToHexString).Distinct().Count());
    }

    [Fact]
    public void Written_and_read_it_is_the_same()
    {
        var bytes = new GuestEvidence(Devices, """{"quote": "x", "cc_eventlog": null}""").ToBytes();
        Assert.Equal(bytes, GuestEvidence.Parse(bytes).ToBytes());
        Assert.Throws<MalformedException>(() => GuestEvidence.Parse(bytes.AsSpan(0, bytes.Length - 1)));
        Assert.Throws<MalformedException>(() => GuestEvidence.Parse(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes).Replace("\"kbs\"", "\"tpm\"", StringComparison.Ordinal))));
    }

    [Fact]
    public void Each_device_is_a_part_of_its_own_and_a_switch_is_known_by_its_word()
    {
        var parts = new GuestEvidence("""{"nvidia":{"device_evidence_list":[{"arch":"HOPPER","evidence":"a"},{"arch":"LS10","evidence":"b"},{"evidence":"c"}]}}""", "{}").Parts("tdx");
        Assert.Equal("tdx", parts.Cpu.Kind);
        Assert.Equal(["nvidia-gpu", "nvidia-switch", "nvidia-gpu"], parts.Devices.Select(device => device.Kind));
        Assert.Equal("""{"arch":"LS10","evidence":"b"}""", Encoding.UTF8.GetString(parts.Devices[1].Evidence));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("nvidia")]
    [InlineData("""{"nvidia":{"device_evidence_list":[]}}""")]
    [InlineData("""{"nvidia":{"device_evidence_list":{}}}""")]
    [InlineData("""{"nvidia":[]}""")]
    [InlineData("""{"nvidia":{"device_evidence_list":[{"evidence":"a"}],"more":1}}""")]
    [InlineData("""{"sampledevice":{"device_evidence_list":[{"evidence":"a"}]}}""")]
    [InlineData("""{"nvidia":{"device_evidence_list":[{"evidence":"a"}]},"sampledevice":{}}""")]
    [InlineData("""{"nvidia":{"device_evidence_list":[{"evidence":"a"}]},"nvidia":{"device_evidence_list":[{"evidence":"b"}]}}""")]
    public void Refuses_devices_that_nobody_would_look_at(string additional) => Assert.Throws<MalformedException>(() => new GuestEvidence(additional, "{}").Parts("sev-snp"));

    [Fact]
    public void Refuses_more_devices_than_a_machine_has()
    {
        var devices = string.Join(',', Enumerable.Repeat("""{"evidence":"a"}""", 17));
        Assert.Throws<MalformedException>(() => new GuestEvidence($$$"""{"nvidia":{"device_evidence_list":[{{{devices}}}]}}""", "{}").Parts("sev-snp"));
    }

    [Theory]
    [InlineData("sample")]
    [InlineData("sev-snp")]
    [InlineData("az-snp-vtpm")]
    [InlineData("sgx")]
    [InlineData("SNP")]
    [InlineData("")]
    public void Knows_no_other_kind_of_guest(string tee) => Assert.Null(GuestEvidence.KindOf(tee));
}
