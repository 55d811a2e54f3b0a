using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Weights.Models;

namespace Strongroom.Tests.Weights;

/// <summary>Model files with random bytes changed, dropped or repeated load or are refused as malformed; nothing else happens, and what loads computes.</summary>
public sealed class MutationTests
{
    private const int Mutations = 1500;

    private static readonly byte[][] Spice =
    [
        "-1"u8.ToArray(), "0"u8.ToArray(), "1e400"u8.ToArray(), "18446744073709551616"u8.ToArray(), "null"u8.ToArray(), "[]"u8.ToArray(), "{}"u8.ToArray(), "\"\""u8.ToArray(),
        "\"\\ud800\""u8.ToArray(), "true"u8.ToArray(), [0xff], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], [0, 0, 0, 0, 0, 0, 0, 0x80],
    ];

    [Theory]
    [InlineData("config.json")]
    [InlineData("model.safetensors")]
    [InlineData("tokenizer.json")]
    [InlineData("tokenizer_config.json")]
    [InlineData("model.gguf")]
    public void A_changed_file_loads_or_is_refused_as_malformed(string target)
    {
        var sources = Sources(target);
        var (random, loaded) = (new Random(1611), 0);
        for (var i = 0; i < Mutations; i++)
        {
            using var files = new NativeFiles();
            foreach (var (name, content) in sources) files.Add(name, name == target ? Mutate(content, random) : content);
            try
            {
                using var model = LlamaModel.Load(files.All, 1);
                using var generation = new Generation(model, WorkingMemory.Ordinary, new(SamplingOptions.Greedy, 2));
                generation.AddMessage("user", "hé 1"u8);
                while (generation.Next(out _))
                {
                }
                loaded++;
            }
            catch (MalformedException)
            {
            }
            catch (ContextLengthException)
            {
            }
        }
        Assert.InRange(loaded, 1, Mutations - 1);
    }

    private static List<(string Name, byte[] Content)> Sources(string target)
    {
        if (target == "model.gguf") return [(target, QuantisedTests.Build(quantised: true))];
        using var files = new TinyModel { Dimension = 8, Hidden = 12, Layers = 1, Heads = 2, KeyValueHeads = 1, HeadDimension = 4, Vocabulary = 262 }.Fill(1).Files();
        files.Add("tokenizer_config.json", new JsonObject { ["chat_template"] = "<|im_start|><|im_end|>" }.ToJsonString());
        return [.. files.All.Select(file => (file.Name, file.Slice(0, (int)file.Length, "all").ToArray()))];
    }

    /// <summary>Safetensors' numbers are left alone: a change there is another model, not another file.</summary>
    private static byte[] Mutate(byte[] content, Random random)
    {
        var bytes = content.ToList();
        var end = content[0] == '{' ? content.Length : Math.Min(content.Length, 3000);
        for (var change = random.Next(1, 4); change > 0; change--)
        {
            var at = random.Next(Math.Min(end, bytes.Count));
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 9), bytes.Count - at));
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.Slice(at, Math.Min(random.Next(1, 40), bytes.Count - at)));
                    break;
                default:
                    var spice = Spice[random.Next(Spice.Length)];
                    bytes.RemoveRange(at, Math.Min(spice.Length, bytes.Count - at));
                    bytes.InsertRange(at, spice);
                    break;
            }
            if (bytes.Count == 0) bytes.Add(0);
        }
        return [.. bytes];
    }
}
