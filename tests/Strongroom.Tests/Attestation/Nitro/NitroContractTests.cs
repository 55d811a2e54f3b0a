using Strongroom.Attestation.Appraisal;
using Strongroom.Tests.Attestation.Appraisal;

namespace Strongroom.Tests.Attestation.Nitro;

/// <summary>What holds for every kind of evidence, for a document as it is.</summary>
public sealed class NitroContractTests : AppraiserContract
{
    private static readonly NitroVendor Vendor = new();
    private static readonly Appraiser Appraiser = Appraiser.For("nitro", Vendor.Roots)!;
    private static readonly byte[] Evidence = Vendor.Document();

    protected override byte[] Good() => Evidence;

    private protected override AttestationResult Appraise(ReadOnlyMemory<byte> evidence) =>
        Appraiser.Appraise(new(evidence, NitroVendor.At) { Nonce = "nonce"u8.ToArray(), ReportData = "user data"u8.ToArray() });

    /// <summary>Every byte: the envelope is deterministic, the headers and the payload are signed, and a changed signature is none.</summary>
    protected override IEnumerable<Range> SignedRanges(byte[] good) => [Range.All];
}
