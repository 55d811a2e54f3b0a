using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Weights.Models;

/// <summary>What one answer may be.</summary>
/// <param name="Sampling">How tokens are drawn.</param>
/// <param name="MaxTokens">Tokens of the answer at most; null for as many as the context holds.</param>
/// <param name="Stops">Texts that end the answer and are not part of it.</param>
public sealed record GenerationOptions(SamplingOptions Sampling, int? MaxTokens = null, IReadOnlyList<string>? Stops = null);

/// <summary>Why an answer is over.</summary>
public enum FinishReason
{
    /// <summary>The model ended it, or a stop string came.</summary>
    Stop,

    /// <summary>It reached its limit, or the context is full.</summary>
    Length,
}

/// <summary>The prompt does not fit the model's context.</summary>
public sealed class ContextLengthException(int tokens, int context)
    : Exception($"the prompt has {tokens} tokens, the model's context holds {context} with room for one more")
{
    public int Tokens { get; } = tokens;

    public int Context { get; } = context;
}

/// <summary>
/// One request to a model: add the prompt, then call <see cref="Next"/> until it returns false. Prompt, answer and everything between are in the memory
/// handed in and are wiped on dispose. For one thread at a time; several generations may run on one model at once.
/// </summary>
public sealed class Generation : IDisposable
{
    private readonly LlamaModel model;
    private readonly WorkingMemory memory;
    private readonly GenerationOptions options;
    private readonly Sampler sampler;
    private readonly Prompt prompt;
    private Session? session;
    private AnswerText? answer;

    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public Generation(LlamaModel model, WorkingMemory memory, GenerationOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(options);
        if (options.MaxTokens is { } max) ArgumentOutOfRangeException.ThrowIfLessThan(max, 1, nameof(options));
        if (options.Stops?.Any(string.IsNullOrEmpty) == true) throw new ArgumentOutOfRangeException(nameof(options), "an empty stop string");
        (this.model, this.memory, this.options) = (model, memory, options);
        sampler = new Sampler(options.Sampling, memory, model.Config.Vocabulary);
        prompt = new Prompt(model, memory);
    }

    /// <summary>Tokens of the prompt, those that the model wants around it included.</summary>
    public int PromptTokens => prompt.Count;

    /// <summary>Tokens of the answer so far, the one that ended it included.</summary>
    public int CompletionTokens { get; private set; }

    /// <summary>Why the answer is over; null while it is not.</summary>
    public FinishReason? Finish { get; private set; }

    /// <summary>Adds text to be continued.</summary>
    /// <exception cref="ContextLengthException">The prompt has become too long.</exception>
    /// <exception cref="OperationCanceledException">Nothing but <see cref="Dispose"/> may follow.</exception>
    public void AddText(ReadOnlySpan<byte> utf8, CancellationToken cancellation = default)
    {
        ThrowIfBegun();
        prompt.AddText(utf8, cancellation);
    }

    /// <summary>Adds a message of a conversation, written as the model's <see cref="ChatFormat"/> says.</summary>
    /// <param name="role"><c>system</c>, <c>user</c> or <c>assistant</c>.</param>
    /// <exception cref="ArgumentException">Another role.</exception>
    /// <exception cref="ContextLengthException">The prompt has become too long.</exception>
    /// <exception cref="OperationCanceledException">Nothing but <see cref="Dispose"/> may follow.</exception>
    public void AddMessage(string role, ReadOnlySpan<byte> utf8, CancellationToken cancellation = default)
    {
        ThrowIfBegun();
        prompt.AddMessage(role, utf8, cancellation);
    }

    /// <summary>Makes the next token. The first call reads the prompt.</summary>
    /// <param name="text">What may be sent on now: whole UTF-8 characters, often none; valid until the next call.</param>
    /// <returns>False when the answer is over; <paramref name="text"/> may still hold its end.</returns>
    /// <exception cref="MalformedException">The weights give no numbers; or the tokenizer cannot tell that the prompt is in the form it wants.</exception>
    /// <exception cref="OperationCanceledException">Nothing but <see cref="Dispose"/> may follow.</exception>
    /// <exception cref="OutOfMemoryException">The memory handed in has no room for the KV cache.</exception>
    public bool Next(out ReadOnlySpan<byte> text, CancellationToken cancellation = default)
    {
        text = [];
        if (Finish is not null) return false;
        if (session is null) Begin(cancellation);
        var token = sampler.Draw(session!.MutableLogits);
        CompletionTokens++;
        if (prompt.Ends.Contains(token))
        {
            Finish = FinishReason.Stop;
            text = answer!.End();
            return false;
        }
        var last = CompletionTokens == options.MaxTokens || session.Position == session.Capacity;
        text = answer!.Add(model.Tokenizer.Piece(token), last);
        if (answer.Stopped || last)
        {
            Finish = answer.Stopped ? FinishReason.Stop : FinishReason.Length;
            return false;
        }
        session.Read([token], cancellation);
        return true;
    }

    public void Dispose()
    {
        session?.Dispose();
        answer?.Dispose();
        sampler.Dispose();
        prompt.Dispose();
    }

    private void Begin(CancellationToken cancellation)
    {
        prompt.Finish(cancellation);
        var capacity = (int)Math.Min(model.Config.Context, (long)prompt.Count + (options.MaxTokens ?? model.Config.Context));
        session = new Session(model, memory, capacity);
        var stops = (options.Stops ?? []).Select(Encoding.UTF8.GetBytes).ToList();
        answer = new AnswerText(memory, stops, model.Tokenizer.LongestPiece, skipSpace: prompt.AnswerHidesSpace);
        session.Read(prompt.Tokens, cancellation);
    }

    private void ThrowIfBegun()
    {
        if (session is not null) throw new InvalidOperationException("the answer has begun: the prompt can no longer grow");
    }
}
