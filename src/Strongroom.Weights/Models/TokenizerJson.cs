using System.Text;
using System.Text.Json;
using Strongroom.Bytes;
using Strongroom.Weights.Formats;

namespace Strongroom.Weights.Models;

/// <summary>
/// Hugging Face's tokenizer.json, for byte-pair encoding: byte-level (GPT-2, Llama 3, Qwen 2) and SentencePiece style (Llama 2, Mistral).
/// A component that is not known here is refused: a tokenizer that is nearly right gives answers that are nearly right.
/// </summary>
internal sealed class TokenizerJson
{
    private const int MaxBytes = 64 << 20;

    private readonly JsonMembers file;
    private readonly LlamaConfig config;
    private byte[] prefix = [];
    private byte[] space = TextForm.PlainSpace;
    private bool prefixUnlessSpace;
    private bool prefixOnce;
    private bool composed;
    private bool byteLevel;
    private bool loneDigits;
    private WordRule? words;

    private TokenizerJson(JsonMembers file, LlamaConfig config) => (this.file, this.config) = (file, config);

    /// <exception cref="MalformedException">A component, option or pattern that is not known, or lists that do not fit together.</exception>
    public static Tokenizer Parse(ModelFile file, LlamaConfig config)
    {
        using var json = file.Json(MaxBytes);
        return new TokenizerJson(new(file.Name, json.RootElement), config).Parse();
    }

    private Tokenizer Parse()
    {
        file.Absent("truncation");
        file.Absent("padding");
        foreach (var part in Parts(file.Object("normalizer"), "normalizers")) ReadNormalizer(part);
        foreach (var part in Parts(file.Object("pre_tokenizer"), "pretokenizers")) ReadPreTokenizer(part);
        CheckDecoder();

        var model = file.Object("model") ?? throw file.Bad("model", "is missing");
        if ((model.Text("type") ?? "BPE") != "BPE") throw model.Bad("type", "is not BPE");
        if (model.NumberOr("dropout", 0) != 0) throw model.Bad("dropout", "is not supported");
        model.Only("continuing_subword_prefix", "");
        model.Only("end_of_word_suffix", "");
        var (vocabulary, names) = ReadVocabulary(model);
        var merges = MergeRule.Pairs.From(
            model.Items("merges").Select(Merge), names, byteLevel, model.FlagOr("ignore_merges", false), model.FlagOr("fuse_unk", false));
        var begin = ReadPostProcessor(vocabulary);
        var form = new TextForm(prefix, prefixUnlessSpace, space, words) { PrefixOnce = prefixOnce, MustBeComposed = composed };
        return new(vocabulary, merges, form, begin ?? config.Begin, addsBegin: begin is not null, config.Ends);

        string[] Merge(JsonElement item) => item.ValueKind switch
        {
            JsonValueKind.String => item.GetString()!.Split(' '),
            JsonValueKind.Array when item.EnumerateArray().All(part => part.ValueKind == JsonValueKind.String) =>
                [.. item.EnumerateArray().Select(part => part.GetString()!)],
            _ => throw model.Bad("merges", "has an entry that is neither text nor a pair"),
        };
    }

    private void ReadNormalizer(JsonMembers part)
    {
        switch (part.Text("type"))
        {
            case "NFC":
                composed = true;
                break;
            case "Prepend" when part.Text("prepend") == "▁":
                prefix = TextForm.Underline;
                break;
            case "Replace" when part.Object("pattern")?.Text("String") == " " && part.Text("content") == "▁":
                space = TextForm.Underline;
                break;
            default:
                throw part.Bad("type", $"{part.Text("type")}, or one of its options, is not a normalizer that is known here");
        }
    }

    private void ReadPreTokenizer(JsonMembers part)
    {
        switch (part.Text("type"))
        {
            case "ByteLevel":
                byteLevel = true;
                if (part.FlagOr("add_prefix_space", true)) (prefix, prefixUnlessSpace) = (TextForm.PlainSpace, true);
                if (part.FlagOr("use_regex", true)) UseWords(part, WordRule.Gpt2Pattern);
                break;
            case "Digits" when part.FlagOr("individual_digits", false) && words is null && !byteLevel:
                loneDigits = true;
                break;
            case "Split" when part.Text("behavior") == "Isolated" && !part.FlagOr("invert", false) && words is null && !byteLevel:
                UseWords(part, part.Object("pattern")?.Text("Regex") ?? "");
                break;
            case "Metaspace" when part.Text("replacement") == "▁" && !part.FlagOr("split", true):
                space = TextForm.Underline;
                prefixUnlessSpace = true;
                prefix = part.Text("prepend_scheme") switch
                {
                    "never" => [],
                    "first" or "always" => TextForm.Underline,
                    var other => throw part.Bad("prepend_scheme", $"{other} is not known here"),
                };
                prefixOnce = part.Text("prepend_scheme") == "first";
                break;
            default:
                throw part.Bad("type", $"{part.Text("type")}, or one of its options, is not a pre-tokenizer that is known here");
        }
    }

