using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Weights.Formats;

/// <summary>A GGUF file, version 3, little-endian: metadata, then tensors at aligned offsets without gaps beyond the padding.</summary>
public sealed class Gguf
{
    private const uint Magic = 0x46554747; // "GGUF"
    private const int MaxEntries = 65_536;
    private const int MaxName = 65_535;
    private const int MaxArray = 1 << 22;
    private const int MaxAlignment = 1 << 16;

    private Gguf(string name, GgufMetadata metadata, IReadOnlyDictionary<string, Tensor> tensors)
    {
        (Name, Metadata, Tensors) = (name, metadata, tensors);
    }

    public string Name { get; }

    public GgufMetadata Metadata { get; }

    public IReadOnlyDictionary<string, Tensor> Tensors { get; }

    /// <exception cref="MalformedException">
    /// Another version, a count, type or length out of bounds, a name twice, a tensor that is unaligned, outside the file, or overlaps or leaves a gap.
    /// </exception>
    public static Gguf Parse(ModelFile file)
    {
        var reader = new GgufReader(file);
        if (reader.U32("the magic number") != Magic) throw reader.Bad("not a GGUF file");
        if (reader.U32("the version") is not 3 and var version) throw reader.Bad($"GGUF version {version}, 3 is read");
        var tensorCount = reader.Count("the number of tensors", MaxEntries);
        var metadataCount = reader.Count("the number of metadata entries", MaxEntries);

        var values = new Dictionary<string, object>();
        for (var i = 0; i < metadataCount; i++)
        {
            var key = reader.Text("a key", MaxName);
            if (!values.TryAdd(key, ReadValue(reader, reader.U32("a type"), key))) throw reader.Bad($"{key} twice");
        }
        var metadata = new GgufMetadata(file.Name, values);
        var alignment = metadata.IntegerOr("general.alignment", 32);
        if (alignment is < 8 or > MaxAlignment || !long.IsPow2(alignment)) throw reader.Bad($"an alignment of {alignment} bytes");

        var entries = new List<Entry>();
        for (var i = 0; i < tensorCount; i++) entries.Add(ReadEntry(reader));
        return new(file.Name, metadata, Place(file, entries, Align(reader.Offset, alignment), alignment));
    }

    private static Entry ReadEntry(GgufReader reader)
    {
        var name = reader.Text("a tensor's name", MaxName);
        var dimensions = reader.U32("the number of dimensions");
        if (dimensions is < 1 or > 4) throw reader.Bad($"{name} has {dimensions} dimensions");
        var shape = new long[dimensions];
        // The file names the contiguous dimension first.
        for (var i = shape.Length - 1; i >= 0; i--) shape[i] = reader.Count("an extent", long.MaxValue);
        var type = reader.U32("a type") switch
        {
            0 => TensorType.F32,
            1 => TensorType.F16,
            8 => TensorType.Q8,
            30 => TensorType.BF16,
            var other => throw reader.Bad($"{name} has GGML type {other}; F32, F16, BF16 and Q8_0 are read"),
        };
        return new(name, type, shape, reader.Count("an offset", long.MaxValue));
    }

    private static Dictionary<string, Tensor> Place(ModelFile file, List<Entry> entries, long data, long alignment)
    {
        var tensors = new Dictionary<string, Tensor>();
        long next = 0;
        foreach (var entry in entries.OrderBy(entry => entry.Offset))
        {
            var size = Tensor.SizeInBytes(entry.Type, entry.Shape);
            if (size <= 0) throw new MalformedException(-1, $"{file.Name}: {entry.Name} has a shape that cannot be stored");
            if (entry.Offset != next) throw new MalformedException(-1, $"{file.Name}: {entry.Name} is unaligned, leaves a gap or overlaps its neighbour");
            if (data > file.Length) throw new MalformedException(file.Length, $"{file.Name}: ends before its tensors");
            var tensor = new Tensor(entry.Name, entry.Type, entry.Shape, file.At(data + entry.Offset, size, entry.Name));
            if (!tensors.TryAdd(entry.Name, tensor)) throw new MalformedException(-1, $"{file.Name}: {entry.Name} twice");
            next = Align(entry.Offset + size, alignment);
        }
        if (file.Length > data + next) throw new MalformedException(data + next, $"{file.Name}: bytes follow the last tensor");
        return tensors;
    }

