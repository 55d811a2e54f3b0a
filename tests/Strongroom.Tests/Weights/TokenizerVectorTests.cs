using System.Text.Json.Nodes;
using Strongroom.Weights.Models;

namespace Strongroom.Tests.Weights;

/// <summary>Tokens that another implementation computed; vectors/tokenizer says which.</summary>
public sealed class TokenizerVectorTests
{
    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama3")]
    [InlineData("qwen2")]
    [InlineData("digits")]
    public void Tokens_equal_those_of_another_implementation(string form)
    {
        var file = Read("samples/kjv/tokenizer.json").AsObject();
        var own = file["pre_tokenizer"]!.DeepClone();
        var bare = JsonNode.Parse("""{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}""")!;
        file["pre_tokenizer"] = form switch
        {
            "llama3" => Sequence(Split(WordRule.Llama3Pattern), bare),
            "qwen2" => Sequence(Split(WordRule.Qwen2Pattern), bare),
            "digits" => Sequence(new JsonObject { ["type"] = "Digits", ["individual_digits"] = true }, own),
            _ => own,
        };
        var tokenizer = TokenizerFiles.Parse(file, vocabulary: 1024);
        var vectors = Read("vectors/tokenizer/kjv.json").AsArray().Where(vector => (string?)vector!["form"] == form).ToList();
        Assert.Equal(16, vectors.Count);
        foreach (var vector in vectors) Assert.Equal(vector!["ids"]!.AsArray().GetValues<int>(), tokenizer.Encode((string)vector["text"]!));
    }

    private static JsonNode Read(string path) => JsonNode.Parse(File.ReadAllText(SharedFiles.InRepository(path)))!;

    private static JsonObject Split(string pattern) =>
        new() { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = "Isolated", ["invert"] = false };

    private static JsonObject Sequence(params JsonNode[] parts) => new() { ["type"] = "Sequence", ["pretokenizers"] = new JsonArray(parts) };
}
