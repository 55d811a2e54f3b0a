using Strongroom.Attestation.Appraisal;
using Strongroom.Tests.Attestation.Appraisal;

namespace Strongroom.Tests.Attestation.Composite;

/// <summary>A processor and two GPUs.</summary>
public sealed class CompositeContractTests : AppraiserContract
{
    private static readonly TestMachine Machine = TestMachine.SnpWithGpus(TestTpm.Now);
    private static readonly Appraiser Appraiser = Appraiser.For("composite", Machine.Roots)!;
    private static readonly Endorsements Endorsed = Machine.Endorsements(TestTpm.Now);
    private static readonly byte[] Evidence = Machine.Evidence(TestTpm.Transcript, TestTpm.Now);

    protected override int FlippedBits => 300;

    protected override byte[] Good() => [.. Evidence];

    private protected override AttestationResult Appraise(ReadOnlyMemory<byte> evidence) => Appraise(evidence, Endorsed);

    /// <summary>The processor signs a hash of every other byte, and the file has one spelling.</summary>
    protected override IEnumerable<Range> SignedRanges(byte[] good) => [Range.All];

    [Fact]
    public void A_machine_with_sixteen_gpus_does_not_take_long()
    {
        var large = TestMachine.SnpWithGpus(TestTpm.Now, gpus: 16);
        var (evidence, endorsements) = (large.Evidence(TestTpm.Transcript, TestTpm.Now), large.Endorsements(TestTpm.Now));
        Assert.Equal(Outcome.Verified, Appraise(evidence, endorsements).Outcome);
        var shortest = ThreadTime.Shortest(() => Appraise(evidence, endorsements));
        Assert.True(shortest < TimeSpan.FromMilliseconds(200), $"{shortest}");
    }

    private static AttestationResult Appraise(ReadOnlyMemory<byte> evidence, Endorsements endorsements) =>
        Appraiser.Appraise(new(evidence, TestTpm.Now) { Endorsements = endorsements, Nonce = TestTpm.Transcript.Span.ToArray() });
}