    private void UseWords(JsonMembers part, string pattern)
    {
        if (words is not null) throw part.Bad("type", "is a second rule for words");
        words = WordRule.FromPattern(pattern) ?? throw part.Bad("pattern", "is none of those known here: GPT-2's, Llama 3's, Qwen 2's");
        words = words with { LoneDigits = loneDigits };
    }

    /// <summary>Decoding is done one way for each kind; the file must ask for that one.</summary>
    private void CheckDecoder()
    {
        if (byteLevel != words is not null || (loneDigits && !byteLevel))
            throw file.Bad("pre_tokenizer", "is not a byte-level one with a rule for words, nor a SentencePiece one");
        var parts = Parts(file.Object("decoder"), "decoders").Select(part => part.Text("type")).ToList();
        string[][] known = byteLevel ? [["ByteLevel"]] : [["Metaspace"], ["Replace", "ByteFallback", "Fuse"], ["Replace", "ByteFallback", "Fuse", "Strip"]];
        if (!known.Any(kind => kind.SequenceEqual(parts))) throw file.Bad("decoder", $"{string.Join(", ", parts)} is not known here");
    }

    private (Vocabulary Vocabulary, Dictionary<string, int> Names) ReadVocabulary(JsonMembers model)
    {
        var names = new Dictionary<string, int>();
        var tokens = new string?[config.Vocabulary];
        foreach (var member in (model.Object("vocab") ?? throw model.Bad("vocab", "is missing")).All())
            names.Add(member.Name, Place(tokens, member.Value, member.Name));
        var added = new Dictionary<int, bool>();
        foreach (var item in file.Items("added_tokens"))
        {
            var entry = new JsonMembers("added_tokens", item);
            var content = entry.Text("content") ?? throw entry.Bad("content", "is missing");
            var token = entry["id"] is { } id ? Place(tokens, id, content) : throw entry.Bad("id", "is missing");
            if (!added.TryAdd(token, entry.FlagOr("special", false))) throw entry.Bad("id", $"{token} comes twice");
        }

        var unknown = model.Text("unk_token");
        var fallback = model.FlagOr("byte_fallback", false);
        var vocabulary = new Vocabulary();
        for (var token = 0; token < tokens.Length; token++)
        {
            // Rows of the embedding beyond the tokenizer's last token are padding; a model that draws one shows nothing.
            var name = tokens[token] ?? $"<unused {token}>";
            var utf8 = Encoding.UTF8.GetBytes(name);
            if (name == unknown) vocabulary.Add(utf8, TokenKind.Unknown);
            else if (added.TryGetValue(token, out var special)) vocabulary.Add(utf8, special ? TokenKind.Control : TokenKind.Added);
            else if (tokens[token] is null) vocabulary.Add(utf8, TokenKind.Control);
            else if (byteLevel) vocabulary.Add(ByteLetters.Decode(name), TokenKind.Text);
            else if (fallback && Vocabulary.IsByteName(utf8, out var value)) vocabulary.Add([value], TokenKind.Byte);
            else vocabulary.Add(utf8, TokenKind.Text, TextForm.WithSpaces(utf8));
        }
        return (vocabulary, names);
    }

    private int Place(string?[] tokens, JsonElement id, string name)
    {
        if (id.ValueKind != JsonValueKind.Number || !id.TryGetInt32(out var token) || token < 0 || token >= tokens.Length)
            throw file.Bad("model", $"gives {name} an id outside the vocabulary of {tokens.Length}");
        if (tokens[token] is { } other && other != name) throw file.Bad("model", $"gives {token} to both {other} and {name}");
        tokens[token] = name;
        return token;
    }

    /// <returns>The token that is put in front of a text, where one is.</returns>
    private int? ReadPostProcessor(Vocabulary vocabulary)
    {
        int? begin = null;
        foreach (var part in Parts(file.Object("post_processor"), "processors"))
        {
            if (part.Text("type") == "ByteLevel") continue;
            if (part.Text("type") != "TemplateProcessing") throw part.Bad("type", $"{part.Text("type")} is not known here");
            var single = part.Items("single").Select(item => new JsonMembers("single", item)).ToList();
            begin = single switch
            {
                [var text] when text.Object("Sequence")?.Text("id") == "A" => begin,
                [var token, var text] when text.Object("Sequence")?.Text("id") == "A" => vocabulary.FindControl(token.Object("SpecialToken")?.Text("id") ?? "")
                    ?? throw part.Bad("single", "begins with a token that does not exist"),
                _ => throw part.Bad("single", "is not at most one token and the text"),
            };
        }
        return begin;
    }

    private static IEnumerable<JsonMembers> Parts(JsonMembers? component, string list)
    {
        if (component is null) return [];
        return component.Text("type") == "Sequence" ? component.Items(list).Select(item => new JsonMembers(list, item)) : [component];
    }
}
