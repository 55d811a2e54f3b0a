using System.Security.Cryptography;
using Strongroom.Attestation.Corim;
using Strongroom.Attestation.Cose;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Corim;

/// <summary>What a signed CoRIM comes to as expected values, and everything in one that cannot be said so.</summary>
public sealed class CorimClaimsTests
{
    private static readonly DateTimeOffset At = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly ECDsa Key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
    private static readonly byte[] One = Value(1, 48);
    private static readonly byte[] Two = Value(2, 48);

    [Fact]
    public void A_measurement_is_the_claim_of_its_name() => Assert.Equal(
        [$"gpu.driver=570.86.15", $"host_data={new string('3', 64)}", $"measurement={Hex(One)}|{Hex(Two)}", "tcb.snp=>=22"],
        Read(
            "sev-snp", null,
            TestCorim.Triple("AMD", "SEV-SNP", "measurement", TestCorim.Digests(One, Two)), TestCorim.Triple("AMD", "SEV-SNP", "tcb.snp", TestCorim.AtLeast(22)),
            TestCorim.Triple("AMD", "SEV-SNP", "host_data", TestCorim.Raw(Value(0x33, 32))), TestCorim.Triple("NVIDIA", "GPU", "driver", TestCorim.Version("570.86.15"))));

    [Fact]
    public void Registers_are_claims_by_their_place()
    {
        Assert.Equal([$"rtmr2={Hex(One)}"], Read("tdx", null, TestCorim.Triple("Intel", "TDX", null, Register)));
        Assert.Equal([$"pcr2={Hex(One)}"], Read("nitro", null, TestCorim.Triple("AWS", "Nitro", null, Register)));
    }

    [Fact]
    public void Measurements_of_AMDs_draft_are_claims_by_their_number() => Assert.Equal(
        [
            $"author_key_digest={Hex(Two)}", "guest_svn=>=4", $"host_data={Hex(Value(5, 32))}", $"id_key_digest={Hex(One)}", $"measurement={Hex(One)}", "tcb.bootloader=>=3", "tcb.microcode=>=209", "tcb.snp=>=22",
            "tcb.tee=>=0",
        ],
        Read(
            "sev-snp", "Milan", TestCorim.Amd(0, writer => writer.Map(2).Number(1).Tag(553).Number(4).Number(2).Array(1).Array(2).Number(7).Bytes(One)), TestCorim.Amd(5, TestCorim.Raw(One)),
            TestCorim.Amd(6, TestCorim.Raw(Two)), TestCorim.Amd(8, TestCorim.Raw(Value(5, 32))), TestCorim.Amd(7, TestCorim.AtLeast(0xD1_16_00_00_00_00_00_03))));

    [Fact]
    public void A_TCB_version_is_read_as_its_product_lays_it_out() => Assert.Equal(
        ["tcb.bootloader=>=2", "tcb.fmc=>=1", "tcb.microcode=>=9", "tcb.snp=>=4", "tcb.tee=>=3"], Read("sev-snp", "Turin", TestCorim.Amd(7, TestCorim.AtLeast(0x09_00_00_00_04_03_02_01))));

    [Fact]
    public void Values_of_another_processor_are_left_to_its_own_set() => Assert.Equal(
        [$"mrtd={Hex(One)}"], Read("tdx", null, TestCorim.Triple("Intel", "TDX", "mrtd", TestCorim.Digests(One)), TestCorim.Triple("AMD", "SEV-SNP", "measurement", TestCorim.Digests(Two))));

