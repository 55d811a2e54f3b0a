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
