using Strongroom.Bytes;
using Strongroom.Weights.Formats;

namespace Strongroom.Weights.Models;

/// <summary>The tensors of one layer; biases where the model has them.</summary>
internal sealed record LayerWeights(
    Matrix AttentionNorm, Matrix Query, Matrix Key, Matrix Value, Matrix Output, Matrix FeedForwardNorm, Matrix Gate, Matrix Up, Matrix Down)
{
    public Matrix? QueryBias { get; init; }

    public Matrix? KeyBias { get; init; }

    public Matrix? ValueBias { get; init; }
}

/// <summary>The tensors of a decoder, each checked against the model's shape, all where they lie.</summary>
internal sealed record LlamaWeights(Matrix Embedding, IReadOnlyList<LayerWeights> Layers, Matrix Norm, Matrix Head)
{
    /// <exception cref="MalformedException">A tensor is missing, has another shape, or is not part of this architecture.</exception>
    public static LlamaWeights Read(LlamaConfig config, IReadOnlyDictionary<string, Tensor> tensors, LlamaNames names)
    {
        var taken = new Taker(tensors);
        var (query, shared) = (config.Heads * config.HeadDimension, config.KeyValueHeads * config.HeadDimension);
        var embedding = taken.Matrix(names.Embedding, config.Vocabulary, config.Dimension);
        var layers = Enumerable.Range(0, config.Layers).Select(layer =>
        {
            var prefix = $"{names.Layers}{layer}.";
            return new LayerWeights(
                taken.Vector(prefix + names.AttentionNorm, config.Dimension),
                taken.Matrix(prefix + names.Query, query, config.Dimension),
                taken.Matrix(prefix + names.Key, shared, config.Dimension),
                taken.Matrix(prefix + names.Value, shared, config.Dimension),
                taken.Matrix(prefix + names.Output, config.Dimension, query),
                taken.Vector(prefix + names.FeedForwardNorm, config.Dimension),
                taken.Matrix(prefix + names.Gate, config.Hidden, config.Dimension),
                taken.Matrix(prefix + names.Up, config.Hidden, config.Dimension),
                taken.Matrix(prefix + names.Down, config.Dimension, config.Hidden))
            {
                QueryBias = taken.Bias(prefix + names.Query, query, config.Biases),
                KeyBias = taken.Bias(prefix + names.Key, shared, config.Biases),
                ValueBias = taken.Bias(prefix + names.Value, shared, config.Biases),
            };
        }).ToList();
        var norm = taken.Vector(names.Norm, config.Dimension);
        var head = config.TiedHead ? embedding : taken.Matrix(names.Head, config.Vocabulary, config.Dimension);
        taken.End(name => names.IsDerived(name) || (config.TiedHead && name == names.Head + ".weight"));
        return new(embedding, layers, norm, head);
    }

    /// <summary>Hands out each tensor once and knows what was left.</summary>
    private sealed class Taker(IReadOnlyDictionary<string, Tensor> tensors)
    {
        private readonly HashSet<string> left = [.. tensors.Keys];

        public Matrix Matrix(string name, int rows, int columns) => new(Take(name + ".weight"), rows, columns);

        public Matrix Vector(string name, int length) => Row(Take(name + ".weight"), length);

        /// <param name="there">Null where only the file tells.</param>
        public Matrix? Bias(string name, int length, bool? there) =>
            there ?? left.Contains(name + ".bias") ? Row(Take(name + ".bias"), length) : null;

        /// <summary>A tensor that nobody asked for would silently not count: it is refused unless it is known to be derived from the rest.</summary>
        public void End(Func<string, bool> derived)
        {
            if (left.FirstOrDefault(name => !derived(name)) is { } extra) throw new MalformedException(-1, $"{extra} is not part of this architecture");
        }

        private Tensor Take(string name) => left.Remove(name) ? tensors[name] : throw new MalformedException(-1, $"the model has no {name}");

        private static Matrix Row(Tensor tensor, int length) => new(tensor.Type, tensor.Expect(length).Data, 1, length);
    }
}

/// <summary>What a kind of file calls the tensors of a decoder; <c>.weight</c> and <c>.bias</c> follow, and layers' names follow <paramref name="Layers"/> and the layer's number.</summary>
internal sealed record LlamaNames(
    string Embedding, string Layers, string AttentionNorm, string Query, string Key, string Value, string Output, string FeedForwardNorm, string Gate, string Up, string Down,
    string Norm, string Head)
{
    /// <summary>As Llama's own safetensors files call them.</summary>
    public static LlamaNames Safetensors { get; } = new(
        "model.embed_tokens", "model.layers.", "input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "post_attention_layernorm",
        "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj", "model.norm", "lm_head")
    {
        IsDerived = name => name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal),
    };

    /// <summary>Tensors that follow from the configuration, or are read with it.</summary>
    public required Func<string, bool> IsDerived { get; init; }
}
