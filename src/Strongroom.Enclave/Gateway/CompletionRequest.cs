using System.Text.Json;
using Strongroom.Enclave.Memory;
using Strongroom.Weights.Models;

namespace Strongroom.Enclave.Gateway;

/// <param name="Role">Null for a prompt that is no chat.</param>
internal sealed record Message(string? Role, ProtectedText Text);

internal enum CompletionKind
{
    /// <summary>POST /v1/completions</summary>
    Text,

    /// <summary>POST /v1/chat/completions</summary>
    Chat,
}

/// <summary>
/// A request for a completion, read from its JSON without making a managed string of any prompt (spec/inference-api.md, Requests).
/// A member that this engine does not serve is refused unless its value asks for nothing; an unknown member is refused.
/// </summary>
internal sealed class CompletionRequest : IDisposable
{
    private const int MostStops = 4;

    private readonly List<Message> messages = [];
    private readonly List<string> stops = [];

    /// <summary>The member that is being read.</summary>
    private string? reading;

    private CompletionRequest(CompletionKind kind) => Kind = kind;

    internal CompletionKind Kind { get; }

    internal string? Model { get; private set; }

    /// <summary>A prompt is one message without a role.</summary>
    internal IReadOnlyList<Message> Messages => messages;

    internal IReadOnlyList<string> Stops => stops;

    internal int? MaxTokens { get; private set; }

    /// <summary>0 to 2; 0 is greedy.</summary>
    internal double Temperature { get; private set; } = 1;

    /// <summary>Above 0, at most 1.</summary>
    internal double TopP { get; private set; } = 1;

    internal long? Seed { get; private set; }

    internal bool Stream { get; private set; }

    internal bool IncludeUsage { get; private set; }

    /// <exception cref="ApiException">Not JSON, a member unknown, repeated, missing, out of range or not served.</exception>
    internal static CompletionRequest Parse(CompletionKind kind, ReadOnlySpan<byte> body, WorkingMemory memory)
    {
        var request = new CompletionRequest(kind);
        try
        {
            request.Read(body, memory);
            return request;
        }
        catch (JsonException)
        {
            request.Dispose();
            throw ApiException.Invalid("The body is not JSON.");
        }
        catch (InvalidOperationException)
        {
            request.Dispose();
            throw ApiException.Invalid("This has another type in this API, or is not Unicode text.", request.reading, "invalid_type");
        }
        catch
        {
            request.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var message in messages) message.Text.Dispose();
    }

