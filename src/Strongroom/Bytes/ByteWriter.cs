using System.Buffers.Binary;

namespace Strongroom.Bytes;

/// <summary>Writes a byte layout front to back; integers are big-endian unless the name says otherwise.</summary>
public sealed class ByteWriter
{
    private byte[] buffer = new byte[256];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => buffer.AsSpan(0, Length);

    public byte[] ToArray() => Written.ToArray();

    public ByteWriter Bytes(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Next(bytes.Length));
        return this;
    }

    /// <summary>A big-endian 16-bit count, then the bytes (TPM2B).</summary>
    public ByteWriter Sized16(ReadOnlySpan<byte> bytes) => U16(checked((ushort)bytes.Length)).Bytes(bytes);

    public ByteWriter U8(byte value)
    {
        Next(1)[0] = value;
        return this;
    }

    public ByteWriter U16(ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(Next(2), value);
        return this;
    }

    public ByteWriter U32(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(Next(4), value);
        return this;
    }

    public ByteWriter U64(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(Next(8), value);
        return this;
    }

    public ByteWriter U16Little(ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(Next(2), value);
        return this;
    }

    public ByteWriter U32Little(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(Next(4), value);
        return this;
    }

    private Span<byte> Next(int count)
    {
        if (buffer.Length - Length < count) Array.Resize(ref buffer, Math.Max(buffer.Length * 2, Length + count));
        Length += count;
        return buffer.AsSpan(Length - count, count);
    }
}
