using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Weights.Models;

namespace Strongroom.Tests.Weights;

/// <summary>tokenizer.json files in the shapes that are met in the wild, small.</summary>
internal static class TokenizerFiles
{
    /// <summary>Byte-level, GPT-2 words: 256 bytes, two control tokens, then the merges' results.</summary>
    public static JsonObject Bytes(params string[] merges)
    {
        var vocabulary = new JsonObject();
        foreach (var letter in Letters()) vocabulary[letter] = vocabulary.Count;
        var added = new JsonArray(Added(256, "<|begin|>"), Added(257, "<|end|>"));
        foreach (var merge in merges) vocabulary[merge.Replace(" ", "")] = vocabulary.Count + 2;
        return new()
        {
            ["version"] = "1.0", ["added_tokens"] = added, ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["use_regex"] = true },
            ["post_processor"] = null, ["decoder"] = new JsonObject { ["type"] = "ByteLevel" },
            ["model"] = new JsonObject
            {
                ["type"] = "BPE", ["vocab"] = vocabulary, ["merges"] = new JsonArray([.. merges.Select(merge => (JsonNode)merge)]),
            },
        };
    }

    /// <summary>Llama 2's kind: byte fallback, ▁ for spaces, one in front; Sequence normalizer or Metaspace.</summary>
    public static JsonObject SentencePiece(bool metaspace, params string[] merges)
    {
        var vocabulary = new JsonObject { ["<unk>"] = 0, ["<s>"] = 1, ["</s>"] = 2 };
        for (var b = 0; b < 256; b++) vocabulary[$"<0x{b:X2}>"] = vocabulary.Count;
        foreach (var letter in "▁abcdefghijklmnopqrstuvwxyz".Select(c => c.ToString())) vocabulary[letter] = vocabulary.Count;
        foreach (var merge in merges) vocabulary[merge.Replace(" ", "")] = vocabulary.Count;
        return new()
        {
            ["added_tokens"] = new JsonArray(Added(0, "<unk>"), Added(1, "<s>"), Added(2, "</s>")),
            ["normalizer"] = metaspace ? null : JsonNode.Parse("""
                {"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}
                """),
            ["pre_tokenizer"] = !metaspace ? null : JsonNode.Parse("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false}"""),
            ["post_processor"] = JsonNode.Parse("""
                {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{}}
                """),
            ["decoder"] = JsonNode.Parse("""
                {"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}
                """),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE", ["unk_token"] = "<unk>", ["fuse_unk"] = true, ["byte_fallback"] = true, ["vocab"] = vocabulary,
                ["merges"] = new JsonArray([.. merges.Select(merge => (JsonNode)merge)]),
            },
        };
    }

    public static JsonObject Added(int id, string content, bool special = true) => new() { ["id"] = id, ["content"] = content, ["special"] = special };

    public static Tokenizer Parse(JsonObject file, int vocabulary = 600)
    {
        using var files = new NativeFiles();
        var config = LlamaConfig.ParseJson(files.Add("config.json", new TinyModel { Vocabulary = vocabulary }.Config().ToJsonString()));
        return TokenizerJson.Parse(files.Add("tokenizer.json", file.ToJsonString()), config);
    }

    /// <summary>GPT-2's letters for the bytes 0 to 255.</summary>
    public static IEnumerable<string> Letters()
    {
        var next = 256;
        for (var b = 0; b < 256; b++) yield return ((char)(b is (>= '!' and <= '~') or (>= 0xa1 and <= 0xac) or >= 0xae ? b : next++)).ToString();
    }

    public static string Spell(string text)
    {
        var letters = Letters().ToArray();
        return string.Concat(Encoding.UTF8.GetBytes(text).Select(b => letters[b]));
    }
}