    private static long Align(long offset, long alignment) => (offset + alignment - 1) / alignment * alignment;

    /// <summary>Whole numbers come as long, fractions as double, text as byte[]; arrays as arrays of these.</summary>
    private static object ReadValue(GgufReader reader, uint type, string key) => type switch
    {
        0 => (long)reader.U8(key),
        1 => (long)(sbyte)reader.U8(key),
        2 => (long)reader.U16(key),
        3 => (long)(short)reader.U16(key),
        4 => (long)reader.U32(key),
        5 => (long)unchecked((int)reader.U32(key)),
        6 => (double)BitConverter.UInt32BitsToSingle(reader.U32(key)),
        7 => reader.U8(key) switch { 0 => false, 1 => true, _ => throw reader.Bad($"{key} is neither true nor false") },
        8 => reader.Bytes(key, int.MaxValue),
        9 => ReadArray(reader, key),
        10 => reader.Count(key, long.MaxValue),
        11 => unchecked((long)reader.U64(key)),
        12 => BitConverter.UInt64BitsToDouble(reader.U64(key)),
        _ => throw reader.Bad($"{key} has type {type}"),
    };

    private static object ReadArray(GgufReader reader, string key)
    {
        var type = reader.U32("an array's type");
        if (type is 9 or > 12) throw reader.Bad($"{key} is an array of type {type}");
        // A count that the rest of the header cannot hold is refused before anything is allocated for it.
        var count = (int)reader.Count("an array's length", Math.Min(MaxArray, reader.Remaining / SmallestOf(type)));
        return type switch
        {
            8 => Read<byte[]>(),
            6 or 12 => Read<double>(),
            7 => Read<bool>(),
            _ => Read<long>(),
        };

        T[] Read<T>()
        {
            var items = new T[count];
            for (var i = 0; i < count; i++) items[i] = (T)ReadValue(reader, type, key);
            return items;
        }
    }

    /// <summary>The least that a value of the type takes in the file, in bytes; of a text its length.</summary>
    private static int SmallestOf(uint type) => type switch { 0 or 1 or 7 => 1, 2 or 3 => 2, 4 or 5 or 6 => 4, _ => 8 };

    private sealed record Entry(string Name, TensorType Type, long[] Shape, long Offset);
}

/// <summary>Reads the fields of a GGUF file's header, all before the tensors' data, front to back.</summary>
internal sealed class GgufReader(ModelFile file)
{
    /// <summary>Four times what the largest vocabulary takes. A text of one byte costs its reader five times as much memory as it takes in the file.</summary>
    internal const int MaxHeaderBytes = 32 << 20;

    public long Offset { get; private set; }

    /// <summary>Bytes that the header may still have.</summary>
    public long Remaining => Math.Min(file.Length, MaxHeaderBytes) - Offset;

    public byte U8(string what) => Take(1, what)[0];

    public ushort U16(string what) => BitConverter.ToUInt16(Take(2, what));

    public uint U32(string what) => BitConverter.ToUInt32(Take(4, what));

    public ulong U64(string what) => BitConverter.ToUInt64(Take(8, what));

    public long Count(string what, long max) => U64(what) is var count && count <= (ulong)max ? (long)count : throw Bad($"{what} is {count}, {max} at most");

    public byte[] Bytes(string what, int max) => Take((int)Count(what, Math.Min(max, Remaining)), what).ToArray();

    /// <exception cref="MalformedException">Not UTF-8.</exception>
    public string Text(string what, int max)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Bytes(what, max));
        }
        catch (DecoderFallbackException)
        {
            throw Bad($"{what} is not UTF-8");
        }
    }

    public MalformedException Bad(string what) => new(Offset, $"{file.Name}: {what}");

    private ReadOnlySpan<byte> Take(int count, string what)
    {
        if (Offset + count > MaxHeaderBytes) throw Bad($"{what} is beyond the {MaxHeaderBytes} bytes of the longest header");
        var slice = file.Slice(Offset, count, what);
        Offset += count;
        return slice;
    }
}
