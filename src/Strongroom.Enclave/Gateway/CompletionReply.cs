using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Strongroom.Weights.Models;

namespace Strongroom.Enclave.Gateway;

/// <summary>Writes an answer in the shapes of that API: whole, or in chunks as server-sent events (spec/inference-api.md, Answers).</summary>
/// <param name="kind">Text or chat.</param>
/// <param name="id">Of this completion.</param>
/// <param name="model">The model's name, as the client wrote it.</param>
/// <param name="created">Seconds since 1970.</param>
internal sealed class CompletionReply(CompletionKind kind, string id, string model, long created)
{
    internal const string EventStream = "text/event-stream";

    // The reply is JSON in its own media type, never part of a page: only what JSON itself demands is escaped, so that text stays text.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private bool IsChat => kind == CompletionKind.Chat;

    internal void WriteWhole(IBufferWriter<byte> to, ReadOnlySpan<byte> text, Generation generation)
    {
        using var json = new Utf8JsonWriter(to, Options);
        json.WriteStartObject();
        WriteHead(json, IsChat ? "chat.completion" : "text_completion");
        json.WriteStartArray("choices");
        json.WriteStartObject();
        json.WriteNumber("index", 0);
        if (IsChat)
        {
            json.WriteStartObject("message");
            json.WriteString("role", "assistant");
            json.WriteString("content", text);
            json.WriteNull("refusal");
            json.WriteEndObject();
        }
        else
        {
            json.WriteString("text", text);
        }
        json.WriteNull("logprobs");
        json.WriteString("finish_reason", Reason(generation));
        json.WriteEndObject();
        json.WriteEndArray();
        WriteUsage(json, generation);
        json.WriteEndObject();
    }

    /// <summary>The first event of a chat: who speaks.</summary>
    internal void WriteRole(IBufferWriter<byte> to)
    {
        if (IsChat) WriteEvent(to, [], isFirst: true, reason: null);
    }

    internal void WriteText(IBufferWriter<byte> to, ReadOnlySpan<byte> text) => WriteEvent(to, text, isFirst: false, reason: null);

    internal void WriteEnd(IBufferWriter<byte> to, Generation generation, bool includeUsage)
    {
        WriteEvent(to, [], isFirst: false, Reason(generation));
        if (includeUsage) WriteUsageEvent(to, generation);
        to.Write("data: [DONE]\n\n"u8);
    }

    internal static void WriteError(IBufferWriter<byte> to, ApiException error)
    {
        to.Write("data: "u8);
        using (var json = new Utf8JsonWriter(to)) error.Write(json);
        to.Write("\n\n"u8);
    }

    private void WriteEvent(IBufferWriter<byte> to, ReadOnlySpan<byte> text, bool isFirst, string? reason)
    {
        to.Write("data: "u8);
        using (var json = new Utf8JsonWriter(to, Options))
        {
            json.WriteStartObject();
            WriteHead(json, IsChat ? "chat.completion.chunk" : "text_completion");
            json.WriteStartArray("choices");
            json.WriteStartObject();
            json.WriteNumber("index", 0);
            if (IsChat)
            {
                json.WriteStartObject("delta");
                if (isFirst) json.WriteString("role", "assistant");
                if (isFirst || text.Length > 0) json.WriteString("content", text);
                json.WriteEndObject();
            }
            else
            {
                json.WriteString("text", text);
            }
            json.WriteNull("logprobs");
            json.WriteString("finish_reason", reason);
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }
        to.Write("\n\n"u8);
    }

    private void WriteUsageEvent(IBufferWriter<byte> to, Generation generation)
    {
        to.Write("data: "u8);
        using (var json = new Utf8JsonWriter(to, Options))
        {
            json.WriteStartObject();
            WriteHead(json, IsChat ? "chat.completion.chunk" : "text_completion");
            json.WriteStartArray("choices");
            json.WriteEndArray();
            WriteUsage(json, generation);
            json.WriteEndObject();
        }
        to.Write("\n\n"u8);
    }

    private void WriteHead(Utf8JsonWriter json, string type)
    {
        json.WriteString("id", id);
        json.WriteString("object", type);
        json.WriteNumber("created", created);
        json.WriteString("model", model);
    }

    private static void WriteUsage(Utf8JsonWriter json, Generation generation)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", generation.PromptTokens);
        json.WriteNumber("completion_tokens", generation.CompletionTokens);
        json.WriteNumber("total_tokens", generation.PromptTokens + generation.CompletionTokens);
        json.WriteEndObject();
    }

    /// <summary>A generation that its time limit ended has no reason of its own.</summary>
    private static string Reason(Generation generation) => generation.Finish == FinishReason.Stop ? "stop" : "length";
}
