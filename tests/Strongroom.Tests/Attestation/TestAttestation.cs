using System.Globalization;
using Strongroom.Attestation.Tpm;

namespace Strongroom.Tests.Attestation;

/// <summary>A TPM's evidence as go-tpm-tools writes it: an attest.Attestation, protobuf.</summary>
internal static class TestAttestation
{
    internal static byte[] Write(TpmPublic key, TpmEvidence evidence, params IReadOnlyList<byte[]> certificates)
    {
        var pcrs = evidence.Pcrs.SelectMany(pcr => Field(2, [.. Number(1, uint.Parse(pcr.Key, CultureInfo.InvariantCulture)), .. Field(2, pcr.Value.Span.ToArray())]));
        byte[] quote = [.. Field(1, evidence.Quote), .. Field(2, evidence.Signature), .. Field(3, [.. Number(1, 0x0B), .. pcrs])];
        return
        [
            .. Field(1, key.ToBytes()[2..]), .. Field(2, quote), .. evidence.EventLog.Length > 0 ? Field(3, evidence.EventLog) : [],
            .. certificates.SelectMany((der, i) => Field(i == 0 ? 6 : 7, der)),
        ];
    }

    private static byte[] Field(int number, byte[] bytes) => [(byte)(number << 3 | 2), .. Varint((uint)bytes.Length), .. bytes];

    private static byte[] Number(int number, uint value) => [(byte)(number << 3), .. Varint(value)];

    private static byte[] Varint(uint value) => value < 128 ? [(byte)value] : [(byte)(value & 127 | 128), .. Varint(value >> 7)];
}
