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

        var times = InTurns.Time(Rounds, Appraise, Bare);
        InTurns.Report(times[0], times[1]);
        return 0;
    }
}
