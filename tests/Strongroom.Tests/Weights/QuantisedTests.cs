using Strongroom.Bytes;
using Strongroom.Weights.Formats;
using Strongroom.Weights.Models;

namespace Strongroom.Tests.Weights;

/// <summary>GGUF files of a small model, F32 beside Q8_0 whose blocks hold exactly the same numbers.</summary>
public sealed class QuantisedTests
{
    private const int Dimension = 64, Hidden = 96, Vocabulary = 260;

    [Fact]
    public void Q8_0_gives_the_logits_of_the_numbers_that_its_blocks_stand_for()
    {
        using var files = new NativeFiles();
        using var exact = LlamaModel.Load([files.Add("exact.gguf", Build(quantised: false))], 1);
        using var blocks = LlamaModel.Load([files.Add("blocks.gguf", Build(quantised: true))], 2);
        using var a = new Session(exact, WorkingMemory.Ordinary, 32);
        using var b = new Session(blocks, WorkingMemory.Ordinary, 32);
        for (var i = 0; i < 20; i++)
        {
            a.Read([(i * 13) % Vocabulary]);
            b.Read([(i * 13) % Vocabulary]);
            for (var token = 0; token < Vocabulary; token++) Assert.Equal(a.Logits[token], b.Logits[token], 1e-3f);
        }
    }

    [Theory]
    [InlineData("general.architecture", "gemma")]
    [InlineData("tokenizer.ggml.model", "bert")]
    [InlineData("tokenizer.ggml.pre", "mystery")]
    [InlineData("llama.rope.scaling.type", "yarn")]
    [InlineData("llama.context_length", "64")] // text where a number belongs
    [InlineData("llama.rope.scale_linear", 4f)]
    [InlineData("llama.attention.clamp_kqv", 1f)]
    [InlineData("llama.rope.scaling.attn_factor", 1f)]
    [InlineData("llama.attention.sliding_window", 16u)]
    [InlineData("llama.expert_count", 8u)]
    public void Refuses_metadata_that_is_not_known(string key, object value)
    {
        using var files = new NativeFiles();
        Assert.Throws<MalformedException>(() => LlamaModel.Load([files.Add("m.gguf", Build(quantised: false, (key, value)))], 1));
    }

    [Fact]
    public void A_factor_of_positions_without_a_type_is_linear()
    {
        float[] Logits(params (string, object?)[] changes)
        {
            using var files = new NativeFiles();
            using var model = LlamaModel.Load([files.Add("m.gguf", Build(quantised: false, changes))], 1);
            using var session = new Session(model, WorkingMemory.Ordinary, 32);
            session.Read([1, 2, 3, 4, 5]);
            return session.Logits.ToArray();
        }

        const string Type = "llama.rope.scaling.type", Factor = "llama.rope.scaling.factor";
        Assert.Equal(Logits((Type, "linear"), (Factor, 4f)), Logits((Type, null), (Factor, 4f)));
        Assert.NotEqual(Logits((Type, "none"), (Factor, 4f)), Logits((Type, null), (Factor, 4f)));
    }

    /// <param name="changes">Of the metadata; null leaves an entry out.</param>
    internal static byte[] Build(bool quantised, params (string Key, object? Value)[] changes)
    {
        var file = new GgufFile();
        var metadata = new Dictionary<string, object?>
        {
            ["general.architecture"] = "llama", ["llama.context_length"] = 64u, ["llama.embedding_length"] = (uint)Dimension, ["llama.feed_forward_length"] = (uint)Hidden,
            ["llama.block_count"] = 1u, ["llama.attention.head_count"] = 4u, ["llama.attention.layer_norm_rms_epsilon"] = 1e-5f,
            ["llama.rope.scaling.type"] = "none", ["tokenizer.ggml.model"] = "gpt2", ["tokenizer.ggml.pre"] = "gpt-2",
        };
        foreach (var (key, value) in changes) metadata[key] = value;
        foreach (var (key, value) in metadata)
        {
            if (value is string text) file.Entry(key, text);
            else if (value is float number) file.Entry(key, number);
            else if (value is uint whole) file.Entry(key, whole);
        }
        string[] tokens = [.. TokenizerFiles.Letters(), "ab", "cd", "ef", "gh"];
        file.Key("tokenizer.ggml.tokens").U32(9).U32(8).U64((ulong)tokens.Length);
        foreach (var token in tokens) file.Text(token);
        file.Key("tokenizer.ggml.merges").U32(9).U32(8).U64(1).Text("a b");

        var random = new Random(9);
        var data = new List<byte>();
        Vector("output_norm.weight", Dimension);
        Vector("blk.0.attn_norm.weight", Dimension);
        Vector("blk.0.ffn_norm.weight", Dimension);
        Matrix("token_embd.weight", Vocabulary, Dimension);
        foreach (var name in (string[])["attn_q", "attn_k", "attn_v", "attn_output"]) Matrix($"blk.0.{name}.weight", Dimension, Dimension);
        Matrix("blk.0.ffn_gate.weight", Hidden, Dimension);
        Matrix("blk.0.ffn_up.weight", Hidden, Dimension);
        Matrix("blk.0.ffn_down.weight", Dimension, Hidden);
        return file.Data([.. data]).ToArray();

        void Vector(string name, int length)
        {
            file.Tensor(name, 0, (ulong)data.Count, (ulong)length);
            for (var i = 0; i < length; i++) data.AddRange(BitConverter.GetBytes((float)(0.5 + random.NextDouble())));
            Pad();
        }

        void Matrix(string name, int rows, int columns)
        {
            file.Tensor(name, quantised ? 8u : 0u, (ulong)data.Count, (ulong)columns, (ulong)rows);
            for (var block = 0; block < rows * columns / 32; block++)
            {
                var scale = (Half)(0.001 + (random.NextDouble() * 0.002));
                var numbers = Enumerable.Range(0, 32).Select(_ => (sbyte)random.Next(-128, 128)).ToArray();
                if (quantised) data.AddRange([.. BitConverter.GetBytes(scale), .. numbers.Select(n => unchecked((byte)n))]);
                else data.AddRange(numbers.SelectMany(n => BitConverter.GetBytes((float)scale * n)));
            }
            Pad();
        }

        void Pad()
        {
            while (data.Count % 32 != 0) data.Add(0);
        }
    }
}
