using System.Text;
using Strongroom.Bytes;
using Strongroom.Weights.Formats;

namespace Strongroom.Tests.Weights;

public sealed class SafetensorsTests
{
    private static readonly byte[] Whole = TinyModel.SafetensorsFile(
        ("a", "F32", [2, 3], new byte[24]), ("b", "BF16", [4], [1, 2, 3, 4, 5, 6, 7, 8]), ("c", "F16", [0], []), ("d", "F32", [], [9, 9, 9, 9]));

    [Fact]
    public void Reads_each_tensor_where_it_lies()
    {
        using var files = new NativeFiles();
        var file = files.Add("model.safetensors", Whole);
        var tensors = Safetensors.Parse(file);
        Assert.Equal(["a", "b", "c", "d"], tensors.Keys.Order());
        Assert.Equal(file.Address + file.Length - 12, tensors["b"].Data);
        Assert.Equal([2, 3], tensors["a"].Shape);
        Assert.Equal(TensorType.BF16, tensors["b"].Type);
        Assert.Empty(tensors["d"].Shape);
    }

    [Fact]
    public void Refuses_a_file_cut_off_at_any_byte()
    {
        for (var length = 0; length < Whole.Length; length++) Refuse(Whole[..length]);
    }

    [Fact]
    public void Refuses_bytes_after_the_last_tensor() => Refuse([.. Whole, 0]);

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""")] // overlap
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""")] // gap
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""")] // does not begin at 0
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""")] // twice
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"b":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""")] // two names for the same bytes
    [InlineData("""{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,12]}}""")] // shape too large
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}}""")] // shape too small
    [InlineData("""{"a":{"dtype":"F32","shape":[-3],"data_offsets":[0,12]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[12,0]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,16]}}""")] // outside the file
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4,3],"data_offsets":[0,12]}}""")] // the product overflows to 0 * 3
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296,3],"data_offsets":[0,12]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,12]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3.0],"data_offsets":[0,12]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":["3"],"data_offsets":[0,12]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,3],"data_offsets":[0,12]}}""")]
    [InlineData("""{"a":{"dtype":"I32","shape":[3],"data_offsets":[0,12]}}""")]
    [InlineData("""{"a":{"dtype":"f32","shape":[3],"data_offsets":[0,12]}}""")]
    [InlineData("""{"a":{"shape":[3],"data_offsets":[0,12]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12],"stride":[4]}}""")]
    [InlineData("""{"a":{"dtype":"F32","dtype":"F32","shape":[3],"data_offsets":[0,12]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12,12]}}""")]
    [InlineData("""{"a":[3]}""")]
    [InlineData("""{"__metadata__":{"format":3},"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""")]
    [InlineData("""[{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}]""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}} {}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},}""")]
    [InlineData("{}")]
    public void Refuses_a_header_that_does_not_describe_the_file(string header) => Refuse(TinyModel.SafetensorsFile(header, new byte[12]));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100_000_001)]
    [InlineData(-1)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void Refuses_a_header_length_out_of_bounds(long length) => Refuse([.. BitConverter.GetBytes(length), .. Whole[8..]]);

    [Fact]
    public void Refuses_more_tensors_than_any_model_has()
    {
        var header = new StringBuilder("{");
        for (var i = 0; i < 65_537; i++) header.Append(i == 0 ? "" : ",").Append($"\"{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}");
        Refuse(TinyModel.SafetensorsFile(header.Append('}').ToString(), []));
    }

    [Fact]
    public void Refuses_nesting_that_would_exhaust_the_stack() => Refuse(TinyModel.SafetensorsFile(new string('[', 1 << 20), []));

    [Theory]
    [InlineData("""{"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}""", true)]
    [InlineData("""{"metadata":{"total_size":8},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}""", true)]
    [InlineData("""{"weight_map":{"a":"two.safetensors","b":"one.safetensors"}}""", false)]
    [InlineData("""{"weight_map":{"a":"one.safetensors"}}""", false)]
    [InlineData("""{"weight_map":{"a":"one.safetensors","b":"two.safetensors","c":"two.safetensors"}}""", false)]
    [InlineData("""{"weight_map":{"a":"one.safetensors","b":"../two.safetensors"}}""", false)]
    [InlineData("""{"weight_map":["a","b"]}""", false)]
    [InlineData("{}", false)]
    [InlineData(null, false)]
    public void Several_files_need_an_index_that_says_exactly_what_they_hold(string? index, bool good)
    {
        using var files = new NativeFiles();
        files.Add("one.safetensors", TinyModel.SafetensorsFile(("a", "F32", [1], new byte[4])));
        files.Add("two.safetensors", TinyModel.SafetensorsFile(("b", "F32", [1], new byte[4])));
        if (index is not null) files.Add("model.safetensors.index.json", index);
        if (good) Assert.Equal(2, Safetensors.ParseAll(files.All).Count);
        else Assert.Throws<MalformedException>(() => Safetensors.ParseAll(files.All));
    }

    [Fact]
    public void Refuses_one_name_in_two_files()
    {
        using var files = new NativeFiles();
        files.Add("one.safetensors", TinyModel.SafetensorsFile(("a", "F32", [1], new byte[4])));
        files.Add("two.safetensors", TinyModel.SafetensorsFile(("a", "F32", [1], new byte[4])));
        files.Add("model.safetensors.index.json", """{"weight_map":{"a":"one.safetensors"}}""");
        Assert.Throws<MalformedException>(() => Safetensors.ParseAll(files.All));
    }

    private static void Refuse(byte[] content)
    {
        using var files = new NativeFiles();
        Assert.Throws<MalformedException>(() => Safetensors.Parse(files.Add("model.safetensors", content)));
    }
}
