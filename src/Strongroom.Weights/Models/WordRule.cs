using System.Globalization;
using System.Text;

namespace Strongroom.Weights.Models;

/// <summary>The regular expressions by which byte-level tokenizers cut a text into words, each written out by hand so that it runs on UTF-8.</summary>
/// <param name="AnyCase">English contractions count in capitals too.</param>
/// <param name="AnyLead">A word may begin with any one character that is no letter, digit or line end; else with one space.</param>
/// <param name="MaxDigits">Digits that stay together; 0 for all, with a space before them.</param>
/// <param name="LineEnds">Line ends stick to the punctuation or the white space before them.</param>
internal sealed record WordRule(bool AnyCase, bool AnyLead, int MaxDigits, bool LineEnds)
{
    public const string Gpt2Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    public const string Llama3Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public const string Qwen2Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>Before anything else, the text is cut around each digit.</summary>
    public bool LoneDigits { get; init; }

    /// <summary>The rule that a pattern spells, null for a pattern that nobody has written out.</summary>
    public static WordRule? FromPattern(string pattern) => pattern switch
    {
        Gpt2Pattern => new(AnyCase: false, AnyLead: false, MaxDigits: 0, LineEnds: false),
        Llama3Pattern => new(AnyCase: true, AnyLead: true, MaxDigits: 3, LineEnds: true),
        Qwen2Pattern => new(AnyCase: true, AnyLead: true, MaxDigits: 1, LineEnds: true),
        _ => null,
    };

    /// <summary>Length in bytes of the word that <paramref name="text"/> begins with; the alternatives in the pattern's order.</summary>
    public int Length(ReadOnlySpan<byte> text)
    {
        var contraction = Contraction(text);
        if (contraction > 0) return contraction;

        var first = Next(text, 0, out var width);
        if (first == Kind.None) return width;
        var second = width < text.Length ? Next(text, width, out _) : Kind.None;
        var lead = first == Kind.Space || (AnyLead && first is Kind.Other or Kind.White) ? width : 0;
        if (first == Kind.Letter) return Run(text, 0, Kind.Letter);
        if (lead > 0 && second == Kind.Letter) return Run(text, lead, Kind.Letter);
        if (MaxDigits > 0 && first == Kind.Digit) return Run(text, 0, Kind.Digit, MaxDigits);
        var space = first == Kind.Space ? width : 0;
        if (MaxDigits == 0 && (space == 0 ? first : second) == Kind.Digit) return Run(text, space, Kind.Digit);
        if ((space == 0 ? first : second) == Kind.Other) return Punctuation(text, space);
        return White(text);
    }

    private enum Kind
    {
        /// <summary>Where a text ends, and a digit that stands alone: no word goes on there.</summary>
        None,
        Letter,
        Digit,
        Space,
        LineEnd,
        White,
        Other,
    }

    private int Contraction(ReadOnlySpan<byte> text)
    {
        if (text.Length < 2 || text[0] != '\'') return 0;
        if (Lower(text[1]) is (byte)'s' or (byte)'t' or (byte)'m' or (byte)'d') return 2;
        if (text.Length < 3) return 0;
        return (Lower(text[1]), Lower(text[2])) is ((byte)'r', (byte)'e') or ((byte)'v', (byte)'e') or ((byte)'l', (byte)'l') ? 3 : 0;
    }

    private byte Lower(byte letter) => AnyCase && letter is >= (byte)'A' and <= (byte)'Z' ? (byte)(letter + 32) : letter;

    private int Punctuation(ReadOnlySpan<byte> text, int from)
    {
        var end = Run(text, from, Kind.Other);
        return LineEnds ? Run(text, end, Kind.LineEnd) : end;
    }

    // \s*[\r\n]+ ends after the last line end of the run; \s+(?!\S) leaves the last character to the word that follows; \s+ takes what is left.
    private int White(ReadOnlySpan<byte> text)
    {
        int end = 0, afterLineEnd = 0, beforeLast = 0;
        var wordFollows = false;
        while (end < text.Length)
        {
            var kind = Next(text, end, out var width);
            wordFollows = kind is not (Kind.Space or Kind.White or Kind.LineEnd or Kind.None);
            if (wordFollows || kind == Kind.None) break;
            beforeLast = end;
            end += width;
            if (kind == Kind.LineEnd) afterLineEnd = end;
        }
        if (LineEnds && afterLineEnd > 0) return afterLineEnd;
        return wordFollows && beforeLast > 0 ? beforeLast : end;
    }

    private int Run(ReadOnlySpan<byte> text, int from, Kind kind, int max = int.MaxValue)
    {
        while (from < text.Length && max-- > 0 && Next(text, from, out var width) == kind) from += width;
        return from;
    }

    private Kind Next(ReadOnlySpan<byte> text, int at, out int width)
    {
        Rune.DecodeFromUtf8(text[at..], out var rune, out width);
        if (rune.Value == ' ') return Kind.Space;
        if (rune.Value is '\r' or '\n') return Kind.LineEnd;
        if (Rune.IsWhiteSpace(rune)) return Kind.White;
        return Rune.GetUnicodeCategory(rune) switch
        {
            <= UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => LoneDigits ? Kind.None : Kind.Digit,
            _ => Kind.Other,
        };
    }
}
