using Strongroom.Attestation.Appraisal;
using Strongroom.Tests.Attestation.Appraisal;

namespace Strongroom.Tests.Attestation.Dcap;

public abstract class DcapContract(string kind, int version, int signedSize) : AppraiserContract
{
    private readonly Endorsements endorsements = new TestPlatform(kind).Endorsements();
    private readonly Appraiser appraiser = Appraiser.For(kind, TestIntel.One.Roots)!;

    protected override byte[] Good() => new TestPlatform(kind) { Version = version }.Quote();

    private protected override AttestationResult Appraise(ReadOnlyMemory<byte> evidence) =>
        appraiser.Appraise(new(evidence, TestIntel.At) { Endorsements = endorsements, ReportData = TestPlatform.ReportData });

    /// <summary>Header and body, signature and key, report of the quoting enclave with its signature and authentication data.</summary>
    protected override IEnumerable<Range> SignedRanges(byte[] good)
    {
        yield return 0..signedSize;
        yield return (signedSize + 4)..(signedSize + 4 + 128);
        var report = signedSize + 4 + 128 + (version > 3 ? 6 : 0);
        yield return report..(report + 448);
        yield return (report + 450)..(report + 482);
    }
}

public sealed class TdxContract() : DcapContract("tdx", 5, 54 + 648);

public sealed class SgxContract() : DcapContract("sgx", 3, 48 + 384);

public sealed class SgxVersion4Contract() : DcapContract("sgx", 4, 48 + 384);
