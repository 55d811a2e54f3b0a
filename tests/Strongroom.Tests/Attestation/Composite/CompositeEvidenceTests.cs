using System.Text;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Composite;

/// <summary>The bytes of spec/evidence-composite.md.</summary>
public sealed class CompositeEvidenceTests
{
    private static readonly Digest Transcript = Digest.Of("transcript"u8);

    private static CompositeEvidence Good => new(new([1, 2, 3], "sev-snp"), [new([4], "nvidia-gpu"), new([5, 6], "nvidia-switch")]);

    [Fact]
    public void It_is_written_as_the_specification_says() => Assert.Equal(
        """{"cpu":{"evidence":"AQID","kind":"sev-snp"},"devices":[{"evidence":"BA==","kind":"nvidia-gpu"},{"evidence":"BQY=","kind":"nvidia-switch"}],"kind":"composite"}""",
        Encoding.UTF8.GetString(Good.ToBytes()));

    [Fact]
    public void What_was_read_is_written_to_the_same_bytes() => Assert.Equal(Good.ToBytes(), CompositeEvidence.Parse(Good.ToBytes()).ToBytes());

    [Fact]
    public void A_machine_may_have_no_device() => Assert.Empty(CompositeEvidence.Parse((Good with { Devices = [] }).ToBytes()).Devices);

    // Both computed with Python's hashlib.
    [Fact]
    public void The_devices_nonce_is_the_specified_one() =>
        Assert.Equal("b2e9ab7cc1522c1a37e7276077213ec45a500fa3e1dd284dd0acc4c2be573429", Convert.ToHexStringLower(CompositeEvidence.DeviceNonce(Transcript)));

    [Fact]
    public void The_processors_challenge_is_the_specified_one() =>
        Assert.Equal("32b7ed3a730c82fc72548937dba0ec240d909b753894c09a0858340bb3f3f9261015891c63247e93f5fe8ae3444e7e0305a6b69c7ec02da3732c37f1a708f4e8", Convert.ToHexStringLower(Good.CpuChallenge(Transcript)));

    [Fact]
    public void Every_part_of_the_challenge_counts()
    {
        byte[][] challenges =
        [
            Good.CpuChallenge(Transcript),
            Good.CpuChallenge(Digest.Of("another"u8)),
            (Good with { Devices = [] }).CpuChallenge(Transcript),
            (Good with { Devices = [.. Good.Devices.Reverse()] }).CpuChallenge(Transcript),
            (Good with { Devices = [Good.Devices[0]] }).CpuChallenge(Transcript),
            (Good with { Devices = [Good.Devices[0], Good.Devices[0]] }).CpuChallenge(Transcript),
        ];
        Assert.Equal(challenges.Length, challenges.Select(Convert.ToHexString).Distinct().Count());
        Assert.All(challenges, challenge => Assert.Equal(CompositeEvidence.ChallengeSizeInBytes, challenge.Length));
    }

    public static TheoryData<string, string> Malformed => new()
    {
        { "another kind", """{"cpu":{"evidence":"AQID","kind":"sev-snp"},"devices":[],"kind":"other"}""" },
        { "no kind", """{"cpu":{"evidence":"AQID","kind":"sev-snp"},"devices":[]}""" },
        { "a processor of another kind", """{"cpu":{"evidence":"AQID","kind":"sgx"},"devices":[],"kind":"composite"}""" },
        { "a device in the place of the processor", """{"cpu":{"evidence":"AQID","kind":"nvidia-gpu"},"devices":[],"kind":"composite"}""" },
        { "a processor in the place of a device", """{"cpu":{"evidence":"AQID","kind":"sev-snp"},"devices":[{"evidence":"AQID","kind":"tdx"}],"kind":"composite"}""" },
        { "an empty processor", """{"cpu":{"evidence":"","kind":"sev-snp"},"devices":[],"kind":"composite"}""" },
        { "an empty device", """{"cpu":{"evidence":"AQID","kind":"sev-snp"},"devices":[{"evidence":"","kind":"nvidia-gpu"}],"kind":"composite"}""" },
        { "no devices said", """{"cpu":{"evidence":"AQID","kind":"sev-snp"},"kind":"composite"}""" },
        { "null for a device", """{"cpu":{"evidence":"AQID","kind":"sev-snp"},"devices":[null],"kind":"composite"}""" },
        { "null for the processor", """{"cpu":null,"devices":[],"kind":"composite"}""" },
        { "a member that is not known", """{"cpu":{"evidence":"AQID","kind":"sev-snp"},"devices":[],"endorsements":"","kind":"composite"}""" },
        { "a member twice", """{"cpu":{"evidence":"AQID","kind":"sev-snp"},"devices":[],"devices":[],"kind":"composite"}""" },
        { "a space", """{"cpu":{"evidence":"AQID","kind":"sev-snp"}, "devices":[],"kind":"composite"}""" },
        { "members in another order", """{"devices":[],"cpu":{"evidence":"AQID","kind":"sev-snp"},"kind":"composite"}""" },
        { "base64 with other last bits", """{"cpu":{"evidence":"AR==","kind":"sev-snp"},"devices":[],"kind":"composite"}""" },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public void Refuses(string what, string json)
    {
        Assert.NotEmpty(what);
        Assert.Throws<MalformedException>(() => CompositeEvidence.Parse(Encoding.UTF8.GetBytes(json)));
    }

    [Fact]
    public void Refuses_more_than_a_machine_has()
    {
        var part = Good.Devices[0];
        Assert.NotEmpty((Good with { Devices = [.. Enumerable.Repeat(part, 16)] }).ToBytes());
        Assert.Throws<MalformedException>(() => (Good with { Devices = [.. Enumerable.Repeat(part, 17)] }).ToBytes());
        Assert.NotEmpty((Good with { Cpu = new(new byte[512 * 1024], "tdx") }).ToBytes());
        Assert.Throws<MalformedException>(() => (Good with { Cpu = new(new byte[512 * 1024 + 1], "tdx") }).ToBytes());
        var large = new EvidencePart(new byte[512 * 1024], "nvidia-gpu");
        Assert.Throws<MalformedException>(() => (Good with { Devices = [.. Enumerable.Repeat(large, 6)] }).ToBytes());
        Assert.Equal(4 * 1024 * 1024, Assert.Throws<MalformedException>(() => CompositeEvidence.Parse(new byte[4 * 1024 * 1024 + 1])).Offset);
    }
}
