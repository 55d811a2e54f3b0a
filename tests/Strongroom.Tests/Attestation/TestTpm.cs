using System.Globalization;
using System.Security.Cryptography;
using Strongroom.Attestation;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation;

/// <summary>
/// A TPM whose key we hold, so that it also signs what a real one never would. Every attack that a signature alone would not stop is signed correctly here.
/// </summary>
internal sealed class TestTpm : IDisposable
{
    public static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);
    public static readonly Digest Transcript = Digest.Of("transcript"u8);
    public static readonly EnclaveStart Start = new(Digest.Of("hpke key"u8), Digest.Of("configuration"u8));

    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public TestTpm()
    {
        Events = [.. from pcr in Enumerable.Range(0, 8)
                     from e in new[] { Event(pcr, 0x80000001, "firmware"u8), Event(pcr, MeasuredEvent.Separator, [0, 0, 0, 0]) }
                     select e];
    }

    public List<MeasuredEvent> Events { get; }

    public List<EnclaveStart> Starts { get; } = [Start];

    public TpmPublic Key
    {
        get
        {
            var q = key.ExportParameters(false).Q;
            return AttestationKey.Template with { X = q.X!, Y = q.Y! };
        }
    }

    public EnrolledMachine Machine => MachineOf(Key);

    public static EnrolledMachine MachineOf(TpmPublic key) =>
        new(EnrolledMachine.IdOf(key.Name()), "tpm", key.ToBytes(), EnrolledMachine.DefaultPcrs, EnrolledMachine.DefaultApplicationPcr);

    public static MeasuredEvent Event(int pcr, uint type, ReadOnlySpan<byte> data) => new(pcr, type, Digest.Of(data), data.ToArray());

    /// <summary>The state that the log and the starts lead to.</summary>
    public SortedDictionary<int, Digest> Values()
    {
        var replayed = EventLog.Parse(EventLog.Compose(Events)).Replay();
        var values = new SortedDictionary<int, Digest>(EnrolledMachine.DefaultPcrs.ToDictionary(pcr => pcr, pcr => replayed[pcr]));
        values[13] = EnclaveStart.Replay(Starts);
        return values;
    }

    public TpmQuote Quote(SortedDictionary<int, Digest> values) => new(
        AttestationKey.QualifiedName(Key), Transcript.Span.ToArray(), 1000, 7, 0, true, 1,
        [new(0x000B, [.. values.Keys])], SHA256.HashData([.. values.Values.SelectMany(value => value.Span.ToArray())]));

    /// <summary>Evidence of the present state, with the quote changed before it is signed.</summary>
    public TpmEvidence Evidence(Func<TpmQuote, TpmQuote>? change = null)
    {
        var values = Values();
        return Evidence((change ?? (quote => quote))(Quote(values)), values);
    }

    public TpmEvidence Evidence(TpmQuote quote, SortedDictionary<int, Digest> values)
    {
        var bytes = quote.ToBytes();
        return new("tpm", bytes, Sign(bytes), values.ToDictionary(value => value.Key.ToString(CultureInfo.InvariantCulture), value => value.Value), EventLog.Compose(Events), [.. Starts]);
    }

    public byte[] Sign(byte[] bytes, ushort hash = 0x000B)
    {
        var signature = key.SignData(bytes, hash == 0x000B ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA384);
        return new ByteWriter().U16(0x0018).U16(hash).Sized16(signature.AsSpan(0, 32)).Sized16(signature.AsSpan(32)).ToArray();
    }

    public void Dispose() => key.Dispose();
}
