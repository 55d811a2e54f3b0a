using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Weights.Models;

namespace Strongroom.Tests.Weights;

public sealed class DecoderTests
{
    private static readonly int[] Text = [.. Enumerable.Range(0, 45).Select(i => (i * 37) % 256)];

    public static TheoryData<string, bool, bool> Shapes => new()
    {
        { "F32", false, false }, { "F32", true, true }, { "BF16", false, true }, { "F16", true, false },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Logits_equal_the_definition_computed_in_doubles(string type, bool tied, bool biases)
    {
        var tiny = new TinyModel { Type = type, Tied = tied, Biases = biases }.Fill(1);
        using var files = tiny.Files();
        using var model = LlamaModel.Load(files.All, 2);
        using var session = new Session(model, WorkingMemory.Ordinary, 64);
        var naive = new NaiveLlama(tiny, pair => Math.Pow(10000, -2.0 * pair / 12));
        foreach (var token in Text)
        {
            session.Read([token]);
            Close(naive.Next(token), session.Logits);
        }
    }

    [Fact]
    public void Llama3_rope_scaling_keeps_short_waves_and_stretches_long_ones()
    {
        var scaling = JsonNode.Parse("""{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":64}""");
        var tiny = new TinyModel { RopeScaling = scaling }.Fill(2);
        using var files = tiny.Files();
        using var model = LlamaModel.Load(files.All, 1);
        using var session = new Session(model, WorkingMemory.Ordinary, 64);
        var naive = new NaiveLlama(tiny, pair =>
        {
            var frequency = Math.Pow(10000, -2.0 * pair / 12);
            var wave = 2 * Math.PI / frequency;
            if (wave < 64 / 4.0) return frequency;
            if (wave > 64 / 1.0) return frequency / 8;
            var smooth = ((64 / wave) - 1) / (4 - 1);
            return ((1 - smooth) * frequency / 8) + (smooth * frequency);
        });
        foreach (var token in Text)
        {
            session.Read([token]);
            Close(naive.Next(token), session.Logits);
        }
    }

    [Fact]
    public void The_newer_spelling_of_positions_means_the_same()
    {
        var tiny = new TinyModel().Fill(9);
        float[] Logits(Action<JsonObject>? change)
        {
            using var files = tiny.Files(change);
            using var model = LlamaModel.Load(files.All, 1);
            using var session = new Session(model, WorkingMemory.Ordinary, 64);
            session.Read(Text);
            return session.Logits.ToArray();
        }

        void Newer(JsonObject config)
        {
            config.Remove("rope_theta");
            config["rope_parameters"] = JsonNode.Parse("""{"rope_theta":500.0,"rope_type":"linear","factor":2.0}""");
        }

        void Older(JsonObject config)
        {
            config["rope_theta"] = 500.0;
            config["rope_scaling"] = JsonNode.Parse("""{"type":"linear","factor":2.0}""");
        }

        Assert.Equal(Logits(Older), Logits(Newer));
        Assert.NotEqual(Logits(null), Logits(Newer));
    }

    [Theory]
    [InlineData("""{"sliding_window":100}""", 100)]
    [InlineData("""{"sliding_window":null}""", 9000)]
    [InlineData("{}", 4096)] // what a Mistral file means that does not say it
    public void Mistral_looks_back_as_far_as_its_window(string window, int context)
    {
        var config = new TinyModel().Config();
        (config["model_type"], config["max_position_embeddings"]) = ("mistral", 9000);
        foreach (var (name, value) in JsonNode.Parse(window)!.AsObject()) config[name] = value?.DeepClone();
        using var files = new NativeFiles();
        Assert.Equal(context, LlamaConfig.ParseJson(files.Add("config.json", config.ToJsonString())).Context);
    }

    [Fact]
    public void Refuses_biases_that_the_config_does_not_speak_of()
    {
        using var files = new TinyModel { Biases = true }.Fill(10).Files(config => config["model_type"] = "llama");
        Assert.Throws<MalformedException>(() => LlamaModel.Load(files.All, 1));
    }

    [Theory]
    [InlineData("F32")]
    [InlineData("BF16")]
    [InlineData("F16")]
    public void A_prompt_read_at_once_gives_the_same_bits_as_token_by_token_on_any_number_of_threads(string type)
    {
        using var files = new TinyModel { Type = type, Hidden = 77, Vocabulary = 301 }.Fill(3).Files();
        float[]? expected = null;
        foreach (var threads in (int[])[1, 2, 3])
        {
            using var model = LlamaModel.Load(files.All, threads);
            foreach (var piece in (int[])[1, 7, Session.Batch, Text.Length])
            {
                using var session = new Session(model, WorkingMemory.Ordinary, 64);
                foreach (var tokens in Text.Chunk(piece)) session.Read(tokens);
                expected ??= session.Logits.ToArray();
                Assert.Equal(expected, session.Logits.ToArray());
            }
        }
    }

    [Fact]
    public void Sessions_on_several_threads_do_not_disturb_each_other()
    {
        using var files = new TinyModel().Fill(4).Files();
        using var model = LlamaModel.Load(files.All, 2);
        float[] Alone(int first)
        {
            using var session = new Session(model, WorkingMemory.Ordinary, 64);
            for (var i = 0; i < 40; i++) session.Read([(first + (i * 11)) % 256]);
            return session.Logits.ToArray();
        }

        var expected = Enumerable.Range(0, 8).Select(Alone).ToArray();
        var together = new float[8][];
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => together[i] = Alone(i));
        Assert.Equal(expected, together);
    }

