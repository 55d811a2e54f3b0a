using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;

namespace Strongroom.Tests.Weights;

/// <summary>Small models with random weights, written as their files would be.</summary>
internal sealed class TinyModel
{
    public int Dimension { get; init; } = 48;

    public int Hidden { get; init; } = 80;

    public int Layers { get; init; } = 2;

    public int Heads { get; init; } = 4;

    public int KeyValueHeads { get; init; } = 2;

    public int HeadDimension { get; init; } = 12;

    public int Vocabulary { get; init; } = 300;

    public bool Tied { get; init; }

    public bool Biases { get; init; }

    public string Type { get; init; } = "F32";

    public JsonNode? RopeScaling { get; init; }

    /// <summary>The weights as the stored type holds them.</summary>
    public Dictionary<string, (int[] Shape, float[] Values)> Tensors { get; } = [];

    public TinyModel Fill(int seed)
    {
        var random = new Random(seed);
        Add("model.embed_tokens.weight", Vocabulary, Dimension);
        for (var layer = 0; layer < Layers; layer++)
        {
            var name = $"model.layers.{layer}.";
            var (query, shared) = (Heads * HeadDimension, KeyValueHeads * HeadDimension);
            Add(name + "input_layernorm.weight", Dimension);
            Add(name + "self_attn.q_proj.weight", query, Dimension);
            Add(name + "self_attn.k_proj.weight", shared, Dimension);
            Add(name + "self_attn.v_proj.weight", shared, Dimension);
            Add(name + "self_attn.o_proj.weight", Dimension, query);
            Add(name + "post_attention_layernorm.weight", Dimension);
            Add(name + "mlp.gate_proj.weight", Hidden, Dimension);
            Add(name + "mlp.up_proj.weight", Hidden, Dimension);
            Add(name + "mlp.down_proj.weight", Dimension, Hidden);
            if (!Biases) continue;
            Add(name + "self_attn.q_proj.bias", query);
            Add(name + "self_attn.k_proj.bias", shared);
            Add(name + "self_attn.v_proj.bias", shared);
        }
        Add("model.norm.weight", Dimension);
        if (!Tied) Add("lm_head.weight", Vocabulary, Dimension);
        return this;

        void Add(string name, params int[] shape)
        {
            var values = new float[shape.Aggregate(1, (a, b) => a * b)];
            for (var i = 0; i < values.Length; i++) values[i] = Round((float)((random.NextDouble() - 0.5) * (shape.Length == 1 ? 2 : 3 / Math.Sqrt(shape[1]))));
            Tensors[name] = (shape, values);
        }
    }

    public JsonObject Config() => new()
    {
        ["model_type"] = Biases ? "qwen2" : "llama", ["hidden_size"] = Dimension, ["intermediate_size"] = Hidden, ["num_hidden_layers"] = Layers,
        ["num_attention_heads"] = Heads, ["num_key_value_heads"] = KeyValueHeads, ["head_dim"] = HeadDimension, ["vocab_size"] = Vocabulary,
        ["max_position_embeddings"] = 256, ["rms_norm_eps"] = 1e-5, ["rope_theta"] = 10000.0, ["hidden_act"] = "silu",
        ["tie_word_embeddings"] = Tied, ["bos_token_id"] = 256, ["eos_token_id"] = 257, ["rope_scaling"] = RopeScaling?.DeepClone(),
    };

    /// <summary>config.json, model.safetensors and a tokenizer whose tokens are the 256 bytes and two control tokens.</summary>
    public NativeFiles Files(Action<JsonObject>? change = null)
    {
        var config = Config();
        change?.Invoke(config);
        var files = new NativeFiles();
        files.Add("config.json", config.ToJsonString());
        files.Add("model.safetensors", Safetensors());
        files.Add("tokenizer.json", TokenizerFiles.Bytes().ToJsonString());
        return files;
    }

    public byte[] Safetensors() => SafetensorsFile([.. Tensors.Select(tensor => (tensor.Key, Type, tensor.Value.Shape, Stored(tensor.Value.Values)))]);

    public byte[] Stored(float[] values)
    {
        if (Type == "F32") return [.. values.SelectMany(BitConverter.GetBytes)];
        return [.. values.SelectMany(value => BitConverter.GetBytes(Type == "F16" ? BitConverter.HalfToUInt16Bits((Half)value) : (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16)))];
    }

    public static byte[] SafetensorsFile(params (string Name, string Type, int[] Shape, byte[] Data)[] tensors)
    {
        var header = new JsonObject();
        long at = 0;
        foreach (var (name, type, shape, data) in tensors)
        {
            header[name] = new JsonObject
            {
                ["dtype"] = type, ["shape"] = new JsonArray([.. shape.Select(extent => (JsonNode)extent)]), ["data_offsets"] = new JsonArray(at, at + data.Length),
            };
            at += data.Length;
        }
        return SafetensorsFile(header.ToJsonString(), [.. tensors.SelectMany(tensor => tensor.Data)]);
    }

    public static byte[] SafetensorsFile(string header, byte[] data)
    {
        var text = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        return [.. length, .. text, .. data];
    }

    private float Round(float value) => Type switch
    {
        "F16" => (float)(Half)value,
        "BF16" => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(value) & 0xffff0000),
        _ => value,
    };
}
