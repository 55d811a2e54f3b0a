using System.Text.Json;
using Strongroom.Enclave.Memory;
using Strongroom.Weights.Models;

namespace Strongroom.Enclave.Gateway;

/// <summary>The "messages" of a chat: roles as names, contents in protected memory (spec/inference-api.md, Chat).</summary>
internal static class ChatMessages
{
    internal static void Read(ref Utf8JsonReader json, List<Message> messages, WorkingMemory memory)
    {
        CompletionRequest.Expect(json.TokenType, JsonTokenType.StartArray, "messages");
        while (CompletionRequest.Next(ref json) == JsonTokenType.StartObject)
        {
            // Listed before it is read, so that it is wiped too when reading it fails.
            var text = new ProtectedText(memory);
            messages.Add(new(null, text));
            messages[^1] = new(ReadMessage(ref json, text), text);
        }
        CompletionRequest.Expect(json.TokenType, JsonTokenType.EndArray, "messages");
        if (messages.Count == 0) throw ApiException.Invalid("'messages' must hold at least one message.", "messages", "empty_array");
    }

    private static string ReadMessage(ref Utf8JsonReader json, ProtectedText text)
    {
        string? role = null;
        var seen = new HashSet<string>();
        while (CompletionRequest.Next(ref json) == JsonTokenType.PropertyName)
        {
            var name = json.GetString()!;
            // Clients send an earlier answer back with all its members, most of them null.
            if (CompletionRequest.Next(ref json) == JsonTokenType.Null) continue;
            if (!seen.Add(name)) throw ApiException.Invalid("A member of a message is given twice.", "messages");
            switch (name)
            {
                case "role":
                    role = json.GetString();
                    break;
                case "content":
                    ReadContent(ref json, text);
                    break;
                case "name" when json.TokenType == JsonTokenType.String: // of a participant: no chat format has a place for it
                case "annotations" when UnservedMembers.IsEmpty(ref json):
                    break;
                default:
                    throw ApiException.Invalid("A message has a role and a content here, and nothing else.", "messages");
            }
        }
        if (!seen.Contains("content")) throw ApiException.Invalid("A message needs a content.", "messages");
        return role switch
        {
            "system" or "user" or "assistant" => role,
            "developer" => "system", // the newer name of the same role
            _ => throw ApiException.Invalid("A message's role is system, developer, user or assistant.", "messages", "invalid_value"),
        };
    }

    private static void ReadContent(ref Utf8JsonReader json, ProtectedText text)
    {
        if (json.TokenType == JsonTokenType.String)
        {
            CompletionRequest.Copy(ref json, text);
            return;
        }
        CompletionRequest.Expect(json.TokenType, JsonTokenType.StartArray, "messages");
        while (CompletionRequest.Next(ref json) == JsonTokenType.StartObject) ReadPart(ref json, text);
        CompletionRequest.Expect(json.TokenType, JsonTokenType.EndArray, "messages");
    }

    private static void ReadPart(ref Utf8JsonReader json, ProtectedText text)
    {
        bool hasType = false, hasText = false;
        while (CompletionRequest.Next(ref json) == JsonTokenType.PropertyName)
        {
            var name = json.GetString();
            CompletionRequest.Next(ref json);
            switch (name)
            {
                case "type" when !hasType && json.ValueTextEquals("text"):
                    hasType = true;
                    break;
                case "text" when !hasText:
                    hasText = true;
                    CompletionRequest.Copy(ref json, text);
                    break;
                default:
                    throw ApiException.Invalid("A message's content is text here.", "messages", "invalid_value");
            }
        }
        if (!hasType || !hasText) throw ApiException.Invalid("A part of a content has a type and a text.", "messages", "invalid_value");
    }
}