    [Fact]
    public void A_session_rewound_is_as_if_it_had_never_read_on()
    {
        using var files = new TinyModel().Fill(5).Files();
        using var model = LlamaModel.Load(files.All, 1);
        using var session = new Session(model, WorkingMemory.Ordinary, 64);
        session.Read(Text.AsSpan(0, 20));
        var expected = session.Logits.ToArray();
        session.Rewind(10);
        session.Read([1, 2, 3]);
        session.Rewind(10);
        session.Read(Text.AsSpan(10, 10));
        Assert.Equal(expected, session.Logits.ToArray());
    }

    [Fact]
    public void A_session_refuses_tokens_that_do_not_fit_or_do_not_exist()
    {
        using var files = new TinyModel().Fill(6).Files();
        using var model = LlamaModel.Load(files.All, 1);
        using var session = new Session(model, WorkingMemory.Ordinary, 4);
        Assert.Throws<ArgumentException>(() => session.Read([]));
        Assert.Throws<ArgumentException>(() => session.Read([300]));
        Assert.Throws<ArgumentException>(() => session.Read([-1]));
        Assert.Throws<ArgumentException>(() => session.Read([1, 2, 3, 4, 5]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Session(model, WorkingMemory.Ordinary, 257));
        session.Read([1, 2, 3, 4]);
        Assert.Throws<ArgumentException>(() => session.Read([5]));
    }

    [Theory]
    [InlineData("rope_scaling", """{"rope_type":"yarn","factor":4.0}""")]
    [InlineData("rope_scaling", """{"rope_type":"linear","factor":0}""")]
    [InlineData("rope_scaling", """{"rope_type":"linear","factor":2.0,"partial_rotary_factor":0.5}""")]
    [InlineData("hidden_act", "\"gelu\"")]
    [InlineData("model_type", "\"gemma\"")]
    [InlineData("quantization_config", "{}")]
    [InlineData("partial_rotary_factor", "0.5")]
    [InlineData("rope_parameters", """{"rope_theta":10000.0,"rope_type":"default"}""")] // beside rope_theta
    [InlineData("layer_types", """["full_attention","sliding_attention"]""")]
    [InlineData("attention_bias", "true")] // without the tensors
    [InlineData("use_sliding_window", "true")]
    [InlineData("mlp_bias", "true")]
    [InlineData("num_attention_heads", "3")]
    [InlineData("num_key_value_heads", "3")]
    [InlineData("hidden_size", "0")]
    [InlineData("hidden_size", "-48")]
    [InlineData("hidden_size", "48.5")]
    [InlineData("hidden_size", "99999999999")]
    [InlineData("num_hidden_layers", "2000000000")]
    [InlineData("num_hidden_layers", "3")]
    [InlineData("num_hidden_layers", "1")]
    [InlineData("vocab_size", "301")]
    [InlineData("head_dim", "11")]
    [InlineData("rms_norm_eps", "-1")]
    [InlineData("rope_theta", "\"10000\"")]
    [InlineData("eos_token_id", "300")]
    [InlineData("tie_word_embeddings", "\"yes\"")]
    public void Refuses_a_config_that_is_computed_otherwise_or_does_not_fit_the_tensors(string member, string value)
    {
        using var files = new TinyModel().Fill(7).Files(config => config[member] = JsonNode.Parse(value));
        Assert.Throws<MalformedException>(() => LlamaModel.Load(files.All, 1));
    }

    [Fact]
    public void Refuses_a_tensor_that_the_architecture_does_not_have()
    {
        var tiny = new TinyModel().Fill(8);
        tiny.Tensors["model.layers.0.self_attn.sinks"] = ([4], [0, 0, 0, 0]);
        using var files = tiny.Files();
        Assert.Contains("sinks", Assert.Throws<MalformedException>(() => LlamaModel.Load(files.All, 1)).Message);
    }

    private static void Close(double[] expected, ReadOnlySpan<float> actual)
    {
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-3);
    }
}
