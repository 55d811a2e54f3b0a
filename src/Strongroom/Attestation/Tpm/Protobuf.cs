using Strongroom.Bytes;

namespace Strongroom.Attestation.Tpm;

/// <summary>The fields of one protobuf message (protobuf.dev, "Encoding"): enough to read an attest.Attestation without a code generator.</summary>
internal sealed class Protobuf
{
    private const int MaxFields = 1024;

    private readonly List<(uint Field, ulong Number, ReadOnlyMemory<byte>? Bytes)> fields = [];

    private Protobuf()
    {
    }

    /// <exception cref="MalformedException">Not a message from its first byte to its last.</exception>
    public static Protobuf Read(ReadOnlyMemory<byte> bytes)
    {
        var message = new Protobuf();
        var reader = new ByteReader(bytes.Span);
        while (reader.Remaining > 0)
        {
            if (message.fields.Count == MaxFields) throw new MalformedException(reader.Offset, $"{MaxFields} fields at most");
            var tag = Varint(ref reader);
            if (tag is 0 or > uint.MaxValue) throw new MalformedException(reader.Offset, "a field without a number");
            var field = (uint)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    message.fields.Add((field, Varint(ref reader), null));
                    break;
                case 1:
                    reader.Bytes(8, "a number");
                    break;
                case 2:
                    var length = Varint(ref reader);
                    if (length > (ulong)reader.Remaining) throw new MalformedException(reader.Offset, "a field is longer than what is left");
                    message.fields.Add((field, 0, bytes.Slice(reader.Offset, (int)length)));
                    reader.Bytes((int)length, "a field");
                    break;
                case 5:
                    reader.Bytes(4, "a number");
                    break;
                default:
                    throw new MalformedException(reader.Offset, "a field of no known form");
            }
        }
        return message;
    }

    public IEnumerable<ReadOnlyMemory<byte>> All(uint field) => fields.Where(each => each.Field == field && each.Bytes is not null).Select(each => each.Bytes!.Value);

    /// <exception cref="MalformedException">It is missing, or there twice: readers differ in which of two they take.</exception>
    public ReadOnlyMemory<byte> Single(uint field, string what) => All(field).ToList() is [var only] ? only : throw new MalformedException(-1, $"{what} is not there exactly once");

    /// <summary>A number, 0 where it is left out.</summary>
    public ulong Number(uint field) => fields.Where(each => each.Field == field && each.Bytes is null).ToList() switch
    {
        [] => 0,
        [var only] => only.Number,
        _ => throw new MalformedException(-1, $"field {field} is there twice"),
    };

    private static ulong Varint(ref ByteReader reader)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = reader.U8("a number");
            if (shift == 63 && next > 1) break;
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return next == 0 && shift > 0 ? throw new MalformedException(reader.Offset, "a number is written longer than it is") : value;
        }
        throw new MalformedException(reader.Offset, "a number has more than 64 bits");
    }
}
