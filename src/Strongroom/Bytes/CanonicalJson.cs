using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Strongroom.Bytes;

/// <summary>
/// The JSON Canonicalization Scheme (RFC 8785) for the values that our formats use: objects, arrays, strings, booleans and integers of at most
/// 2^53 in size. Null, fractions and larger integers do not occur: an absent member is left out, a larger integer is written as a string.
/// </summary>
/// <remarks>
/// What was signed or hashed must have one spelling. <see cref="Parse"/> therefore writes what it read and refuses any input that differs from it.
/// </remarks>
public static class CanonicalJson
{
    /// <summary>Largest integer that every JSON reader holds exactly (RFC 8785 section 3.2.2.3).</summary>
    public const long MaxInteger = 1L << 53;

    private static readonly SearchValues<char> Escaped =
        SearchValues.Create("\"\\" + string.Concat(Enumerable.Range(0, 0x20).Select(control => (char)control)));

    public static byte[] Serialize<T>(T value, JsonTypeInfo<T> type) => Write(JsonSerializer.SerializeToNode(value, type));

    /// <exception cref="MalformedException">
    /// Not JSON, not canonical, a member unknown, missing or repeated, a value of the wrong type, or longer than <paramref name="maxBytes"/>.
    /// </exception>
    public static T Parse<T>(ReadOnlySpan<byte> utf8, JsonTypeInfo<T> type, int maxBytes = 65_535)
    {
        var value = Read(utf8, type, maxBytes);
        var written = Rewrite(value, type);
        var same = utf8.CommonPrefixLength(written);
        return same == utf8.Length && same == written.Length ? value : throw new MalformedException(same, "not canonical JSON (RFC 8785)");
    }

    /// <summary>A null that was read into a list has no canonical form: what held it was malformed.</summary>
    private static byte[] Rewrite<T>(T value, JsonTypeInfo<T> type)
    {
        try
        {
            return Serialize(value, type);
        }
        catch (ArgumentException e)
        {
            throw new MalformedException(-1, e.Message);
        }
    }

    /// <summary>Reads strictly but accepts any spelling: for requests and replies, whose bytes nobody signs or hashes.</summary>
    /// <exception cref="MalformedException">As for <see cref="Parse"/>, spelling apart.</exception>
    public static T Read<T>(ReadOnlySpan<byte> utf8, JsonTypeInfo<T> type, int maxBytes = 65_535)
    {
        if (utf8.Length > maxBytes) throw new MalformedException(maxBytes, $"longer than {maxBytes} bytes");
        try
        {
            return JsonSerializer.Deserialize(utf8, type) ?? throw new MalformedException(0, "null is no value here");
        }
        catch (JsonException e)
        {
            throw new MalformedException(e.BytePositionInLine ?? -1, $"not the JSON expected here, {e.Path ?? "at the start"}");
        }
        catch (Exception e) when (e is NotSupportedException or InvalidOperationException)
        {
            throw new MalformedException(-1, "not the JSON expected here: the type is missing or unknown");
        }
    }

    /// <exception cref="ArgumentException">The value holds something that has no canonical form here.</exception>
    public static byte[] Write(JsonNode? node)
    {
        var text = new StringBuilder();
        Write(node, text);
        return new UTF8Encoding(false, throwOnInvalidBytes: true).GetBytes(text.ToString());
    }

    private static void Write(JsonNode? node, StringBuilder text)
    {
        switch (node)
        {
            case JsonObject members:
                WriteObject(members, text);
                break;
            case JsonArray items:
                text.Append('[');
                for (var i = 0; i < items.Count; i++)
                {
                    if (i > 0) text.Append(',');
                    Write(items[i], text);
                }
                text.Append(']');
                break;
            case JsonValue value:
                WriteValue(value, text);
                break;
            default:
                throw new ArgumentException("null has no place in canonical JSON: leave the member out", nameof(node));
        }
    }

    private static void WriteObject(JsonObject members, StringBuilder text)
    {
        text.Append('{');
        var first = true;
        foreach (var (name, value) in members.OrderBy(member => member.Key, StringComparer.Ordinal))
        {
            if (!first) text.Append(',');
            first = false;
            WriteString(name, text);
            text.Append(':');
            Write(value, text);
        }
        text.Append('}');
    }

    private static void WriteValue(JsonValue value, StringBuilder text)
    {
        switch (value.GetValueKind())
        {
            case JsonValueKind.String:
                WriteString(value.GetValue<string>(), text);
                break;
            case JsonValueKind.True:
                text.Append("true");
                break;
            case JsonValueKind.False:
                text.Append("false");
                break;
            case JsonValueKind.Number when long.TryParse(value.ToJsonString(), System.Globalization.NumberStyles.AllowLeadingSign, null, out var integer)
                && integer is >= -MaxInteger and <= MaxInteger:
                text.Append(integer);
                break;
            default:
                throw new ArgumentException($"{value.ToJsonString()} has no canonical form here", nameof(value));
        }
    }

    /// <summary>RFC 8785 section 3.2.2.2.</summary>
    private static void WriteString(string value, StringBuilder text)
    {
        text.Append('"');
        var rest = value.AsSpan();
        for (int at; (at = rest.IndexOfAny(Escaped)) >= 0; rest = rest[(at + 1)..])
        {
            text.Append(rest[..at]); // whole runs: evidence is one string of tens of kilobytes
            _ = rest[at] switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\b' => text.Append("\\b"),
                '\f' => text.Append("\\f"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                var control => text.Append("\\u").Append(((int)control).ToString("x4")),
            };
        }
        text.Append(rest);
        text.Append('"');
    }
}