    private void Read(ReadOnlySpan<byte> body, WorkingMemory memory)
    {
        var json = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = 8 });
        var seen = new HashSet<string>();
        Expect(ref json, JsonTokenType.StartObject, null);
        while (Next(ref json) == JsonTokenType.PropertyName)
        {
            reading = null;
            reading = json.GetString()!;
            if (!seen.Add(reading)) throw ApiException.Invalid("A member is given twice.", reading);
            if (Next(ref json) != JsonTokenType.Null) ReadMember(reading, ref json, memory);
        }
        if (json.Read()) throw new JsonException();
        if (Model is null) throw ApiException.Invalid("you must provide a model parameter", "model");
        var prompt = Kind == CompletionKind.Chat ? "messages" : "prompt";
        if (!seen.Contains(prompt)) throw ApiException.Invalid($"Missing required parameter: '{prompt}'.", prompt, "missing_required_parameter");
        if (IncludeUsage && !Stream) throw ApiException.Invalid("'stream_options' is only allowed when 'stream' is true.", "stream_options");
    }

    private void ReadMember(string name, ref Utf8JsonReader json, WorkingMemory memory)
    {
        switch (name)
        {
            case "model":
                Model = json.GetString();
                break;
            case "prompt" when Kind == CompletionKind.Text:
                ReadPrompt(ref json, memory);
                break;
            case "messages" when Kind == CompletionKind.Chat:
                ChatMessages.Read(ref json, messages, memory);
                break;
            case "max_tokens" or "max_completion_tokens":
                if (MaxTokens is not null) throw ApiException.Invalid("'max_tokens' and 'max_completion_tokens' say the same: give one.", name);
                MaxTokens = json.TryGetInt32(out var tokens) && tokens >= 1 ? tokens : throw OutOfRange(name, "an integer of at least 1");
                break;
            case "temperature":
                Temperature = json.TryGetDouble(out var temperature) && temperature is >= 0 and <= 2 ? temperature : throw OutOfRange(name, "between 0 and 2");
                break;
            case "top_p":
                TopP = json.TryGetDouble(out var top) && top is > 0 and <= 1 ? top : throw OutOfRange(name, "above 0 and at most 1");
                break;
            case "seed":
                Seed = json.TryGetInt64(out var seed) ? seed : throw OutOfRange(name, "an integer");
                break;
            case "stop":
                ReadStops(ref json);
                break;
            case "stream":
                Stream = json.GetBoolean();
                break;
            case "stream_options":
                ReadStreamOptions(ref json);
                break;
            default:
                UnservedMembers.Read(Kind, name, ref json);
                break;
        }
    }

    private void ReadPrompt(ref Utf8JsonReader json, WorkingMemory memory)
    {
        var isList = json.TokenType == JsonTokenType.StartArray;
        if (isList) json.Read();
        if (json.TokenType != JsonTokenType.String) throw ApiException.Invalid("'prompt' is one text here: no tokens, no batches.", "prompt");
        messages.Add(new(null, new(memory)));
        Copy(ref json, messages[0].Text);
        if (isList && Next(ref json) != JsonTokenType.EndArray) throw ApiException.Invalid("'prompt' is one text here: no batches.", "prompt");
    }

    private void ReadStops(ref Utf8JsonReader json)
    {
        if (json.TokenType == JsonTokenType.String)
        {
            AddStop(ref json);
            return;
        }
        if (json.TokenType != JsonTokenType.StartArray) throw OutOfRange("stop", "a text or a list of texts");
        while (Next(ref json) == JsonTokenType.String) AddStop(ref json);
        if (json.TokenType != JsonTokenType.EndArray) throw OutOfRange("stop", "a text or a list of texts");
    }

    private void AddStop(ref Utf8JsonReader json)
    {
        if (stops.Count == MostStops) throw OutOfRange("stop", $"at most {MostStops} texts");
        stops.Add(json.GetString()!);
        if (stops[^1].Length == 0) throw OutOfRange("stop", "texts that are not empty");
    }

    private void ReadStreamOptions(ref Utf8JsonReader json)
    {
        Expect(json.TokenType, JsonTokenType.StartObject, "stream_options");
        var seen = new HashSet<string>();
        while (Next(ref json) == JsonTokenType.PropertyName)
        {
            var name = json.GetString()!;
            if (!seen.Add(name)) throw ApiException.Invalid("A stream option is given twice.", "stream_options");
            if (Next(ref json) == JsonTokenType.Null) continue;
            if (name == "include_usage") IncludeUsage = json.GetBoolean();
            else if (name != "include_obfuscation" || json.GetBoolean()) throw ApiException.Invalid("Unknown stream option.", "stream_options");
        }
    }

    /// <summary>The unescaped text of a JSON string, from protected memory into protected memory.</summary>
    internal static void Copy(ref Utf8JsonReader json, ProtectedText to) => to.Advance(json.CopyString(to.Next(json.ValueSpan.Length)));

    internal static JsonTokenType Next(ref Utf8JsonReader json) => json.Read() ? json.TokenType : throw new JsonException();

    internal static ApiException OutOfRange(string name, string expected) => ApiException.Invalid($"'{name}' must be {expected}.", name, "invalid_value");

    internal static void Expect(JsonTokenType found, JsonTokenType expected, string? parameter)
    {
        if (found != expected) throw ApiException.Invalid("The JSON has another form here.", parameter, "invalid_type");
    }

    private static void Expect(ref Utf8JsonReader json, JsonTokenType expected, string? parameter) => Expect(Next(ref json), expected, parameter);
}
