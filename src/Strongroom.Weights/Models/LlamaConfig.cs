using System.Text.Json;
using Strongroom.Bytes;
using Strongroom.Weights.Formats;

namespace Strongroom.Weights.Models;

/// <summary>Which two numbers of a head rotary embedding turns together.</summary>
public enum RopePairing
{
    /// <summary>i and i + half the head: Hugging Face's files, and GGUF's of the qwen2 architecture.</summary>
    Halves,

    /// <summary>2i and 2i + 1: GGUF's files of the llama architecture.</summary>
    Neighbours,
}

/// <summary>The shape of a Llama-architecture decoder. Every extent is at least 1 and small enough that no product of two overflows.</summary>
public sealed record LlamaConfig
{
    private const int MaxJsonBytes = 1 << 20;

    public required int Dimension { get; init; }

    public required int Hidden { get; init; }

    public required int Layers { get; init; }

    public required int Heads { get; init; }

    public required int KeyValueHeads { get; init; }

    public required int HeadDimension { get; init; }

    public required int Vocabulary { get; init; }

    /// <summary>Tokens that the model can look back on, the one being made included.</summary>
    public required int Context { get; init; }

    public required float Epsilon { get; init; }

    public required double RopeTheta { get; init; }

    public required RopePairing RopePairing { get; init; }

    public RopeScaling RopeScaling { get; init; } = RopeScaling.None;

    /// <summary>The embedding is the output head as well.</summary>
    public required bool TiedHead { get; init; }

    /// <summary>Query, key and value have biases; null: where the file holds them (GGUF does not say).</summary>
    public bool? Biases { get; init; }

    public int? Begin { get; init; }

    /// <summary>Tokens that end an answer.</summary>
    public IReadOnlyList<int> Ends { get; init; } = [];

    /// <summary>Reads a Hugging Face config.json. Members that change the arithmetic in a way not written here are refused; others are ignored.</summary>
    /// <exception cref="MalformedException">Not a Llama-architecture decoder that is computed exactly as described.</exception>
    public static LlamaConfig ParseJson(ModelFile file)
    {
        using var json = file.Json(MaxJsonBytes);
        var members = new JsonMembers(file.Name, json.RootElement);
        var type = members.Text("model_type") ?? members.FirstText("architectures") switch
        {
            "LlamaForCausalLM" => "llama",
            "MistralForCausalLM" => "mistral",
            "Qwen2ForCausalLM" => "qwen2",
            var other => other,
        };
        if (type is not ("llama" or "mistral" or "qwen2")) throw new MalformedException(-1, $"{file.Name}: model_type {type} is not llama, mistral or qwen2");
        members.Only("hidden_act", "silu");
        members.Only("pretraining_tp", 1);
        members.Only("mlp_bias", false);
        members.Only("use_sliding_window", false);
        members.Absent("quantization_config");
        members.Absent("attn_logit_softcapping");
        members.Absent("partial_rotary_factor");

        foreach (var layer in members.Items("layer_types"))
        {
            if (layer.ValueKind != JsonValueKind.String || !layer.ValueEquals("full_attention"))
                throw members.Bad("layer_types", "has one that is not full_attention");
        }

        // Newer files keep everything about positions in one object; a file with both could mean either.
        var rope = members.Object("rope_parameters");
        if (rope is not null && (members["rope_theta"] ?? members["rope_scaling"]) is not null)
            throw members.Bad("rope_parameters", "comes beside rope_theta or rope_scaling");
        var scaling = rope ?? members.Object("rope_scaling");
        scaling?.Absent("partial_rotary_factor");

        var heads = members.Extent("num_attention_heads", 4096);
        var dimension = members.Extent("hidden_size", 1 << 20);
        var context = members.Extent("max_position_embeddings", 1 << 24);
        // A Mistral file that says nothing of a window means 4096, as its class does; null means none.
        var window = type != "mistral" ? context : members.Has("sliding_window") ? members.ExtentOr("sliding_window", 1 << 24, context) : 4096;
        return new LlamaConfig
        {
            Dimension = dimension,
            Hidden = members.Extent("intermediate_size", 1 << 20),
            Layers = members.Extent("num_hidden_layers", 1024),
            Heads = heads,
            KeyValueHeads = members.ExtentOr("num_key_value_heads", 4096, heads),
            HeadDimension = members.ExtentOr("head_dim", 4096, dimension / heads),
            Vocabulary = members.Extent("vocab_size", 1 << 22),
            Context = Math.Min(context, window),
            Epsilon = (float)members.NumberOr("rms_norm_eps", 1e-6),
            RopeTheta = (rope ?? members).NumberOr("rope_theta", 10000),
            RopePairing = RopePairing.Halves,
            RopeScaling = RopeScaling.ParseJson(scaling),
            TiedHead = members.FlagOr("tie_word_embeddings", false),
            Biases = type == "qwen2" || members.FlagOr("attention_bias", false),
            Begin = members.Tokens("bos_token_id") is [var begin, ..] ? begin : null,
            Ends = members.Tokens("eos_token_id"),
        }.Checked(file.Name);
    }

    /// <summary>Adds the tokens that generation_config.json lets an answer end with.</summary>
    /// <exception cref="MalformedException">Not an object, or a token outside the vocabulary.</exception>
    internal LlamaConfig WithEnds(ModelFile generation)
    {
        using var json = generation.Json(MaxJsonBytes);
        var ends = new JsonMembers(generation.Name, json.RootElement).Tokens("eos_token_id");
        return (this with { Ends = [.. Ends.Concat(ends).Distinct()] }).Checked(generation.Name);
    }

    internal LlamaConfig Checked(string name)
    {
        if (HeadDimension < 2 || HeadDimension % 2 != 0)
            throw new MalformedException(-1, $"{name}: a head of {HeadDimension} numbers cannot be turned in pairs");
        if (Heads % KeyValueHeads != 0) throw new MalformedException(-1, $"{name}: {Heads} heads cannot share {KeyValueHeads} key heads evenly");
        if (!(Epsilon > 0 && Epsilon < 1)) throw new MalformedException(-1, $"{name}: epsilon {Epsilon} is not between 0 and 1");
        if (!(RopeTheta > 1 && RopeTheta < 1e12)) throw new MalformedException(-1, $"{name}: rope_theta {RopeTheta} is out of range");
        if (Ends.Append(Begin ?? 0).Any(token => token < 0 || token >= Vocabulary)) throw new MalformedException(-1, $"{name}: a token outside the vocabulary");
        return this;
    }
}
