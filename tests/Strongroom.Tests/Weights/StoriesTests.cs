using System.Text;
using Strongroom.Weights.Models;

namespace Strongroom.Tests.Weights;

/// <summary>A real model with a published greedy text, in each format that it exists in.</summary>
public sealed class StoriesTests
{
    private const int PublishedTokens = 256;

    public static TheoryData<string> Models => ["stories260k.f32.safetensors"];

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
