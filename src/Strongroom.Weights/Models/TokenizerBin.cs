using System.Buffers.Binary;
using System.Text;
using Strongroom.Bytes;
using Strongroom.Weights.Formats;

namespace Strongroom.Weights.Models;

/// <summary>
/// llama2.c's tokenizer.bin: the longest token's length, then for each token a binary32 score, a length and the bytes, all little-endian.
/// The number of tokens stands in the model's config alone.
/// </summary>
internal static class TokenizerBin
{
    private const int MaxTokenBytes = 1 << 16;

    /// <exception cref="MalformedException">Too short, too long, or a score that is no number.</exception>
    public static Tokenizer Parse(ModelFile file, LlamaConfig config)
    {
        var longest = BinaryPrimitives.ReadUInt32LittleEndian(file.Slice(0, 4, "the longest length"));
        var vocabulary = new Vocabulary();
        var scores = new List<float>();
        long at = 4;
        for (var token = 0; token < config.Vocabulary; token++)
        {
            var score = BinaryPrimitives.ReadSingleLittleEndian(file.Slice(at, 4, "a score"));
            var length = BinaryPrimitives.ReadUInt32LittleEndian(file.Slice(at + 4, 4, "a token's length"));
            if (length > MaxTokenBytes || length > longest) throw new MalformedException(at + 4, $"{file.Name}: token {token} is longer than the longest");
            if (!float.IsFinite(score)) throw new MalformedException(at, $"{file.Name}: token {token} has no score");
            Add(vocabulary, token, file.Slice(at + 8, (int)length, "a token").ToArray(), config);
            scores.Add(score);
            at += 8 + length;
        }
        if (at != file.Length) throw new MalformedException(at, $"{file.Name}: {file.Length - at} bytes follow the last token");
        var form = new TextForm(TextForm.PlainSpace, PrefixUnlessSpace: false, TextForm.PlainSpace, Words: null);
        var begin = config.Begin ?? 1;
        // llama2.c takes a new beginning for the end of the text.
        return new(vocabulary, new MergeRule.Scores(scores) { ByteLevel = false }, form, begin, addsBegin: true, [.. config.Ends.Append(begin).Distinct()]);
    }

    private static void Add(Vocabulary vocabulary, int token, byte[] piece, LlamaConfig config)
    {
        if (token == 0) vocabulary.Add(piece, TokenKind.Unknown);
        else if (token == config.Begin || config.Ends.Contains(token))
            vocabulary.Add(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(piece).Trim()), TokenKind.Control);
        else if (Vocabulary.IsByteName(piece, out var value)) vocabulary.Add([value], TokenKind.Byte);
        else vocabulary.Add(piece, TokenKind.Text);
    }
}
