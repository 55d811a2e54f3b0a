using System.Text;

namespace Strongroom.Weights.Models;

/// <summary>
/// Text to tokens and back, by byte-pair encoding. Works on UTF-8 in memory that is handed in, so that a prompt never becomes a managed string.
/// </summary>
/// <remarks>
/// Control tokens are never made from text: a person who types <c>&lt;|im_end|&gt;</c> gets those ten characters. Only <see cref="ChatFormat"/> writes them.
/// </remarks>
public sealed unsafe class Tokenizer
{
    private readonly Vocabulary vocabulary;
    private readonly MergeRule merges;
    private readonly TextForm form;

    internal Tokenizer(Vocabulary vocabulary, MergeRule merges, TextForm form, int? begin, bool addsBegin, IReadOnlyList<int> ends)
    {
        (this.vocabulary, this.merges, this.form, Begin, AddsBegin, Ends) = (vocabulary, merges, form, begin, addsBegin, ends);
    }

    /// <summary>Number of tokens.</summary>
    public int Count => vocabulary.Count;

    /// <summary>The token that every text begins with, where the model has one.</summary>
    public int? Begin { get; }

    /// <summary>The model wants <see cref="Begin"/> in front of a prompt.</summary>
    public bool AddsBegin { get; }

    /// <summary>Tokens that end an answer.</summary>
    public IReadOnlyList<int> Ends { get; }

    /// <summary>A space in front of the first word belongs to the encoding, not to the text.</summary>
    internal bool HidesFirstSpace => form.Prefix.Length > 0;

    /// <summary>That space is put at the start of the whole prompt only, not after each control token.</summary>
    internal bool PrefixesOnce => form.PrefixOnce;

    /// <summary>Bytes that a token adds to a text at most.</summary>
    internal int LongestPiece => vocabulary.Longest;

    /// <summary>Room that <see cref="Encode"/> can need for <paramref name="utf8Bytes"/> bytes of text.</summary>
    public int MaxTokens(int utf8Bytes) => checked(form.MaxBytes(utf8Bytes));

    /// <summary>Writes the tokens of a text, without <see cref="Begin"/>.</summary>
    /// <param name="start">The text starts a document: rules for the first word apply.</param>
    /// <param name="scratch">Where the work is done; wiped before the method returns.</param>
    /// <returns>Number of tokens written.</returns>
    /// <exception cref="ArgumentException"><paramref name="tokens"/> has less room than <see cref="MaxTokens"/>.</exception>
    /// <exception cref="OperationCanceledException">A long text takes seconds.</exception>
    public int Encode(ReadOnlySpan<byte> utf8, Span<int> tokens, WorkingMemory scratch, bool start = true, CancellationToken cancellation = default)
    {
        if (utf8.IsEmpty) return 0;
        if (tokens.Length < MaxTokens(utf8.Length)) throw new ArgumentException("too little room for the tokens", nameof(tokens));
        using var normal = new Buffer<byte>(scratch, form.MaxBytes(utf8.Length));
        var text = (ReadOnlySpan<byte>)normal.Span[..form.Normalise(utf8, normal.Span, start)];
        using var work = new MergeWork(scratch, text.Length);
        var count = 0;
        while (!text.IsEmpty)
        {
            cancellation.ThrowIfCancellationRequested();
            var length = form.NextWord(text);
            count += merges.Encode(vocabulary, text[..length], tokens[count..], work, cancellation);
            text = text[length..];
        }
        return count;
    }

    /// <summary>The bytes that a token adds to a text; a character may be spread over several tokens. Empty for control tokens.</summary>
    public ReadOnlySpan<byte> Piece(int token) => vocabulary.Kind(token) is TokenKind.Control or TokenKind.Unknown ? [] : vocabulary.Piece(token);

    /// <summary>The control token with this name, such as <c>&lt;|im_start|&gt;</c>.</summary>
    public int? Control(string name) => vocabulary.FindControl(name);

    /// <summary>For programs that guard no prompt: tokens of a text, without <see cref="Begin"/>.</summary>
    public int[] Encode(string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        var tokens = new int[MaxTokens(utf8.Length)];
        return tokens[..Encode(utf8, tokens, WorkingMemory.Ordinary)];
    }

    /// <summary>For programs that guard no answer: the text of tokens.</summary>
    public string Decode(IEnumerable<int> tokens)
    {
        var bytes = new List<byte>();
        foreach (var token in tokens) bytes.AddRange(Piece(token));
        var text = Encoding.UTF8.GetString([.. bytes]);
        return HidesFirstSpace && text.StartsWith(' ') ? text[1..] : text;
    }
}
