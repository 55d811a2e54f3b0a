using System.Security.Cryptography;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;
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

    /// <summary>What lies behind the signature must be as robust as what lies before it: a signer may be hostile, and reads what it likes from certificates.</summary>
    [Fact]
    public void Changed_payloads_under_a_right_signature_are_judged_or_malformed_and_never_anything_else()
    {
        var draft = new NitroDraft(Vendor);
        var payload = draft.Payload();
        for (var round = Environment.GetEnvironmentVariable("STRONGROOM_LONG") is null ? 300 : 5_000; round > 0; round--)
        {
            var evidence = draft.Seal(Changed(payload));
            foreach (var look in (Action[])[() => Appraise(evidence), () => Appraiser.Show(evidence)])
            {
                try
                {
                    look();
                }
                catch (MalformedException)
                {
                }
            }
        }
    }

    /// <summary>A byte or four changed, some left out, or some put in.</summary>
    private static byte[] Changed(byte[] payload)
    {
        var at = RandomNumberGenerator.GetInt32(payload.Length - 4);
        var length = RandomNumberGenerator.GetInt32(1, 5);
        byte[] other = RandomNumberGenerator.GetBytes(length);
        return RandomNumberGenerator.GetInt32(4) switch
        {
            0 => [.. payload[..at], .. payload[(at + length)..]],
            1 => [.. payload[..at], .. other, .. payload[at..]],
            _ => [.. payload[..at], .. other, .. payload[(at + length)..]],
        };
    }
}
