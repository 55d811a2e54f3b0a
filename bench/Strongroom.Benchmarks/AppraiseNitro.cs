using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Cose;

namespace Strongroom.Benchmarks;

/// <summary>
/// Appraising a real Nitro document with its path remembered, against the one thing in it that cannot be saved: its ECDSA P-384 verification by the same libcrypto,
/// with the key at hand. One thread.
/// </summary>
internal static class AppraiseNitro
{
    private const int Rounds = 3000;

    internal static int Run(string path)
    {
        var record = File.ReadAllBytes(path);
        var message = CoseSign1.Parse(record.AsMemory(4, 4527)); // inside its record
        var document = CborItem.Parse(message.Payload, CborForm.AnyOrder);
        var at = DateTimeOffset.FromUnixTimeMilliseconds((long)document.Find("timestamp")!.U64("timestamp"));
        using var certificate = X509CertificateLoader.LoadCertificate(document.Find("certificate")!.Bytes("certificate").Span);
        using var key = certificate.GetECDsaPublicKey()!;
        var signed = message.ToBeSigned();
        var signature = message.Signature.ToArray();

        var appraiser = Appraiser.For("nitro")!;
        var request = new AppraisalRequest(record, at) { ReportData = new byte[64] };
        void Appraise()
        {
            if (appraiser.Appraise(request).Outcome != Outcome.Verified) throw new InvalidOperationException("the document was rejected");
        }

        void Bare()
        {
            if (!key.VerifyData(signed, signature, HashAlgorithmName.SHA384)) throw new InvalidOperationException("the signature was rejected");
        }

        // In turns, so that whatever else the machine does falls on both alike.
        var (appraise, bare) = (new double[Rounds], new double[Rounds]);
        for (var i = -Rounds / 10; i < Rounds; i++)
        {
            var (one, other) = (Time(Appraise), Time(Bare));
            if (i >= 0) (appraise[i], bare[i]) = (one, other);
        }
        Array.Sort(appraise);
        Array.Sort(bare);
        Console.WriteLine($"one verdict: median {appraise[Rounds / 2]:0.000} ms, p99 {appraise[Rounds * 99 / 100]:0.000} ms");
        Console.WriteLine($"bare ECDSA P-384 verification: median {bare[Rounds / 2]:0.000} ms");
        Console.WriteLine($"verdicts per second and core: {1000 / appraise[Rounds / 2]:0}");
        Console.WriteLine($"ratio of medians: {appraise[Rounds / 2] / bare[Rounds / 2]:0.00}");
        return 0;
    }

    private static double Time(Action action)
    {
        var started = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }
}
