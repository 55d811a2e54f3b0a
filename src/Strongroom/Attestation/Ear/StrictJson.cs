using System.Text;
using System.Text.Json;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Ear;

/// <summary>JSON and base64url of tokens, each in the one form that counts: what two readers could take for two things is refused.</summary>
internal static class StrictJson
{
    private static readonly JsonDocumentOptions Options = new() { AllowDuplicateProperties = false, MaxDepth = 32 };
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    /// <exception cref="MalformedException">Not UTF-8, no JSON object, or a member twice, at any depth.</exception>
    public static JsonElement Object(ReadOnlySpan<byte> utf8, string what)
    {
        try
        {
            using var document = JsonDocument.Parse(Utf8.GetString(utf8), Options);
            ReadAll(document.RootElement);
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : throw new MalformedException(0, $"{what} is no JSON object");
        }
        catch (Exception e) when (e is JsonException or DecoderFallbackException or InvalidOperationException)
        {
            throw new MalformedException(-1, $"{what} is not the JSON expected here: {e.Message}");
        }
    }

    /// <summary>Half a surrogate pair, written as an escape, is noticed only when the string is read: read all of them here.</summary>
    private static void ReadAll(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String) value.GetString();
        else if (value.ValueKind == JsonValueKind.Array) foreach (var each in value.EnumerateArray()) ReadAll(each);
        else if (value.ValueKind == JsonValueKind.Object) foreach (var each in value.EnumerateObject()) { _ = each.Name; ReadAll(each.Value); }
    }

    /// <exception cref="MalformedException">Not the one spelling of <see cref="UrlBase64"/>.</exception>
    public static byte[] Base64(ReadOnlySpan<char> text, string what) => UrlBase64.Decode(text, what);

    /// <returns>Null where there is no such member.</returns>
    /// <exception cref="MalformedException">It is something other than a string.</exception>
    public static string? Text(JsonElement of, string member) =>
        !of.TryGetProperty(member, out var value) ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString() : throw new MalformedException(-1, $"{member} is no string");

    public static string RequiredText(JsonElement of, string member) => Text(of, member) ?? throw new MalformedException(-1, $"there is no {member}");

    /// <summary>NumericDate of RFC 7519, whole seconds only.</summary>
    /// <exception cref="MalformedException">A fraction, another type, or a time that no calendar has.</exception>
    public static DateTimeOffset? Time(JsonElement of, string member)
    {
        if (!of.TryGetProperty(member, out var value)) return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var seconds) && seconds is >= 0 and <= 253_402_300_799
            ? DateTimeOffset.FromUnixTimeSeconds(seconds) : throw new MalformedException(-1, $"{member} is no time in whole seconds");
    }

    /// <summary>A string, or an array of strings.</summary>
    public static IReadOnlyList<string> Texts(JsonElement of, string member)
    {
        if (!of.TryGetProperty(member, out var value)) return [];
        if (value.ValueKind != JsonValueKind.Array) return [RequiredText(of, member)];
        return [.. value.EnumerateArray().Select(each => each.ValueKind == JsonValueKind.String ? each.GetString()! : throw new MalformedException(-1, $"{member} has something that is no string"))];
    }
}
