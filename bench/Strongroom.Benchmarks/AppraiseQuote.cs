using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Dcap;
using Strongroom.Tests.Attestation.Dcap;

namespace Strongroom.Benchmarks;

/// <summary>
/// Verdicts on a TDX 1.5 quote with complete collateral, against the two signatures in it that are new with every quote (quote, report of the quoting enclave). Chain, lists, TCB info
/// and identity are the same for every quote of a platform: their signatures are remembered.
/// </summary>
internal static class AppraiseQuote
{
    private const int Rounds = 3000;

    internal static int Run()
    {
        var platform = new TestPlatform("tdx");
        var file = platform.Quote();
        var endorsements = platform.Endorsements();
        var appraiser = Appraiser.For("tdx", TestIntel.One.Roots)!;
        var quote = Quote.Parse(file);
        var pck = platform.Pck.GetECDsaPublicKey()!.ExportParameters(false);
        var key = new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new() { X = quote.AttestationKey[..32].ToArray(), Y = quote.AttestationKey[32..].ToArray() } };
        using var pckKey = ECDsa.Create(pck);
        using var quoteKey = ECDsa.Create(key);

        void Verdict()
        {
            if (appraiser.Appraise(new(file, TestIntel.At) { Endorsements = endorsements, ReportData = TestPlatform.ReportData }).Outcome != Outcome.Verified) throw new InvalidOperationException("the quote was rejected");
        }

        void Bare()
        {
            if (!quoteKey.VerifyData(quote.Signed.Span, quote.Signature.Span, HashAlgorithmName.SHA256) || !pckKey.VerifyData(quote.QeReport.Span, quote.QeReportSignature.Span, HashAlgorithmName.SHA256))
                throw new InvalidOperationException("a signature was rejected");
        }

        var times = InTurns.Time(Rounds, Verdict, Bare);
        var (verdict, bare) = (InTurns.Median(times[0]), InTurns.Median(times[1]));
        Console.WriteLine($"TDX quote of {file.Length} bytes: {verdict * 1000:0} us a verdict, {1000 / verdict:0} a second on one core");
        Console.WriteLine($"its two bare ECDSA P-256 verifications with keys at hand: {bare * 1000:0} us");
        Console.WriteLine($"ratio: {verdict / bare:0.00}");
        return 0;
    }
}
