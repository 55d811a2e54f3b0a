using System.Security.Cryptography;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Snp;
using Strongroom.Tests.Attestation.Snp;

namespace Strongroom.Benchmarks;

/// <summary>
/// Appraising SEV-SNP reports on one core with warm caches, against the one thing that no cache can save: an ECDSA P-384 verification by the same libcrypto. The
/// report is a test vendor's; chain, list and table have the sizes of real ones but for RSA keys of 2048 bits, which a warm cache does not use.
/// </summary>
internal static class AppraiseSnp
{
    private const int Rounds = 1500;

    internal static int Run()
    {
        var scene = new SnpScene();
        var appraiser = Appraiser.For("sev-snp", TestAmd.Roots)!;
        var endorsements = Endorsements.Read(scene.Files.Select((file, at) => ($"{at}", (ReadOnlyMemory<byte>)file)));
        var (report, extended) = (scene.Signed(), scene.Extended());
        Action alone = () => Require(appraiser.Appraise(new(report, TestAmd.Now) { Endorsements = endorsements, ReportData = scene.ReportData }));
        Action table = () => Require(appraiser.Appraise(new(extended, TestAmd.Now) { ReportData = scene.ReportData }));
        var parsed = SnpReport.Parse(report);
        var signature = parsed.Signature!;
        using var key = ECDsa.Create();
        key.ImportSubjectPublicKeyInfo(scene.Amd.Key.ExportSubjectPublicKeyInfo(), out _);
        Action bare = () =>
        {
            if (!key.VerifyData(report.AsSpan(0, SnpReport.SignedSizeInBytes), signature, HashAlgorithmName.SHA384)) throw new InvalidOperationException("the signature was rejected");
        };

        var medians = InTurns.Time(Rounds, bare, alone, table).Select(InTurns.Median).ToArray();
        Console.WriteLine($"bare ECDSA P-384 verification: median {medians[0]:0.000} ms, {1000 / medians[0]:0} a second");
        Console.WriteLine($"report alone: median {medians[1]:0.000} ms, {1000 / medians[1]:0} verdicts a second, {medians[1] / medians[0]:0.00} x bare");
        Console.WriteLine($"report with its table: median {medians[2]:0.000} ms, {1000 / medians[2]:0} verdicts a second, {medians[2] / medians[0]:0.00} x bare");
        return 0;
    }

    private static void Require(AttestationResult result)
    {
        if (result.Outcome != Outcome.Verified) throw new InvalidOperationException("the report was rejected");
    }
}
