using System.Globalization;
using System.Security.Cryptography;
using Strongroom.Attestation;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;
using EventLog = Strongroom.Attestation.Tpm.EventLog;

namespace Strongroom.Benchmarks;

/// <summary>
/// Verifying one TPM quote, against the one thing in it that cannot be saved: an ECDSA P-256 verification by the same libcrypto. The event log has the
/// size of a real server's: 157 events and 50 KB.
/// </summary>
internal static class Evidence
{
    private const int Rounds = 3000;

    internal static int Run()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var q = key.ExportParameters(false).Q;
        var attestationKey = AttestationKey.Template with { X = q.X!, Y = q.Y! };
        var machine = new EnrolledMachine(EnrolledMachine.IdOf(attestationKey.Name()), "tpm", attestationKey.ToBytes(), EnrolledMachine.DefaultPcrs, EnrolledMachine.DefaultApplicationPcr);
        var transcript = Digest.Of("transcript"u8);
        var start = new EnclaveStart(Digest.Of("key"u8), Digest.Of("configuration"u8));
        var (evidence, quote, signature) = Quote(key, attestationKey, transcript, start);

        var verifier = EvidenceVerifier.For("tpm");
        void Verify()
        {
            if (verifier.Verify(evidence, machine, transcript, start, DateTimeOffset.UnixEpoch) is not Verdict.Trusted) throw new InvalidOperationException("the quote was rejected");
        }

        void Bare()
        {
            using var fresh = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = q });
            if (!fresh.VerifyData(quote, signature, HashAlgorithmName.SHA256)) throw new InvalidOperationException("the signature was rejected");
        }

        var times = InTurns.Time(Rounds, Verify, Bare);
        var (verify, bare) = (times[0], times[1]);
        Console.WriteLine($"evidence: {evidence.Length} bytes");
        Console.WriteLine($"verify one quote: median {InTurns.Median(verify):0.000} ms, p99 {verify[Rounds * 99 / 100]:0.000} ms");
        Console.WriteLine($"bare ECDSA P-256 verification: median {InTurns.Median(bare):0.000} ms");
        Console.WriteLine($"ratio of medians: {InTurns.Median(verify) / InTurns.Median(bare):0.00}");
        Console.WriteLine($"share of the 20 ms of a release: {InTurns.Median(verify) / 20:0.000}");
        return 0;
    }

    private static (byte[] Evidence, byte[] Quote, byte[] Signature) Quote(ECDsa key, TpmPublic attestationKey, Digest transcript, EnclaveStart start)
    {
        var events = Enumerable.Range(0, 157).Select(i =>
        {
            var data = new byte[270];
            data.AsSpan().Fill((byte)i);
            return new MeasuredEvent(i % 8, 0x80000001, Digest.Of(data), data);
        });
        var log = EventLog.Compose(events);
        var replayed = EventLog.Parse(log).Replay();
        var values = new SortedDictionary<int, Digest>(EnrolledMachine.DefaultPcrs.ToDictionary(pcr => pcr, pcr => replayed[pcr])) { [13] = EnclaveStart.Replay([start]) };
        var quote = new TpmQuote(
            AttestationKey.QualifiedName(attestationKey), transcript.Span.ToArray(), 1, 1, 0, true, 1, [new(0x000B, [.. values.Keys])],
            SHA256.HashData([.. values.Values.SelectMany(value => value.Span.ToArray())])).ToBytes();
        var signature = key.SignData(quote, HashAlgorithmName.SHA256);
        var tpmt = new ByteWriter().U16((ushort)TpmAlgorithm.EcDsa).U16((ushort)TpmAlgorithm.Sha256).Sized16(signature.AsSpan(0, 32)).Sized16(signature.AsSpan(32)).ToArray();
        var pcrs = values.ToDictionary(value => value.Key.ToString(CultureInfo.InvariantCulture), value => value.Value);
        return (new TpmEvidence("tpm", quote, tpmt, pcrs, log, [start]).ToBytes(), quote, signature);
    }
}
