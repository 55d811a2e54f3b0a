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
    public static LlamaWeights FromSafetensors(LlamaConfig config, IReadOnlyDictionary<string, Tensor> tensors)
    {
        var taken = new Taker(tensors);
        var (query, shared) = (config.Heads * config.HeadDimension, config.KeyValueHeads * config.HeadDimension);
        var embedding = taken.Matrix("model.embed_tokens.weight", config.Vocabulary, config.Dimension);
        var layers = Enumerable.Range(0, config.Layers).Select(layer =>
        {
            var name = $"model.layers.{layer}.";
            return new LayerWeights(
                taken.Vector(name + "input_layernorm.weight", config.Dimension),
                taken.Matrix(name + "self_attn.q_proj.weight", query, config.Dimension),
                taken.Matrix(name + "self_attn.k_proj.weight", shared, config.Dimension),
                taken.Matrix(name + "self_attn.v_proj.weight", shared, config.Dimension),
                taken.Matrix(name + "self_attn.o_proj.weight", config.Dimension, query),
                taken.Vector(name + "post_attention_layernorm.weight", config.Dimension),
                taken.Matrix(name + "mlp.gate_proj.weight", config.Hidden, config.Dimension),
                taken.Matrix(name + "mlp.up_proj.weight", config.Hidden, config.Dimension),
                taken.Matrix(name + "mlp.down_proj.weight", config.Dimension, config.Hidden))
            {
                QueryBias = config.Biases == true ? taken.Vector(name + "self_attn.q_proj.bias", query) : null,
                KeyBias = config.Biases == true ? taken.Vector(name + "self_attn.k_proj.bias", shared) : null,
                ValueBias = config.Biases == true ? taken.Vector(name + "self_attn.v_proj.bias", shared) : null,
            };
        }).ToList();
        var norm = taken.Vector("model.norm.weight", config.Dimension);
        var head = config.TiedHead ? embedding : taken.Matrix("lm_head.weight", config.Vocabulary, config.Dimension);
        taken.End(name => name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal) || (config.TiedHead && name == "lm_head.weight"));
        return new(embedding, layers, norm, head);
    }

    /// <summary>Hands out each tensor once and knows what was left.</summary>
    internal sealed class Taker(IReadOnlyDictionary<string, Tensor> tensors)
    {
        private readonly HashSet<string> left = [.. tensors.Keys];

        public Matrix Matrix(string name, int rows, int columns) =>
            new(Take(name) ?? throw new MalformedException(-1, $"the model has no {name}"), rows, columns);

        public Matrix Vector(string name, int length) => VectorIfThere(name, length) ?? throw new MalformedException(-1, $"the model has no {name}");

        public Matrix? VectorIfThere(string name, int length) => Take(name) is { } tensor ? new(tensor.Type, tensor.Expect(length).Data, 1, length) : null;

        public Tensor? Take(string name)
        {
            left.Remove(name);
            return tensors.GetValueOrDefault(name);
        }

        /// <summary>A tensor that nobody asked for would silently not count: it is refused unless it is known to be derived from the rest.</summary>
        public void End(Func<string, bool> derived)
        {
            if (left.FirstOrDefault(name => !derived(name)) is { } extra) throw new MalformedException(-1, $"{extra} is not part of this architecture");
        }
    }
}
