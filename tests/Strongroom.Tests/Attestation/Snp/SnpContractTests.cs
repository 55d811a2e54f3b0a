using System.Security.Cryptography;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Snp;
using Strongroom.Tests.Attestation.Appraisal;

namespace Strongroom.Tests.Attestation.Snp;

/// <summary>The contract for the report alone: every bit of its 1184 bytes counts.</summary>
public sealed class SnpContractTests : AppraiserContract
{
    private readonly SnpScene scene = new();
    private readonly IReadOnlyList<byte[]> files;

    public SnpContractTests() => files = scene.Files;

    protected override byte[] Good() => scene.Signed();

    private protected override AttestationResult Appraise(ReadOnlyMemory<byte> evidence) => scene.Appraise(evidence, files);

    protected override IEnumerable<Range> SignedRanges(byte[] good) => [0..];

    [Fact]
    public void Whatever_a_hostile_signer_signs_gets_a_verdict_never_a_fault()
    {
        for (var round = 0; round < 400; round++)
        {
            var hostile = new SnpScene();
            for (var change = round % 8; change >= 0; change--) hostile.Report[RandomNumberGenerator.GetInt32(4, SnpReport.SignedSizeInBytes)] = RandomNumberGenerator.GetBytes(1)[0];
            Assert.NotEqual(Outcome.EndorsementsMissing, hostile.Appraise(hostile.Signed(), files).Outcome);
        }
    }

    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    [InlineData("3.1")]
    [InlineData("3.4")]
    [InlineData("3.9")]
    [InlineData("4")]
    [InlineData("5")]
    public void Whatever_stands_in_an_extension_gets_a_verdict_never_a_fault(string oid)
    {
        for (var length = 0; length < 70; length += 3)
        {
            var value = RandomNumberGenerator.GetBytes(length);
            if (length > 1) (value[0], value[1]) = (oid == "4" ? (byte)4 : oid == "2" ? (byte)0x16 : (byte)2, (byte)(length - 2));
            var hostile = new SnpScene();
            hostile.Key = hostile.Key with { HardwareId = oid == "4" ? null : hostile.Key.HardwareId, Others = [($"1.3.6.1.4.1.3704.1.{oid}", value)] };
            Assert.NotEqual(Outcome.EndorsementsMissing, hostile.Appraise().Outcome);
        }
    }
}

/// <summary>The contract for the report with the host's table, which brings all that its appraisal needs: certificates and list.</summary>
public sealed class SnpExtendedContractTests : AppraiserContract
{
    private readonly SnpScene scene = new(SnpProduct.Turin);
    private readonly byte[] table;

    public SnpExtendedContractTests() => table = scene.Table();

    protected override byte[] Good() => [.. scene.Signed(), .. table];

    private protected override AttestationResult Appraise(ReadOnlyMemory<byte> evidence) => scene.Appraise(evidence, []);

    protected override IEnumerable<Range> SignedRanges(byte[] good) => [0..];

    protected override int FlippedBits => 600;
}
