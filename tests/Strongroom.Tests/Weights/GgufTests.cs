using System.Text;
using Strongroom.Bytes;
using Strongroom.Weights.Formats;

namespace Strongroom.Tests.Weights;

public sealed class GgufTests
{
    [Fact]
    public void Reads_each_tensor_where_it_lies()
    {
        using var files = new NativeFiles();
        var file = files.Add("m.gguf", Whole().ToArray());
        var gguf = Gguf.Parse(file);
        Assert.Equal("llama", gguf.Metadata.Text("general.architecture"));
        Assert.Equal([1L, 2L], gguf.Metadata.Integers("list"));
        Assert.Equal([2, 3], gguf.Tensors["a"].Shape); // the file says 3, 2: contiguous dimension first
        Assert.Equal(TensorType.Q8, gguf.Tensors["b"].Type);
        Assert.Equal(file.Address + file.Length - 64, gguf.Tensors["b"].Data);
    }

    [Fact]
    public void Refuses_a_file_cut_off_at_any_byte_that_counts()
    {
        var whole = Whole().ToArray();
        for (var length = 0; length < whole.Length - 30; length++) Refuse(whole[..length]); // the last 30 bytes are padding
    }

    [Fact]
    public void Refuses_bytes_after_the_last_tensor() => Refuse([.. Whole().ToArray(), 0]);

    [Fact]
    public void Refuses_another_magic_or_version()
    {
        Refuse(new GgufFile { Magic = "GGML" }.ToArray());
        Refuse(new GgufFile { Version = 2 }.ToArray());
        Refuse(new GgufFile { Version = 4 }.ToArray());
    }

    [Theory]
    [InlineData(65_537ul, 0ul)]
    [InlineData(ulong.MaxValue, 0ul)]
    [InlineData(0ul, 65_537ul)]
    [InlineData(0ul, 1ul << 63)]
    public void Refuses_counts_that_no_file_has(ulong tensors, ulong metadata) => Refuse(new GgufFile { Tensors = tensors, Entries = metadata }.ToArray());

    [Theory]
    [InlineData(9u)] // an array of arrays
    [InlineData(13u)]
    public void Refuses_array_elements_of_another_type(uint type) => Refuse(new GgufFile().Key("x").U32(9).U32(type).U64(0).ToArray());

    [Theory]
    [InlineData(0u, 1ul << 40)]
    [InlineData(0u, ulong.MaxValue)]
    [InlineData(8u, 1ul << 22)]
    [InlineData(4u, 1000ul)]
    public void Refuses_an_array_longer_than_the_file_before_making_room_for_it(uint type, ulong count) =>
        Refuse(new GgufFile().Key("x").U32(9).U32(type).U64(count).U64(0).ToArray());

