using System.Buffers.Binary;

namespace Strongroom.Bytes;

/// <summary>Reads a byte layout front to back and never past its end; every short read is a <see cref="MalformedException"/> with its offset.</summary>
public ref struct ByteReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> bytes = bytes;

    /// <summary>Bytes read so far.</summary>
    public int Offset { get; private set; }

    public readonly int Remaining => bytes.Length - Offset;

    public ReadOnlySpan<byte> Bytes(int count, string what)
    {
        if (count < 0 || count > Remaining) throw new MalformedException(Offset, $"{what} needs {count} bytes, {Remaining} are left");
        var slice = bytes.Slice(Offset, count);
        Offset += count;
        return slice;
    }

    /// <summary>Bytes that follow their own count, a big-endian 16-bit integer (the TPM2B of TPM 2.0 part 1).</summary>
    public ReadOnlySpan<byte> Sized16(string what, int max = ushort.MaxValue)
    {
        var count = U16(what);
        if (count > max) throw new MalformedException(Offset, $"{what} has {count} bytes, {max} at most");
        return Bytes(count, what);
    }

    public byte U8(string what) => Bytes(1, what)[0];

    public ushort U16(string what) => BinaryPrimitives.ReadUInt16BigEndian(Bytes(2, what));

    public uint U32(string what) => BinaryPrimitives.ReadUInt32BigEndian(Bytes(4, what));

    public ulong U64(string what) => BinaryPrimitives.ReadUInt64BigEndian(Bytes(8, what));

    public ushort U16Little(string what) => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2, what));

    public uint U32Little(string what) => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4, what));

    public ulong U64Little(string what) => BinaryPrimitives.ReadUInt64LittleEndian(Bytes(8, what));

    /// <summary>Call last: whatever follows a complete structure is somebody's smuggled data.</summary>
    public readonly void End(string what)
    {
        if (Remaining != 0) throw new MalformedException(Offset, $"{Remaining} bytes follow the end of {what}");
    }
}
