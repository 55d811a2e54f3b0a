using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Strongroom.Attestation.Appraisal;

namespace Strongroom.Benchmarks;

/// <summary>
/// Appraising the report of a real H100 against two real RIMs, path and RIMs remembered, against the one thing in it that cannot be saved: its ECDSA P-384 verification
/// by the same libcrypto, with the key at hand. One thread. The RIMs are of other versions than what runs, so the verdict is no; every step is gone through all the same.
/// </summary>
internal static class AppraiseNvidia
{
    private const int Rounds = 2000;

    /// <param name="folder">With a report in hexadecimal, its chain, and RIMs: hopperAttestationReport.txt, hopperCertChain.txt, rim/.</param>
    internal static int Run(string folder)
    {
        var text = File.ReadAllBytes(Path.Combine(folder, "hopperAttestationReport.txt"));
        var report = Convert.FromHexString(Encoding.ASCII.GetString(text).Trim());
        var chain = Path.Combine(folder, "hopperCertChain.txt");
        using var leaf = X509Certificate2.CreateFromPem(File.ReadAllText(chain));
        using var key = leaf.GetECDsaPublicKey()!;
        string[] files = [chain, Path.Combine(folder, "rim/Driver_RIM_test_no_gpu.swidtag"), Path.Combine(folder, "rim/1010_0200_882_96005E0001_PROD.swidtag")];
        var request = new AppraisalRequest(text, new(2024, 6, 1, 0, 0, 0, TimeSpan.Zero))
        {
            Nonce = report.AsMemory(4, 32), Endorsements = Endorsements.Read(files.Select(file => (file, (ReadOnlyMemory<byte>)File.ReadAllBytes(file)))), Without = new HashSet<CheckGroup> { CheckGroup.Revocation },
        };
        var appraiser = Appraiser.For("nvidia-gpu")!;
        void Appraise()
        {
            if (appraiser.Appraise(request).Failures.Any(check => !check.Id.StartsWith("gpu.7.", StringComparison.Ordinal) && !check.Id.StartsWith("gpu.8.", StringComparison.Ordinal))) throw new InvalidOperationException("the report was rejected");
        }

        void Bare()
        {
            if (!key.VerifyData(report.AsSpan(0, report.Length - 96), report.AsSpan(report.Length - 96), HashAlgorithmName.SHA384)) throw new InvalidOperationException("the signature was rejected");
        }

        var times = InTurns.Time(Rounds, Appraise, Bare);
        InTurns.Report(times[0], times[1]);
        return 0;
    }
}
