using System.Runtime.InteropServices;
using Strongroom.Weights.Formats;
using Strongroom.Weights.Models;

namespace Strongroom.Tests.Weights;

/// <summary>A real model on text it has never seen, judged by how well it predicts.</summary>
public sealed class PerplexityTests
{
    private const int Windows = 24;
    private const int Length = 128;

    [Fact]
    public void The_zoo_s_teacher_predicts_held_out_text_as_well_as_its_page_says()
    {
        var perplexity = Perplexity(Zoo("T"), SharedFiles.Require("models/zoo/heldout-a.u16"));
        Assert.InRange(perplexity, 30, 45); // published: 36.7 over the whole file
    }

    private static LlamaModel Zoo(string name)
    {
        var files = NativeFiles.Read(("config.json", SharedFiles.Require($"models/zoo/{name}.config.json")),
            ("model.safetensors", SharedFiles.Require($"models/zoo/{name}.bf16.safetensors")));
        var config = LlamaConfig.ParseJson(files.All[0]);
        var weights = LlamaWeights.Read(config, Safetensors.Parse(files.All[1]), LlamaNames.Safetensors);
        return new(config, weights, TokenizerFiles.Parse(TokenizerFiles.Bytes()), ChatFormat.Plain, 2);
    }

    private static double Perplexity(LlamaModel model, string path)
    {
        var tokens = MemoryMarshal.Cast<byte, ushort>(File.ReadAllBytes(path)).ToArray().Select(token => (int)token).ToArray();
        double loss = 0;
        for (var window = 0; window < Windows; window++)
        {
            using var session = new Session(model, WorkingMemory.Ordinary, Length);
            var start = window * (tokens.Length / Windows);
            for (var i = start; i < start + Length; i++)
            {
                session.Read([tokens[i]]);
                loss -= LogProbability(session.Logits, tokens[i + 1]);
            }
        }
        return Math.Exp(loss / (Windows * Length));
    }

    private static double LogProbability(ReadOnlySpan<float> logits, int token)
    {
        double max = float.NegativeInfinity, sum = 0;
        foreach (var logit in logits) max = Math.Max(max, logit);
        foreach (var logit in logits) sum += Math.Exp(logit - max);
        return logits[token] - max - Math.Log(sum);
    }
}
