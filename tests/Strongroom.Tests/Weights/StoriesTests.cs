using System.Text;
using Strongroom.Weights.Formats;
using Strongroom.Weights.Models;

namespace Strongroom.Tests.Weights;

/// <summary>A real model with a published greedy text, in each format that it exists in.</summary>
public sealed class StoriesTests
{
    private const int PublishedTokens = 256;

    public static TheoryData<string> Models => ["stories260k.f32.safetensors", "stories260k.f32.gguf", "stories260k.f16.gguf"];

    [Theory]
    [MemberData(nameof(Models))]
    public void Greedy_text_equals_the_published_one_word_for_word(string weights)
    {
        var folder = SharedFiles.Require("models/stories260k");
        using var files = Files(folder, weights);
        foreach (var threads in (int[])[1, 2])
        {
            using var model = LlamaModel.Load(files.All, threads);
            Assert.Equal(Published(folder), Generate(model, "", new(SamplingOptions.Greedy, PublishedTokens)).Trim());
        }
    }

    [Fact]
    public void Tokens_are_those_of_the_other_formats_tokenizer()
    {
        var folder = SharedFiles.Require("models/stories260k");
        using var one = Files(folder, "stories260k.f32.safetensors");
        using var other = Files(folder, "stories260k.f32.gguf");
        using var bin = LlamaModel.Load(one.All, 1);
        using var gguf = LlamaModel.Load(other.All, 1);
        foreach (var text in (string[])[Published(folder), "Lily's  cat\nsaid: \"é日\" <s>", " x", "", "0123 -- A.B.C"])
        {
            Assert.Equal(bin.Tokenizer.Encode(text), gguf.Tokenizer.Encode(text));
            Assert.Equal(text, bin.Tokenizer.Decode(bin.Tokenizer.Encode(text)));
        }
    }

    /// <summary>Rounding to BF16 changes the model, so it has a text of its own; widened to F32 by hand it must be the same model.</summary>
    [Fact]
    public void Bf16_gives_the_text_of_the_same_weights_widened()
    {
        var folder = SharedFiles.Require("models/stories260k");
        using var files = Files(folder, "stories260k.bf16.safetensors");
        using var model = LlamaModel.Load(files.All, 2);
        using var wide = new NativeFiles();
        foreach (var file in files.All.Take(2)) wide.Add(file.Name, file.Slice(0, (int)file.Length, "all"));
        wide.Add("model.safetensors", Widened(files.All[2]));
        using var widened = LlamaModel.Load(wide.All, 2);
        var options = new GenerationOptions(SamplingOptions.Greedy, PublishedTokens);
        var text = Generate(model, "", options);
        Assert.Equal(Generate(widened, "", options), text);
        Assert.StartsWith("Once upon a time, there was a little girl named Lily. She loved to play outside in the park.", text);
    }

    private static unsafe byte[] Widened(ModelFile file) => TinyModel.SafetensorsFile([.. Safetensors.Parse(file).Values.Select(tensor =>
    {
        var numbers = new Span<ushort>((void*)tensor.Data, (int)tensor.Shape.Aggregate(1L, (a, b) => a * b)).ToArray();
        return (tensor.Name, "F32", tensor.Shape.Select(extent => (int)extent).ToArray(), numbers.SelectMany(n => BitConverter.GetBytes((uint)n << 16)).ToArray());
    })]);

    internal static NativeFiles Files(string folder, string weights) => weights.EndsWith(".gguf", StringComparison.Ordinal)
        ? NativeFiles.Read((weights, Path.Combine(folder, weights)))
        : NativeFiles.Read(("config.json", Path.Combine(folder, "config.json")), ("tokenizer.bin", Path.Combine(folder, "tokenizer.bin")),
            ("model.safetensors", Path.Combine(folder, weights)));

    internal static string Generate(LlamaModel model, string prompt, GenerationOptions options)
    {
        using var generation = new Generation(model, WorkingMemory.Ordinary, options);
        generation.AddText(Encoding.UTF8.GetBytes(prompt));
        var text = new List<byte>();
        bool more;
        do
        {
            more = generation.Next(out var piece);
            text.AddRange(piece);
        }
        while (more);
        return Encoding.UTF8.GetString([.. text]);
    }

    /// <summary>The first block of the model's page, after the line with the command.</summary>
    private static string Published(string folder)
    {
        var page = File.ReadAllText(Path.Combine(folder, "stories260K.md"));
        var start = page.IndexOf("Once upon a time", StringComparison.Ordinal);
        return page[start..page.IndexOf("```", start, StringComparison.Ordinal)].Trim();
    }
}