    public static TheoryData<string, string?, string, Action<CborWriter>[]> Unsayable => new()
    {
        { "sev-snp", null, "the CoRIM says nothing of sev-snp machines", [TestCorim.Triple("Intel", "TDX", "mrtd", TestCorim.Digests(One))] },
        { "sev-snp", null, "ACME and model Box are no platform", [TestCorim.Triple("ACME", "Box", "measurement", TestCorim.Digests(One))] },
        { "sev-snp", null, "mesurement is no claim of sev-snp evidence", [TestCorim.Triple("AMD", "SEV-SNP", "mesurement", TestCorim.Digests(One))] },
        { "sev-snp", null, "is no claim of sev-snp evidence", [TestCorim.Triple("AMD", "SEV-SNP", null, TestCorim.Digests(One))] },
        { "sev-snp", null, "says more than can be expected of a claim: members 11", [TestCorim.Triple("AMD", "SEV-SNP", "measurement", writer => writer.Map(2).Number(2).Array(1).Array(2).Number(7).Bytes(One).Number(11).Text("only by this name"))] },
        { "sev-snp", null, "only some of its bits count", [TestCorim.Triple("AMD", "SEV-SNP", "host_data", writer => writer.Map(1).Number(4).Tag(563).Array(2).Bytes(Value(1, 32)).Bytes(Value(0xF0, 32)))] },
        { "sev-snp", null, "a SHA-384 value, and none is given", [TestCorim.Triple("AMD", "SEV-SNP", "measurement", writer => writer.Map(1).Number(2).Array(1).Array(2).Number(1).Bytes(Value(1, 32)))] },
        { "sev-snp", null, "not exactly one of", [TestCorim.Triple("AMD", "SEV-SNP", "tcb.snp", writer => writer.Map(2).Number(0).Map(1).Number(0).Text("22").Number(1).Number(22))] },
        { "sev-snp", null, "a minimum stands beside other values", [TestCorim.Triple("AMD", "SEV-SNP", "tcb.snp", TestCorim.AtLeast(5)), TestCorim.Triple("AMD", "SEV-SNP", "tcb.snp", TestCorim.Version("4"))] },
        { "sev-snp", null, "laid out by product", [TestCorim.Amd(7, TestCorim.AtLeast(1))] },
        { "sev-snp", "Milan|Turin", "laid out by product", [TestCorim.Amd(7, TestCorim.AtLeast(1))] },
        { "sev-snp", "Milan", "reserved bytes", [TestCorim.Amd(7, TestCorim.AtLeast(0x100_0000))] },
        { "sev-snp", null, "no claim is this measurement of a report", [TestCorim.Amd(3, TestCorim.Raw(Value(1, 32)))] },
        { "sev-snp", null, "members 3", [TestCorim.Amd(0, writer => writer.Map(2).Number(2).Array(1).Array(2).Number(7).Bytes(One).Number(3).Map(0))] },
        { "sev-snp", null, "for some machines only", [writer => writer.Map(2).Number(0).Map(1).Number(0).Tag(37).Bytes(Convert.FromHexString("d05e6d1b9f464ae2a610ce3e6ee7e153")).Number(1).Tag(560).Bytes(Value(7, 64)).Array(1).Map(2).Number(0).Number(5).Number(1).Map(1).Number(4).Tag(560).Bytes(One)] },
        { "sev-snp", null, "the version '*' could be read as more than one value", [TestCorim.Triple("NVIDIA", "GPU", "driver", TestCorim.Version("*"))] },
        { "sev-snp", null, "the version '>=5' could be read as more than one value", [TestCorim.Triple("AMD", "SEV-SNP", "tcb.snp", TestCorim.Version(">=5"))] },
        { "sev-snp", null, "the version '550|560' could be read as more than one value", [TestCorim.Triple("NVIDIA", "GPU", "driver", TestCorim.Version("550|560"))] },
        { "sev-snp", null, "the version '*' could be read as more than one value", [TestCorim.Amd(0, TestCorim.Version("*"))] },
        { "sev-snp", null, "no claim is this measurement of a report", [TestCorim.Amd(0, writer => writer.Map(0))] },
        { "tdx", null, "gpu.rtmr2 is no claim of tdx evidence", [TestCorim.Triple("NVIDIA", "GPU", null, Register)] },
        { "nitro", null, "switch.pcr2 is no claim of nitro evidence", [TestCorim.Triple("NVIDIA", "switch", null, Register)] },
        { "tdx", null, "gpu.mrtd is no claim of tdx evidence", [TestCorim.Triple("NVIDIA", "GPU", null, writer => writer.Map(1).Number(14).Map(1).Text("mrtd").Array(1).Array(2).Number(7).Bytes(One))] },
        { "nitro", null, "pcr4 is no claim of nitro evidence", [TestCorim.Triple("AWS", "Nitro", "pcr4", TestCorim.Digests(One))] },
        { "nitro", null, "pcr32 is no claim of nitro evidence", [TestCorim.Triple("AWS", "Nitro", "pcr32", TestCorim.Digests(One))] },
    };

    [Theory]
    [MemberData(nameof(Unsayable))]
    public void Refuses_what_would_be_lost_on_the_way(string kind, string? product, string why, Action<CborWriter>[] triples) =>
        Assert.Contains(Assert.Throws<RefusedException>(() => Read(kind, product, triples)).Reasons, reason => reason.Contains(why, StringComparison.Ordinal));

    [Fact]
    public void Refuses_two_tags_that_would_allow_together_what_neither_does()
    {
        var (a, b) = (TestCorim.Comid("a", 1, TestCorim.Triple("Intel", "TDX", "rtmr0", TestCorim.Digests(One))), TestCorim.Comid("b", 1, TestCorim.Triple("Intel", "TDX", "rtmr0", TestCorim.Digests(Two))));
        var corim = new CborWriter().Tag(501).Map(2).Number(0).Text("two").Number(1).Array(2).Tag(506).Bytes(a).Tag(506).Bytes(b).ToArray();
        Assert.Contains("a says otherwise of rtmr0", Assert.Throws<RefusedException>(() => Read(corim, "tdx", null)).Message, StringComparison.Ordinal);
    }

    private static void Register(CborWriter writer) => writer.Map(1).Number(14).Map(1).Number(2).Array(1).Array(2).Number(7).Bytes(One);

    private static IEnumerable<string> Read(string kind, string? product, params Action<CborWriter>[] triples) => Read(TestCorim.Of("a tag", 3, null, triples), kind, product);

    private static IEnumerable<string> Read(byte[] corim, string kind, string? product)
    {
        var verdict = SignedCorim.Verify(new(TestCorim.Sign(corim, Key, At), At) { Signers = [Key.ExportSubjectPublicKeyInfo()] });
        Assert.Empty(verdict.Failures);
        return CorimClaims.Of(verdict.Values!, kind, product).Select(claim => $"{claim.Key}={claim.Value}").Order(StringComparer.Ordinal);
    }

    private static byte[] Value(byte of, int size) => [.. Enumerable.Repeat(of, size)];

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}
