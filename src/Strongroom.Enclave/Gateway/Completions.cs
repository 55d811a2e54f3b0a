using System.Globalization;
using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Enclave.Memory;
using Strongroom.Weights.Models;

namespace Strongroom.Enclave.Gateway;

/// <summary>Answers requests for completions with one model. Prompts and answers are in protected memory from the moment that the web server hands them over.</summary>
public sealed class Completions(LlamaModel model, string name, WorkingMemory memory, GatewayLimits limits, TimeProvider clock) : IDisposable
{
    private readonly Turns turns = new(limits.MaxConcurrent, limits.MaxWaiting);
    private readonly CancellationTokenSource stopping = new();

    public string Name => name;

    /// <summary>When the model became available.</summary>
    public DateTimeOffset Created { get; } = clock.GetUtcNow();

    /// <summary>No answer goes on after this; for the moment before its memory is wiped.</summary>
    public void Stop() => stopping.Cancel();

    public void Dispose()
    {
        turns.Dispose();
        stopping.Dispose();
    }

    internal async Task AnswerAsync(CompletionKind kind, HttpContext http)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stopping.Token);
        await MakeAsync(kind, http, ending.Token);
        // The engine is the next one's by now: nobody waits for a client that takes the rest of its answer slowly.
        await http.Response.BodyWriter.FlushAsync(ending.Token);
    }

    private async Task MakeAsync(CompletionKind kind, HttpContext http, CancellationToken ending)
    {
        using var place = turns.Enter();
        using var request = await ReadAsync(kind, http.Request, ending);
        if (request.Model != name) throw new ApiException(404, "The model does not exist or you do not have access to it.", "model_not_found", "model");
        await place.WaitAsync(ending);
        using var limit = new CancellationTokenSource(limits.MaxDuration, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ending, limit.Token);
        try
        {
            using var generation = Begin(request, either.Token);
            var reply = new CompletionReply(kind, Id(kind), name, clock.GetUtcNow().ToUnixTimeSeconds());
            if (request.Stream) await StreamAsync(request, generation, reply, http.Response, either.Token, ending);
            else await WholeAsync(generation, reply, http.Response, either.Token, ending);
        }
        catch (Exception e) when (Unanswerable(kind, e) is { } refusal)
        {
            throw refusal;
        }
        catch (OperationCanceledException) when (!ending.IsCancellationRequested)
        {
            throw new ApiException(503, "The prompt could not be read in the time that an answer may take.", "overloaded");
        }
    }

    private async Task<CompletionRequest> ReadAsync(CompletionKind kind, HttpRequest http, CancellationToken ending)
    {
        if (http.ContentType is null || !http.ContentType.StartsWith("application/json", StringComparison.OrdinalIgnoreCase))
            throw new ApiException(415, "Send the request as application/json.", "unsupported_media_type");
        using var limit = new CancellationTokenSource(limits.MaxArrival, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ending, limit.Token);
        using var body = new ProtectedText(memory, (int)Math.Clamp(http.ContentLength ?? 4096, 256, limits.MaxRequestBytes));
        try
        {
            while (true)
            {
                var read = await http.BodyReader.ReadAsync(either.Token);
                foreach (var part in read.Buffer) body.Append(part.Span);
                http.BodyReader.AdvanceTo(read.Buffer.End);
                if (body.Length > limits.MaxRequestBytes) throw new ApiException(413, "The request is too large.", "request_too_large");
                if (read.IsCompleted) return CompletionRequest.Parse(kind, body.Written, memory);
            }
        }
        catch (OperationCanceledException) when (!ending.IsCancellationRequested)
        {
            throw new ApiException(408, "The request took too long to arrive.", "request_timeout");
        }
    }

    private Generation Begin(CompletionRequest request, CancellationToken either)
    {
        // Where nothing is said, 16 tokens for a text, as that API has it, and as many as the context holds for a chat.
        var asked = request.MaxTokens ?? (request.Kind == CompletionKind.Text ? 16 : limits.MaxTokens);
        var options = new GenerationOptions(new(request.Temperature, request.TopP, request.Seed), Math.Min(asked, limits.MaxTokens), request.Stops);
        var generation = new Generation(model, memory, options);
        try
        {
            foreach (var message in request.Messages)
            {
                if (message.Role is { } role) generation.AddMessage(role, message.Text.Written, either);
                else generation.AddText(message.Text.Written, either);
            }
            return generation;
        }
        catch
        {
            generation.Dispose();
            throw;
        }
    }

    /// <param name="either">The answer's time is over, or <paramref name="ending"/>.</param>
    /// <param name="ending">The client has gone, or the enclave ends: there is no answer any more.</param>
    private async Task WholeAsync(Generation generation, CompletionReply reply, HttpResponse response, CancellationToken either, CancellationToken ending)
    {
        using var answer = new ProtectedText(memory);
        await Task.Run(() => { while (Next(generation, answer, either, ending)) { } }, CancellationToken.None);
        response.ContentType = "application/json";
        reply.WriteWhole(response.BodyWriter, answer.Written, generation);
    }

    /// <inheritdoc cref="WholeAsync"/>
    private async Task StreamAsync(
        CompletionRequest request, Generation generation, CompletionReply reply, HttpResponse response, CancellationToken either, CancellationToken ending)
    {
        using var piece = new ProtectedText(memory);
        // The first token comes before the headers: what is refused is refused with its status.
        var goesOn = await Task.Run(() => Next(generation, piece, either, ending), CancellationToken.None);
        response.ContentType = CompletionReply.EventStream;
        response.Headers.CacheControl = "no-cache";
        reply.WriteRole(response.BodyWriter);
        while (true)
        {
            if (piece.Length > 0) reply.WriteText(response.BodyWriter, piece.Written);
            piece.RemoveFirst(piece.Length);
            if (!goesOn) break;
            goesOn = await FlushAsync(response, either, ending) && await Task.Run(() => Next(generation, piece, either, ending), CancellationToken.None);
        }
        reply.WriteEnd(response.BodyWriter, generation, request.IncludeUsage);
    }

    /// <summary>False when the time limit came first: a client that does not read holds nobody up for longer than that.</summary>
    private static async Task<bool> FlushAsync(HttpResponse response, CancellationToken either, CancellationToken ending)
    {
        try
        {
            await response.BodyWriter.FlushAsync(either);
            return true;
        }
        catch (OperationCanceledException) when (!ending.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>Adds what the next token made ready; false at the end, which the time limit is too.</summary>
    private static bool Next(Generation generation, ProtectedText to, CancellationToken either, CancellationToken ending)
    {
        try
        {
            var goesOn = generation.Next(out var text, either);
            to.Append(text);
            return goesOn;
        }
        catch (OperationCanceledException) when (!ending.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>What this model cannot answer is no failure of the enclave. What the engine says of it stays here: it may name a character of the prompt.</summary>
    private static ApiException? Unanswerable(CompletionKind kind, Exception e) => e switch
    {
        ContextLengthException length => ApiException.Invalid(
            string.Create(CultureInfo.InvariantCulture, $"This model's maximum context length is {length.Context} tokens, your prompt has {length.Tokens} or more."),
            parameter: null, "context_length_exceeded"),
        MalformedException => ApiException.Invalid(
            "This model cannot answer that prompt: it is empty, it is not in Unicode's normal form C, or the model's weights give no numbers for it.",
            kind == CompletionKind.Chat ? "messages" : "prompt", "invalid_value"),
        _ => null,
    };

    private static string Id(CompletionKind kind) => (kind == CompletionKind.Chat ? "chatcmpl-" : "cmpl-") + RandomNumberGenerator.GetHexString(24, lowercase: true);
}
