using Strongroom.Weights.Models;

namespace Strongroom.Tests.Weights;

/// <summary>The model in samples/, which the quick start seals, releases and asks.</summary>
public sealed class SampleTests
{
    [Fact]
    public void Speaks_recognisable_English()
    {
        using var files = NativeFiles.Folder(SharedFiles.InRepository("samples/kjv"));
        using var model = LlamaModel.Load(files.All, 2);
        var text = StoriesTests.Generate(model, "And God said", new(SamplingOptions.Greedy, 40));
        Assert.StartsWith(" unto him, What is this that thou hast done?\nAnd he said unto him,", text);
    }

    [Fact]
    public void Text_comes_back_from_its_tokens_and_takes_fewer_tokens_than_bytes()
    {
        using var files = NativeFiles.Folder(SharedFiles.InRepository("samples/kjv"));
        using var model = LlamaModel.Load(files.All, 1);
        const string Text = "In the beginning God created the heaven and the earth.\nAnd the earth was without form, and void; Ünïcode 日本 <|endoftext|>";
        var tokens = model.Tokenizer.Encode(Text);
        Assert.Equal(Text, model.Tokenizer.Decode(tokens));
        Assert.True(tokens.Length < Text.Length / 2);
        Assert.DoesNotContain(0, tokens);
    }

    [Fact]
    public void Holds_weights_tokenizer_and_shape_and_nothing_else()
    {
        var names = Directory.GetFiles(SharedFiles.InRepository("samples/kjv")).Select(Path.GetFileName).Order();
        Assert.Equal(["config.json", "model.safetensors", "tokenizer.json"], names);
    }
}