    [Fact]
    public void Refuses_a_header_longer_than_any_model_has()
    {
        static byte[] Header(int length) => new GgufFile().Key("x").U32(8).U64((ulong)length).Raw(new byte[length]).ToArray();
        const int BeforeTheText = 24 + 9 + 4 + 8;
        Refuse(Header(GgufReader.MaxHeaderBytes - BeforeTheText + 1));
        using var files = new NativeFiles();
        Gguf.Parse(files.Add("m.gguf", Header(GgufReader.MaxHeaderBytes - BeforeTheText)));
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1ul << 40)]
    [InlineData(100ul)]
    public void Refuses_text_longer_than_the_file(ulong length) => Refuse(new GgufFile().Key("x").U32(8).U64(length).U64(0).ToArray());

    [Fact]
    public void Refuses_a_key_or_a_tensor_that_comes_twice()
    {
        Refuse(new GgufFile().Entry("x", 1).Entry("x", 1).ToArray());
        Refuse(new GgufFile().Tensor("a", 0, 0, 8).Tensor("a", 0, 32, 8).Data(64).ToArray());
    }

    [Fact]
    public void Refuses_text_that_is_not_UTF_8_and_truth_that_is_neither() 
    {
        Refuse(new GgufFile().RawKey([0xff]).U32(4).U32(1).ToArray());
        Refuse(new GgufFile().Key("x").U32(7).Raw([2]).ToArray());
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(-32L)]
    [InlineData(1L)]
    [InlineData(24L)]
    [InlineData(1L << 40)]
    public void Refuses_an_alignment_that_is_no_power_of_two_in_bounds(long alignment) =>
        Refuse(new GgufFile().Key("general.alignment").U32(11).U64(unchecked((ulong)alignment)).Tensor("a", 0, 0, 8).Data(32).ToArray());

    [Theory]
    [InlineData(4ul)] // unaligned
    [InlineData(64ul)] // a gap
    [InlineData(0ul)] // the first one's place
    [InlineData(1ul << 63)]
    [InlineData(ulong.MaxValue)]
    public void Refuses_a_second_tensor_anywhere_but_after_the_first(ulong offset) =>
        Refuse(new GgufFile().Tensor("a", 0, 0, 8).Tensor("b", 0, offset, 8).Data(128).ToArray());

    [Theory]
    [InlineData(0u, new ulong[] { 0 })]
    [InlineData(0u, new ulong[] { 1ul << 62, 4 })]
    [InlineData(0u, new ulong[] { 1ul << 32, 1ul << 32 })]
    [InlineData(0u, new ulong[] { ulong.MaxValue })]
    [InlineData(0u, new ulong[] { 2, 1, 1, 1, 1 })]
    [InlineData(0u, new ulong[] { })]
    [InlineData(8u, new ulong[] { 33 })] // not whole blocks
    [InlineData(2u, new ulong[] { 32 })] // Q4_0
    [InlineData(99u, new ulong[] { 8 })]
    [InlineData(0u, new ulong[] { 9 })] // one number beyond the file
    public void Refuses_a_shape_or_type_that_the_file_cannot_hold(uint type, ulong[] shape) => Refuse(new GgufFile().Tensor("a", type, 0, shape).Data(32).ToArray());

    private static GgufFile Whole() => new GgufFile()
        .Key("general.architecture").U32(8).Text("llama")
        .Key("list").U32(9).U32(5).U64(2).U32(1).U32(2)
        .Tensor("a", 0, 0, 3, 2).Tensor("b", 8, 32, 32).Data(32 + 64);

    private static void Refuse(byte[] content)
    {
        using var files = new NativeFiles();
        Assert.Throws<MalformedException>(() => Gguf.Parse(files.Add("m.gguf", content)));
    }
}

/// <summary>Writes GGUF files, well-formed or not.</summary>
internal sealed class GgufFile
{
    private readonly List<byte> metadata = [];
    private readonly List<byte> tensors = [];
    private int entryCount;
    private int tensorCount;
    private int dataBytes;
    private byte[]? data;

    public string Magic { get; init; } = "GGUF";

    public uint Version { get; init; } = 3;

    public ulong? Tensors { get; init; }

    public ulong? Entries { get; init; }

    public GgufFile Key(string key) => RawKey(Encoding.UTF8.GetBytes(key));

    public GgufFile RawKey(byte[] key)
    {
        entryCount++;
        return U64((ulong)key.Length).Raw(key);
    }

    public GgufFile Entry(string key, uint value) => Key(key).U32(4).U32(value);

    public GgufFile Entry(string key, float value) => Key(key).U32(6).U32(BitConverter.SingleToUInt32Bits(value));

    public GgufFile Entry(string key, string value) => Key(key).U32(8).Text(value);

    public GgufFile U32(uint value) => Raw(BitConverter.GetBytes(value));

    public GgufFile U64(ulong value) => Raw(BitConverter.GetBytes(value));

    public GgufFile Text(string value) => U64((ulong)Encoding.UTF8.GetByteCount(value)).Raw(Encoding.UTF8.GetBytes(value));

    public GgufFile Raw(byte[] bytes)
    {
        metadata.AddRange(bytes);
        return this;
    }

    public GgufFile Tensor(string name, uint type, ulong offset, params ulong[] shape)
    {
        tensorCount++;
        tensors.AddRange(BitConverter.GetBytes((ulong)name.Length).Concat(Encoding.UTF8.GetBytes(name)).Concat(BitConverter.GetBytes((uint)shape.Length)));
        tensors.AddRange(shape.SelectMany(BitConverter.GetBytes).Concat(BitConverter.GetBytes(type)).Concat(BitConverter.GetBytes(offset)));
        return this;
    }

    public GgufFile Data(int bytes)
    {
        dataBytes = bytes;
        return this;
    }

    public GgufFile Data(byte[] bytes)
    {
        data = bytes;
        return this;
    }

    public byte[] ToArray()
    {
        byte[] head =
        [
            .. Encoding.ASCII.GetBytes(Magic), .. BitConverter.GetBytes(Version), .. BitConverter.GetBytes(Tensors ?? (ulong)tensorCount),
            .. BitConverter.GetBytes(Entries ?? (ulong)entryCount), .. metadata, .. tensors,
        ];
        return [.. head, .. new byte[(32 - (head.Length % 32)) % 32], .. data ?? new byte[dataBytes]];
    }
}
