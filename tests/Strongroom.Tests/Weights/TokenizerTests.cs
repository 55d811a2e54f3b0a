using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using Strongroom.Bytes;
using Strongroom.Weights.Models;

namespace Strongroom.Tests.Weights;

public sealed class TokenizerTests
{
    private static readonly string[] Texts =
    [
        "", " ", "a", " a b", "Hello, world!", "don't DON'T we'll We'LL they've I'm 'tis 's", "1 12 123 1234 12345 x1y22z", "a  b   c    d", "end  ", "  start",
        "line\nline\r\nline\n\n  indented\n\n\n", "tab\tand\u00a0nbsp\u3000wide", "Grüße, Ünï — “quotes” …", "日本語のテキスト と emoji 👩‍👩‍👧 ½ Ⅷ", "a\u0301 combining", "<|end|> <s> </s> <0x41>",
        "foo(bar);\r\n\t// baz_qux\n", "\n", "\r\n \n x", "   \n", "!?!?\n\nok", "'", "''s", "'S", "a'b", " 'll", " \t x", "x \u2028 y",
    ];

    [Theory]
    [InlineData(WordRule.Gpt2Pattern)]
    [InlineData(WordRule.Llama3Pattern)]
    [InlineData(WordRule.Qwen2Pattern)]
    public void Words_are_cut_as_the_pattern_says(string pattern)
    {
        var rule = WordRule.FromPattern(pattern)!;
        var expression = new Regex(pattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(5));
        foreach (var text in Texts) Assert.Equal(expression.Matches(text).Select(match => match.Value), Words(rule, text));

        // .NET counts an astral character as two, the pattern means one: none here.
        var letters = Gen.Elements("a", "B", "'", "s", "l", "L", "v", "e", "1", "²", " ", " ", "\n", "\r", "\t", "\u00a0", "é", "日", "!", "_", "☃", "\u0301");
        var random = letters.ListOf().Select(string.Concat);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(3000).WithEndSize(20),
            Prop.ForAll(random.ToArbitrary(), text => expression.Matches(text).Select(match => match.Value).SequenceEqual(Words(rule, text))));
    }

    [Fact]
    public void Every_text_comes_back_from_its_tokens()
    {
        var tokenizers = new[]
        {
            TokenizerFiles.Parse(TokenizerFiles.Bytes("Ġ w", "h e", "l l", "Ġw o", "he ll")),
            TokenizerFiles.Parse(TokenizerFiles.SentencePiece(false, "▁ a", "h e", "l l", "he ll")),
            TokenizerFiles.Parse(TokenizerFiles.SentencePiece(true, "▁ a", "h e", "l l", "he ll")),
        };
        foreach (var tokenizer in tokenizers)
        {
            foreach (var text in Texts)
            {
                // Metaspace puts no space where there is one: one leading space is lost, as it is in the reference.
                var expected = tokenizer == tokenizers[2] && text.StartsWith(' ') ? text[1..] : text;
                Assert.Equal(expected, tokenizer.Decode(tokenizer.Encode(text)));
            }
        }
    }

    [Fact]
    public void Merges_join_by_rank_and_then_from_the_left()
    {
        var file = TokenizerFiles.Bytes("l l", "h e", "he ll", "e l", "a a", "aa a");
        var tokenizer = TokenizerFiles.Parse(file);
        string[] Pieces(string text) => [.. tokenizer.Encode(text).Select(token => Encoding.UTF8.GetString(tokenizer.Piece(token)))];
        Assert.Equal(["hell", "o"], Pieces("hello"));
        Assert.Equal(["el", "o"], Pieces("elo"));
        Assert.Equal(["e", "ll"], Pieces("ell"));
        Assert.Equal(["aa", "aaa"], Pieces("aaaaa"));
    }

    [Fact]
    public void Long_words_take_no_quadratic_time()
    {
        var tokenizer = TokenizerFiles.Parse(TokenizerFiles.SentencePiece(false, "a a", "aa aa", "aaaa aaaa"));
        var tokens = tokenizer.Encode(new string('a', 1 << 20));
        Assert.Equal((1 << 17) + 1, tokens.Length);
    }

    [Fact]
    public void Long_texts_without_a_digit_take_no_quadratic_time_where_digits_stand_alone()
    {
        var file = TokenizerFiles.Bytes();
        file["pre_tokenizer"] = new JsonObject
        {
            ["type"] = "Sequence", ["pretokenizers"] = new JsonArray(new JsonObject { ["type"] = "Digits", ["individual_digits"] = true }, file["pre_tokenizer"]!.DeepClone()),
        };
        Assert.Equal(1 << 20, TokenizerFiles.Parse(file).Encode(string.Concat(Enumerable.Repeat("a ", 1 << 19))).Length);
    }

    [Fact]
    public void Refuses_two_tokens_for_one_byte()
    {
        var file = TokenizerFiles.SentencePiece(false);
        file["model"]!["vocab"]!["<0x0a>"] = 500; // beside <0x0A>
        Assert.Contains("same byte", Assert.Throws<MalformedException>(() => TokenizerFiles.Parse(file)).Message);
    }

    [Fact]
    public void A_person_who_types_a_control_token_gets_its_letters()
    {
        foreach (var tokenizer in new[] { TokenizerFiles.Parse(TokenizerFiles.Bytes("< s", "<s >")), TokenizerFiles.Parse(TokenizerFiles.SentencePiece(false)) })
        {
            var controls = new[] { "<|begin|>", "<|end|>", "<s>", "</s>", "<unk>" }.Select(tokenizer.Control).OfType<int>().ToHashSet();
            Assert.NotEmpty(controls);
            Assert.DoesNotContain(tokenizer.Encode("<|begin|><|end|><s></s><unk>"), controls.Contains);
        }
    }

    [Fact]
    public void Whole_words_come_before_merges_where_the_file_says_so()
    {
        var file = TokenizerFiles.Bytes("h e", "l l", "o x");
        file["model"]!["vocab"]!["hello"] = 500;
        Assert.Equal(3, TokenizerFiles.Parse((JsonObject)file.DeepClone()).Encode("hello").Length); // he ll o
        file["model"]!["ignore_merges"] = true;
        Assert.Equal([500], TokenizerFiles.Parse(file).Encode("hello"));
    }

    [Fact]
    public void A_Llama_3_file_is_read()
    {
        var file = TokenizerFiles.Bytes("Ġ w");
        file["pre_tokenizer"] = new JsonObject
        {
            ["type"] = "Sequence",
            ["pretokenizers"] = new JsonArray(
                new JsonObject { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = WordRule.Llama3Pattern }, ["behavior"] = "Isolated", ["invert"] = false },
                new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = false }),
        };
        file["post_processor"] = JsonNode.Parse("""
            {"type":"Sequence","processors":[{"type":"ByteLevel","add_prefix_space":true},{"type":"TemplateProcessing",
            "single":[{"SpecialToken":{"id":"<|begin|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{}}]}
            """);
        file["model"]!["merges"] = new JsonArray(new JsonArray("Ġ", "w"));
        var tokenizer = TokenizerFiles.Parse(file);
        Assert.True(tokenizer.AddsBegin);
        Assert.Equal(256, tokenizer.Begin);
        Assert.Equal(7, tokenizer.Encode("a world1").Length); // a, " w", o, r, l, d, 1
    }

    [Fact]
    public void Text_that_may_not_be_in_normal_form_C_is_refused_where_the_model_wants_that_form()
    {
        var file = TokenizerFiles.Bytes();
        file["normalizer"] = new JsonObject { ["type"] = "NFC" };
        var tokenizer = TokenizerFiles.Parse(file);
        Assert.Equal("Grüße 日本語 👍 é", tokenizer.Decode(tokenizer.Encode("Grüße 日本語 👍 é")));
        foreach (var text in (string[])["e\u0301", "\u212b", "\u1100\u1161", "か\u3099", "\u0958"]) Assert.Throws<MalformedException>(() => tokenizer.Encode(text));
    }

    [Theory]
    [InlineData("normalizer", """{"type":"Lowercase"}""")]
    [InlineData("normalizer", """{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"StripAccents"}]}""")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"Regex":" +"},"content":"▁"}""")]
    [InlineData("normalizer", "[]")]
    [InlineData("pre_tokenizer", "null")]
    [InlineData("pre_tokenizer", """{"type":"Whitespace"}""")]
    [InlineData("pre_tokenizer", """{"type":"Split","pattern":{"Regex":"\\w+"},"behavior":"Isolated","invert":false}""")]
    [InlineData("pre_tokenizer", """{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}""")]
    [InlineData("pre_tokenizer", """{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true}]}""")]
    [InlineData("decoder", """{"type":"WordPiece"}""")]
    [InlineData("decoder", "null")]
    [InlineData("post_processor", """{"type":"BertProcessing"}""")]
    [InlineData("post_processor", """{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"<|end|>"}}]}""")]
    [InlineData("post_processor", """{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|nobody|>"}},{"Sequence":{"id":"A"}}]}""")]
    [InlineData("truncation", """{"max_length":10}""")]
    [InlineData("padding", """{"strategy":"BatchLongest"}""")]
    [InlineData("model", "null")]
    [InlineData("model", """{"type":"Unigram","vocab":[]}""")]
    [InlineData("model", """{"type":"BPE","vocab":[],"merges":[]}""")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}""")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":-1},"merges":[]}""")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":600},"merges":[]}""")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":99999999999},"merges":[]}""")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"a":1},"merges":[]}""")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]}""")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"aa":1},"merges":["a a","a a"]}""")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"aa":1},"merges":["a a a"]}""")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0},"merges":[7]}""")]
    [InlineData("model", """{"type":"BPE","vocab":{"語":0},"merges":[]}""")]
    [InlineData("model", """{"type":"BPE","vocab":{"\ud800":0},"merges":[]}""")]
    [InlineData("model", """{"type":"BPE","dropout":0.1,"vocab":{"a":0},"merges":[]}""")]
    [InlineData("model", """{"type":"BPE","end_of_word_suffix":"</w>","vocab":{"a":0},"merges":[]}""")]
    [InlineData("added_tokens", """[{"id":0,"content":"x","special":true}]""")]
    [InlineData("added_tokens", """[{"id":300,"content":"x","special":true},{"id":300,"content":"x","special":true}]""")]
    [InlineData("added_tokens", """[{"content":"x"}]""")]
    [InlineData("added_tokens", "[1]")]
    public void Refuses_a_component_that_is_not_known_or_does_not_fit(string member, string value)
    {
        var text = TokenizerFiles.Bytes().ToJsonString();
        var file = JsonNode.Parse(text)!.AsObject();
        file.Remove(member);
        var changed = file.ToJsonString();
        changed = changed[..^1] + $",\"{member}\":{value}}}";
        using var files = new NativeFiles();
        var config = LlamaConfig.ParseJson(files.Add("config.json", new TinyModel { Vocabulary = 600 }.Config().ToJsonString()));
        Assert.Throws<MalformedException>(() => TokenizerJson.Parse(files.Add("tokenizer.json", changed), config));
    }

    [Fact]
    public void Refuses_a_tokenizer_bin_cut_off_at_any_byte()
    {
        byte[] whole = [5, 0, 0, 0, .. Enumerable.Range(0, 4).SelectMany(i => (byte[])[0, 0, 0x80, 0x3f, 1, 0, 0, 0, (byte)('a' + i)])];
        LlamaConfig config;
        using (var files = new NativeFiles())
            config = LlamaConfig.ParseJson(files.Add("config.json", new TinyModel().Config().ToJsonString())) with { Vocabulary = 4, Begin = 1, Ends = [2] };
        for (var length = 0; length < whole.Length; length++) Refuse(whole[..length]);
        Refuse([.. whole, 0]);
        Refuse([0, .. whole[1..]]); // a longest token of length 0
        Refuse([.. whole[..8], 0xff, 0xff, 0xff, 0x7f, .. whole[12..]]);
        Refuse([.. whole[..4], 0, 0, 0xc0, 0x7f, .. whole[8..]]); // NaN

        void Refuse(byte[] content)
        {
            using var files = new NativeFiles();
            Assert.Throws<MalformedException>(() => TokenizerBin.Parse(files.Add("tokenizer.bin", content), config));
        }
    }

    private static IEnumerable<string> Words(WordRule rule, string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        for (var at = 0; at < utf8.Length;)
        {
            var length = rule.Length(utf8.AsSpan(at));
            yield return Encoding.UTF8.GetString(utf8, at, length);
            at += length;
        }
    }
}
