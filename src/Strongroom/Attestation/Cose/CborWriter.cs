using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Strongroom.Attestation.Cose;

/// <summary>Writes CBOR with shortest heads and definite lengths (RFC 8949 section 4.2.1). The caller writes as many items as it announced, and keys in ascending order of their bytes.</summary>
public sealed class CborWriter
{
    private readonly ArrayBufferWriter<byte> buffer = new();

    public CborWriter Number(long value) => value >= 0 ? Head(0, (ulong)value) : Head(1, (ulong)(-1 - value));

    public CborWriter Bytes(ReadOnlySpan<byte> value)
    {
        Head(2, (ulong)value.Length);
        buffer.Write(value);
        return this;
    }

    public CborWriter Text(string value)
    {
        var utf8 = Encoding.UTF8.GetBytes(value);
        Head(3, (ulong)utf8.Length);
        buffer.Write(utf8);
        return this;
    }

    public CborWriter Array(int count) => Head(4, (ulong)count);

    public CborWriter Map(int count) => Head(5, (ulong)count);

    public CborWriter Tag(ulong number) => Head(6, number);

    public CborWriter Null() => Head(7, 22);

    /// <summary>An item that is encoded already.</summary>
    public CborWriter Encoded(ReadOnlySpan<byte> item)
    {
        buffer.Write(item);
        return this;
    }

    public byte[] ToArray() => buffer.WrittenSpan.ToArray();

    private CborWriter Head(int major, ulong argument)
    {
        var size = argument < 24 ? 0 : argument <= byte.MaxValue ? 1 : argument <= ushort.MaxValue ? 2 : argument <= uint.MaxValue ? 4 : 8;
        var info = size switch { 0 => (int)argument, 1 => 24, 2 => 25, 4 => 26, _ => 27 };
        Span<byte> big = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(big, argument);
        buffer.Write([(byte)((major << 5) | info)]);
        buffer.Write(big[(8 - size)..]);
        return this;
    }
}
