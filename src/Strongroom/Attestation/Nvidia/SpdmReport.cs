using Strongroom.Bytes;

namespace Strongroom.Attestation.Nvidia;

/// <summary>One measurement: its index from 1 on, and its value. NVIDIA's RIMs count the same measurements from 0.</summary>
internal sealed record MeasurementBlock(int Index, byte Type, ReadOnlyMemory<byte> Value);

/// <summary>
/// What an NVIDIA device signs: a GET_MEASUREMENTS request and its response (SPDM 1.1, DMTF DSP0274 sections 10.11.1 and 10.11.2), one after the other, exact to the last
/// byte. All integers are little-endian. Parsing verifies nothing.
/// </summary>
internal sealed class SpdmReport
{
    public const int RequestSizeInBytes = 37;
    public const int NonceSizeInBytes = 32;
    public const int SignatureSizeInBytes = 96;
    public const int MinSizeInBytes = RequestSizeInBytes + 8 + NonceSizeInBytes + 2 + SignatureSizeInBytes;

    private const byte Version11 = 0x11;
    private const byte GetMeasurements = 0xE0;
    private const byte Measurements = 0x60;
    private const byte Dmtf = 1;

    private SpdmReport(ReadOnlyMemory<byte> bytes, IReadOnlyList<MeasurementBlock> blocks, ReadOnlyMemory<byte> deviceNonce, OpaqueData opaque)
    {
        (Bytes, Blocks, DeviceNonce, Opaque) = (bytes, blocks, deviceNonce, opaque);
    }

    public ReadOnlyMemory<byte> Bytes { get; }

    public IReadOnlyList<MeasurementBlock> Blocks { get; }

    /// <summary>What the device itself drew.</summary>
    public ReadOnlyMemory<byte> DeviceNonce { get; }

    public OpaqueData Opaque { get; }

    /// <summary>Bit 0: the request asks for a signature.</summary>
    public byte RequestAttributes => Bytes.Span[2];

    /// <summary>0xFF: the request asks for all measurements.</summary>
    public byte RequestedIndex => Bytes.Span[3];

    /// <summary>The caller's challenge, from the request.</summary>
    public ReadOnlyMemory<byte> Nonce => Bytes.Slice(4, NonceSizeInBytes);

    /// <summary>Which of the device's certificate chains signs; bits 3:0 of the response's second parameter must name the same.</summary>
    public byte Slot => Bytes.Span[36];

    public byte ResponseSlot => (byte)(Bytes.Span[RequestSizeInBytes + 3] & 0x0F);

    /// <summary>Request and response up to the signature.</summary>
    public ReadOnlyMemory<byte> Signed => Bytes[..^SignatureSizeInBytes];

    /// <summary>ECDSA P-384: r, then s, 48 bytes each, big-endian.</summary>
    public ReadOnlyMemory<byte> Signature => Bytes[^SignatureSizeInBytes..];

    public static bool Recognises(ReadOnlySpan<byte> bytes) => bytes.Length >= MinSizeInBytes && bytes is [Version11, GetMeasurements, ..] && bytes[RequestSizeInBytes] == Version11 && bytes[RequestSizeInBytes + 1] == Measurements;

    /// <exception cref="MalformedException">Not exactly a request and its response.</exception>
    public static SpdmReport Parse(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes.Span);
        Expect(reader.U8("the version of the request"), Version11, "a request of SPDM 1.1");
        Expect(reader.U8("the code of the request"), GetMeasurements, "a request for measurements");
        reader.Bytes(RequestSizeInBytes - 2, "the request");
        Expect(reader.U8("the version of the response"), Version11, "a response of SPDM 1.1");
        Expect(reader.U8("the code of the response"), Measurements, "a response with measurements");
        reader.Bytes(2, "the parameters of the response");
        var count = reader.U8("the number of measurements");
        var size = reader.U16Little("the size of the measurements") | (reader.U8("the size of the measurements") << 16);
        var record = bytes.Slice(reader.Offset, reader.Bytes(size, "the measurements").Length);
        var blocks = ParseBlocks(record, count);
        var deviceNonce = bytes.Slice(reader.Offset, reader.Bytes(NonceSizeInBytes, "the nonce of the device").Length);
        var opaqueSize = reader.U16Little("the size of the opaque data");
        var opaque = OpaqueData.Parse(bytes.Slice(reader.Offset, reader.Bytes(opaqueSize, "the opaque data").Length));
        reader.Bytes(SignatureSizeInBytes, "the signature");
        reader.End("the report");
        return new(bytes, blocks, deviceNonce, opaque);
    }

    private static List<MeasurementBlock> ParseBlocks(ReadOnlyMemory<byte> record, int count)
    {
        var reader = new ByteReader(record.Span);
        var blocks = new List<MeasurementBlock>(count);
        for (var i = 0; i < count; i++)
        {
            var index = reader.U8("the index of a measurement");
            Expect(reader.U8("the specification of a measurement"), Dmtf, "a measurement in DMTF's form");
            var size = reader.U16Little("the size of a measurement");
            var type = reader.U8("the type of a measurement");
            var valueSize = reader.U16Little("the size of a value");
            if (size != valueSize + 3) throw new MalformedException(reader.Offset, "a measurement names two sizes");
            blocks.Add(new(index, type, record.Slice(reader.Offset, reader.Bytes(valueSize, "a value").Length)));
        }
        reader.End("the measurements");
        return blocks;
    }

    private static void Expect(byte found, byte expected, string what)
    {
        if (found != expected) throw new MalformedException(-1, $"not {what}: 0x{found:x2}");
    }
}
