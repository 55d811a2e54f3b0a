using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Weights.Models;

/// <summary>The tokens of a prompt while it is put together.</summary>
internal sealed class Prompt(LlamaModel model, WorkingMemory memory) : IDisposable
{
    private readonly Buffer<int> tokens = new(memory, model.Config.Context);
    private Buffer<byte>? system;
    private bool isChat;
    private bool hasText;

    /// <summary>Of the call that is under way.</summary>
    private CancellationToken cancellation;

    public int Count { get; private set; }

    public ReadOnlySpan<int> Tokens => tokens.Span[..Count];

    /// <summary>Tokens that end the answer to this prompt.</summary>
    public IReadOnlyList<int> Ends { get; private set; } = model.Tokenizer.Ends;

    /// <summary>The space in front of the answer's first word belongs to the encoding.</summary>
    public bool AnswerHidesSpace => model.Tokenizer.HidesFirstSpace && (!hasText || (isChat && model.Chat != ChatFormat.Plain));

    public void AddText(ReadOnlySpan<byte> utf8, CancellationToken cancellation = default)
    {
        this.cancellation = cancellation;
        if (Count == 0) AddBegin();
        AddPieces(utf8, [], [], start: !hasText);
    }

    public void AddMessage(string role, ReadOnlySpan<byte> utf8, CancellationToken cancellation = default)
    {
        this.cancellation = cancellation;
        if (role is not ("system" or "user" or "assistant")) throw new ArgumentException($"the role {role} is not system, user or assistant", nameof(role));
        isChat = true;
        if (Count == 0 && model.Chat != ChatFormat.Llama2) AddBegin();
        switch (model.Chat)
        {
            case ChatFormat.Plain:
                AddPieces(hasText ? "\n"u8 : [], utf8, [], start: !hasText);
                break;
            case ChatFormat.ChatMl:
                AddControl("<|im_start|>");
                AddPieces(Encoding.ASCII.GetBytes(role + "\n"), utf8, [], start: true);
                AddControl("<|im_end|>");
                AddPieces("\n"u8, [], [], start: true);
                break;
            case ChatFormat.Llama3:
                AddLlama3Header(role);
                AddPieces("\n\n"u8, Trim(utf8), [], start: true);
                AddControl("<|eot_id|>");
                break;
            case ChatFormat.Llama2:
                AddLlama2(role, Trim(utf8));
                break;
        }
    }

    /// <summary>Call last: hands the turn to the model.</summary>
    /// <exception cref="MalformedException">There is nothing to continue, and the model has no token that begins a text.</exception>
    public void Finish(CancellationToken cancellation = default)
    {
        this.cancellation = cancellation;
        if (system is not null) AddLlama2("user", []);
        if (isChat && model.Chat == ChatFormat.ChatMl)
        {
            AddControl("<|im_start|>");
            AddPieces("assistant\n"u8, [], [], start: true);
            Ends = [.. Ends.Append(Control("<|im_end|>")).Distinct()];
        }
        if (isChat && model.Chat == ChatFormat.Llama3)
        {
            AddLlama3Header("assistant");
            AddPieces("\n\n"u8, [], [], start: true);
            Ends = [.. Ends.Append(Control("<|eot_id|>")).Distinct()];
        }
        if (Count == 0) Add(model.Tokenizer.Begin ?? throw new MalformedException(-1, "an empty prompt, and the model has no token that begins a text"));
        if (Count == model.Config.Context) throw new ContextLengthException(Count, model.Config.Context);
    }

    public void Dispose()
    {
        tokens.Dispose();
        system?.Dispose();
    }

    private void AddLlama3Header(string role)
    {
        AddControl("<|start_header_id|>");
        AddPieces(Encoding.ASCII.GetBytes(role), [], [], start: true);
        AddControl("<|end_header_id|>");
    }

    private void AddLlama2(string role, ReadOnlySpan<byte> content)
    {
        if (role == "system")
        {
            // This form has a place for one, in front of a user's message: several become one, and none is lost.
            using var before = system;
            system = before is null ? Join(content, [], []) : Join(before.Span, "\n"u8, content);
        }
        else if (role == "user")
        {
            AddBegin();
            using var opening = system is null ? Join("[INST] "u8, [], []) : Join("[INST] <<SYS>>\n"u8, system.Span, "\n<</SYS>>\n\n"u8);
            AddPieces(opening.Span, content, " [/INST]"u8, start: true);
            system?.Dispose();
            system = null;
        }
        else
        {
            AddPieces(" "u8, content, " "u8, start: false);
            if (model.Tokenizer.Ends is [var end, ..]) Add(end);
        }
    }

    private void AddBegin()
    {
        if (model.Tokenizer is { AddsBegin: true, Begin: { } begin }) Add(begin);
    }

    private int Control(string name) => model.Tokenizer.Control(name) ?? throw new InvalidOperationException($"the model has no {name}");

    private void AddControl(string name) => Add(Control(name));

    private void AddPieces(ReadOnlySpan<byte> before, ReadOnlySpan<byte> text, ReadOnlySpan<byte> after, bool start)
    {
        var length = (long)before.Length + text.Length + after.Length;
        if (length == 0) return;
        // Text that could not fit even in the longest tokens is refused before any work is done on it.
        var least = length / model.Tokenizer.LongestPiece;
        if (least > tokens.Length - Count) throw new ContextLengthException((int)Math.Min(int.MaxValue, Count + least), model.Config.Context);
        using var whole = Join(before, text, after);
        using var made = new Buffer<int>(memory, model.Tokenizer.MaxTokens(whole.Span.Length));
        var count = model.Tokenizer.Encode(whole.Span, made.Span, memory, start && !(hasText && model.Tokenizer.PrefixesOnce), cancellation);
        if (count > tokens.Length - Count) throw new ContextLengthException(Count + count, model.Config.Context);
        made.Span[..count].CopyTo(tokens.Span[Count..]);
        Count += count;
        hasText = true;
    }

    private void Add(int token)
    {
        if (Count == tokens.Length) throw new ContextLengthException(Count + 1, model.Config.Context);
        tokens.Span[Count++] = token;
    }

    private Buffer<byte> Join(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, ReadOnlySpan<byte> c)
    {
        var joined = new Buffer<byte>(memory, a.Length + b.Length + c.Length);
        a.CopyTo(joined.Span);
        b.CopyTo(joined.Span[a.Length..]);
        c.CopyTo(joined.Span[(a.Length + b.Length)..]);
        return joined;
    }

    private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> utf8) => utf8.Trim(" \t\r\n"u8);
}
