using System.Text.Json;

namespace Strongroom.Enclave.Gateway;

/// <summary>Members of that API which this engine does not serve: accepted where their value asks for nothing, so that clients which always send them work.</summary>
internal static class UnservedMembers
{
    internal static void Read(CompletionKind kind, string name, ref Utf8JsonReader json)
    {
        var asksForNothing = name switch
        {
            "n" or "best_of" => json.TryGetInt32(out var count) && count == 1,
            "presence_penalty" or "frequency_penalty" => json.TryGetDouble(out var penalty) && penalty == 0,
            "logprobs" or "echo" or "store" or "parallel_tool_calls" => json.TokenType == JsonTokenType.False,
            "logit_bias" or "metadata" => IsEmpty(ref json),
            "tools" or "functions" when kind == CompletionKind.Chat => IsEmpty(ref json),
            "user" or "safety_identifier" or "prompt_cache_key" => json.TokenType == JsonTokenType.String,
            "response_format" when kind == CompletionKind.Chat => IsText(ref json),
            _ => throw ApiException.Invalid("Unrecognized request argument supplied.", name, "unknown_parameter"),
        };
        if (!asksForNothing) throw ApiException.Invalid("This engine does not serve that.", name, "unsupported_parameter");
    }

    internal static bool IsEmpty(ref Utf8JsonReader json)
    {
        if (json.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray)) return false;
        return CompletionRequest.Next(ref json) is JsonTokenType.EndObject or JsonTokenType.EndArray;
    }

    private static bool IsText(ref Utf8JsonReader json)
    {
        if (json.TokenType != JsonTokenType.StartObject || CompletionRequest.Next(ref json) != JsonTokenType.PropertyName || !json.ValueTextEquals("type")) return false;
        return CompletionRequest.Next(ref json) == JsonTokenType.String && json.ValueTextEquals("text") && CompletionRequest.Next(ref json) == JsonTokenType.EndObject;
    }
}
