using System.Text;
using Strongroom.Bytes;
using Strongroom.Weights.Formats;

namespace Strongroom.Weights.Models;

/// <summary>The tokenizers that GGUF metadata describes: <c>llama</c> (SentencePiece with scores) and <c>gpt2</c> (byte-level with merges).</summary>
internal static class TokenizerGguf
{
    private const int Unknown = 2, Control = 3, UserDefined = 4, Byte = 6;

    /// <exception cref="MalformedException">Another kind, or lists that do not fit together.</exception>
    public static Tokenizer Parse(Gguf file, LlamaConfig config)
    {
        var metadata = file.Metadata;
        var tokens = metadata.Texts("tokenizer.ggml.tokens") ?? throw metadata.Bad("tokenizer.ggml.tokens", "is missing");
        return metadata.Text("tokenizer.ggml.model") switch
        {
            "llama" => Scored(metadata, tokens, config),
            "gpt2" => Paired(metadata, tokens, config),
            var other => throw metadata.Bad("tokenizer.ggml.model", $"is {other}, llama and gpt2 are read"),
        };
    }

    private static Tokenizer Scored(GgufMetadata metadata, IReadOnlyList<byte[]> tokens, LlamaConfig config)
    {
        var scores = metadata.Numbers("tokenizer.ggml.scores");
        if (scores?.Count != tokens.Count || !scores.All(double.IsFinite)) throw metadata.Bad("tokenizer.ggml.scores", "is not a number for each token");
        var types = Types(metadata, tokens.Count) ?? throw metadata.Bad("tokenizer.ggml.token_type", "is missing");
        var vocabulary = new Vocabulary();
        for (var token = 0; token < tokens.Count; token++)
        {
            var kind = types[token] switch
            {
                Unknown => TokenKind.Unknown,
                Control => TokenKind.Control,
                UserDefined => TokenKind.Added,
                Byte => TokenKind.Byte,
                _ => TokenKind.Text,
            };
            if (kind != TokenKind.Byte) vocabulary.Add(tokens[token], kind, TextForm.WithSpaces(tokens[token]));
            else if (Vocabulary.IsByteName(tokens[token], out var value)) vocabulary.Add([value], kind);
            else throw metadata.Bad("tokenizer.ggml.tokens", $"token {token} is no byte");
        }
        var prefix = metadata.FlagOr("tokenizer.ggml.add_space_prefix", true) ? TextForm.Underline : [];
        var form = new TextForm(prefix, PrefixUnlessSpace: false, TextForm.Underline, Words: null);
        var merges = new MergeRule.Scores([.. scores.Select(score => (float)score)]) { ByteLevel = false };
        return new(vocabulary, merges, form, config.Begin, metadata.FlagOr("tokenizer.ggml.add_bos_token", true), config.Ends);
    }

    private static Tokenizer Paired(GgufMetadata metadata, IReadOnlyList<byte[]> tokens, LlamaConfig config)
    {
        var types = Types(metadata, tokens.Count);
        var vocabulary = new Vocabulary();
        var names = new Dictionary<string, int>();
        for (var token = 0; token < tokens.Count; token++)
        {
            var name = Encoding.UTF8.GetString(tokens[token]);
            if (types?[token] is Control or UserDefined) vocabulary.Add(tokens[token], types[token] == Control ? TokenKind.Control : TokenKind.Added);
            else if (names.TryAdd(name, token)) vocabulary.Add(ByteLetters.Decode(name), TokenKind.Text);
            else throw metadata.Bad("tokenizer.ggml.tokens", $"has {name} twice");
        }
        var merges = (metadata.Texts("tokenizer.ggml.merges") ?? throw metadata.Bad("tokenizer.ggml.merges", "is missing"))
            .Select(merge => Encoding.UTF8.GetString(merge).Split(' '));
        var llama3 = metadata.Text("tokenizer.ggml.pre") is "llama-bpe" or "llama3" or "llama-v3";
        var words = metadata.Text("tokenizer.ggml.pre") switch
        {
            _ when llama3 => WordRule.Llama3Pattern,
            "qwen2" => WordRule.Qwen2Pattern,
            "gpt-2" or "smollm" => WordRule.Gpt2Pattern,
            var other => throw metadata.Bad("tokenizer.ggml.pre", $"is {other}; llama-bpe, qwen2, gpt-2 and smollm are read"),
        };
        var rules = WordRule.FromPattern(words)! with { LoneDigits = metadata.Text("tokenizer.ggml.pre") == "smollm" };
        var rule = MergeRule.Pairs.From(merges, names, byteLevel: true, wholeWordsFirst: llama3);
        var form = new TextForm([], PrefixUnlessSpace: false, TextForm.PlainSpace, rules);
        return new(vocabulary, rule, form, config.Begin, metadata.FlagOr("tokenizer.ggml.add_bos_token", llama3), config.Ends);
    }

    private static IReadOnlyList<long>? Types(GgufMetadata metadata, int count)
    {
        var types = metadata.Integers("tokenizer.ggml.token_type");
        return types is null || types.Count == count ? types : throw metadata.Bad("tokenizer.ggml.token_type", "is not one for each token");
    }
}
