using Strongroom.Bytes;
using Strongroom.Weights.Formats;

namespace Strongroom.Weights.Models;

/// <summary>Llama-architecture models in GGUF files, as llama.cpp names their metadata and tensors.</summary>
internal static class LlamaGguf
{
    /// <summary>What the architecture's own metadata may hold: each is read here, or changes no number where its value is the one demanded.</summary>
    private static readonly HashSet<string> Known =
    [
        "vocab_size", "context_length", "embedding_length", "block_count", "feed_forward_length", "tensor_data_layout", "expert_count", "expert_used_count",
        "attention.head_count", "attention.head_count_kv", "attention.layer_norm_rms_epsilon", "attention.key_length", "attention.value_length", "attention.sliding_window",
        "rope.dimension_count", "rope.freq_base", "rope.scaling.type", "rope.scaling.factor", "rope.scaling.original_context_length", "rope.scaling.finetuned",
    ];

    public static LlamaNames Names { get; } = new(
        "token_embd", "blk.", "attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down", "output_norm", "output")
    {
        IsDerived = name => name == "rope_freqs.weight",
    };

    /// <exception cref="MalformedException">Another architecture, or one that is computed in a way not written here.</exception>
    public static LlamaConfig ReadConfig(Gguf file)
    {
        var metadata = file.Metadata;
        var architecture = metadata.Text("general.architecture");
        if (architecture is not ("llama" or "qwen2")) throw metadata.Bad("general.architecture", $"is {architecture}, llama and qwen2 are read");
        string Key(string name) => $"{architecture}.{name}";
        foreach (var key in metadata.Keys.Where(key => key.StartsWith(architecture + ".", StringComparison.Ordinal)))
            if (!Known.Contains(key[(architecture.Length + 1)..])) throw metadata.Bad(key, "is not known here, and could change what the model computes");
        foreach (var name in (string[])["expert_count", "attention.sliding_window"])
            if (metadata.IntegerOr(Key(name), 0) != 0) throw metadata.Bad(Key(name), "is not supported");

        var heads = metadata.Extent(Key("attention.head_count"), 4096);
        var dimension = metadata.Extent(Key("embedding_length"), 1 << 20);
        var head = metadata.ExtentOr(Key("attention.key_length"), 4096, dimension / heads)!.Value;
        if (metadata.ExtentOr(Key("attention.value_length"), 4096, head) != head) throw metadata.Bad(Key("attention.value_length"), "is not the key's");
        if (metadata.ExtentOr(Key("rope.dimension_count"), 4096, head) != head) throw metadata.Bad(Key("rope.dimension_count"), "is not the head's");
        return new LlamaConfig
        {
            Dimension = dimension,
            Hidden = metadata.Extent(Key("feed_forward_length"), 1 << 20),
            Layers = metadata.Extent(Key("block_count"), 1024),
            Heads = heads,
            KeyValueHeads = metadata.ExtentOr(Key("attention.head_count_kv"), 4096, heads)!.Value,
            HeadDimension = head,
            Vocabulary = metadata.Texts("tokenizer.ggml.tokens")?.Count ?? metadata.Extent(Key("vocab_size"), 1 << 22),
            Context = metadata.Extent(Key("context_length"), 1 << 24),
            Epsilon = (float)metadata.NumberOr(Key("attention.layer_norm_rms_epsilon"), 0),
            RopeTheta = metadata.NumberOr(Key("rope.freq_base"), 10000),
            RopePairing = architecture == "qwen2" ? RopePairing.Halves : RopePairing.Neighbours,
            RopeScaling = ReadScaling(file, Key("rope.scaling."), head),
            TiedHead = !file.Tensors.ContainsKey("output.weight"),
            Begin = Token(metadata, "tokenizer.ggml.bos_token_id"),
            Ends = new[] { Token(metadata, "tokenizer.ggml.eos_token_id"), Token(metadata, "tokenizer.ggml.eot_token_id") }.OfType<int>().Distinct().ToList(),
        }.Checked(file.Name);
    }

    private static RopeScaling ReadScaling(Gguf file, string prefix, int head)
    {
        var factor = file.Metadata.NumberOr(prefix + "factor", 0);
        var type = file.Metadata.Text(prefix + "type") ?? (factor == 0 ? "none" : "linear"); // as llama.cpp takes a factor without a type
        if (file.Tensors.TryGetValue("rope_freqs.weight", out var divisors))
        {
            if (type != "none") throw file.Metadata.Bad(prefix + "type", "and rope_freqs.weight both scale positions");
            if (divisors.Type != TensorType.F32) throw file.Metadata.Bad("rope_freqs.weight", "is not F32");
            var row = new Matrix(TensorType.F32, divisors.Expect(head / 2).Data, 1, head / 2);
            var values = Enumerable.Range(0, head / 2).Select(pair => (double)Kernels.Load(row, pair)).ToList();
            if (!values.All(value => double.IsFinite(value) && value > 0)) throw file.Metadata.Bad("rope_freqs.weight", "is not positive");
            return new RopeScaling.Divisors(values);
        }
        return type switch
        {
            "none" => RopeScaling.None,
            "linear" when factor > 0 && double.IsFinite(factor) => new RopeScaling.Linear(factor),
            "linear" => throw file.Metadata.Bad(prefix + "factor", "is not a positive number"),
            _ => throw file.Metadata.Bad(prefix + "type", $"is {type}; none and linear are read"),
        };
    }

    private static int? Token(GgufMetadata metadata, string key) => metadata.IntegerOr(key, -1) switch
    {
        -1 => null,
        >= 0 and <= int.MaxValue and var token => (int)token,
        _ => throw metadata.Bad(key, "is not a token"),
    };
}
