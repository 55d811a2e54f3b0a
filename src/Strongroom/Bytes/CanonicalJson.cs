using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;

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

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private static readonly SearchValues<char> Escaped =
        SearchValues.Create("\"\\" + string.Concat(Enumerable.Range(0, 0x20).Select(control => (char)control)));

    public static byte[] Serialize<T>(T value, JsonTypeInfo<T> type) => Write(JsonSerializer.SerializeToNode(value, type));

    /// <exception cref="MalformedException">
    /// Not JSON, not canonical, a member unknown, missing or repeated, a value of the wrong type, or longer than <paramref name="maxBytes"/>.
    /// </exception>
    public static T Parse<T>(ReadOnlySpan<byte> utf8, JsonTypeInfo<T> type, int maxBytes = 65_535)
    {
        var value = Read(utf8, type, maxBytes);
        var written = Rewrite(value, type, utf8.Length);
        var same = utf8.CommonPrefixLength(written);
        return same == utf8.Length && same == written.Length ? value : throw new MalformedException(same, "not canonical JSON (RFC 8785)");
    }

    /// <summary>A null that was read into a list has no canonical form: what held it was malformed.</summary>
    private static ReadOnlySpan<byte> Rewrite<T>(T value, JsonTypeInfo<T> type, int expected)
    {
        try
        {
            var utf8 = new ArrayBufferWriter<byte>(Math.Max(1, expected)); // grown again and again, what evidence needs would cost more than its signature
            Write(JsonSerializer.SerializeToNode(value, type), utf8);
            return utf8.WrittenSpan;
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
        var utf8 = new ArrayBufferWriter<byte>(1024);
        Write(node, utf8);
        return utf8.WrittenSpan.ToArray();
    }

    private static void Write(JsonNode? node, ArrayBufferWriter<byte> utf8)
    {
        switch (node)
        {
            case JsonObject members:
                WriteObject(members, utf8);
                break;
            case JsonArray items:
                utf8.Write("["u8);
                for (var i = 0; i < items.Count; i++)
                {
                    if (i > 0) utf8.Write(","u8);
                    Write(items[i], utf8);
                }
                utf8.Write("]"u8);
                break;
            case JsonValue value:
                WriteValue(value, utf8);
                break;
            default:
                throw new ArgumentException("null has no place in canonical JSON: leave the member out", nameof(node));
        }
    }

    private static void WriteObject(JsonObject members, ArrayBufferWriter<byte> utf8)
    {
        utf8.Write("{"u8);
        var first = true;
        foreach (var (name, value) in members.OrderBy(member => member.Key, StringComparer.Ordinal))
        {
            if (!first) utf8.Write(","u8);
            first = false;
            WriteString(name, utf8);
            utf8.Write(":"u8);
            Write(value, utf8);
        }
        utf8.Write("}"u8);
    }

    private static void WriteValue(JsonValue value, ArrayBufferWriter<byte> utf8)
    {
        switch (value.GetValueKind())
        {
            case JsonValueKind.String when value.TryGetValue(out JsonElement element) && JsonMarshal.GetRawUtf8Value(element) is var raw && !raw.Contains((byte)'\\') && Utf8.IsValid(raw):
                utf8.Write(raw); // no character of it was escaped, so none has to be: evidence is one string of tens of kilobytes
                break;
            case JsonValueKind.String:
                WriteString(value.GetValue<string>(), utf8);
                break;
            case JsonValueKind.True:
                utf8.Write("true"u8);
                break;
            case JsonValueKind.False:
                utf8.Write("false"u8);
                break;
            case JsonValueKind.Number when long.TryParse(value.ToJsonString(), NumberStyles.AllowLeadingSign, null, out var integer)
                && integer is >= -MaxInteger and <= MaxInteger:
                Strict.GetBytes(integer.ToString(CultureInfo.InvariantCulture), utf8);
                break;
            default:
                throw new ArgumentException($"{value.ToJsonString()} has no canonical form here", nameof(value));
        }
    }

    /// <summary>RFC 8785 section 3.2.2.2.</summary>
    private static void WriteString(string value, ArrayBufferWriter<byte> utf8)
    {
        utf8.Write("\""u8);
        var rest = value.AsSpan();
        for (int at; (at = rest.IndexOfAny(Escaped)) >= 0; rest = rest[(at + 1)..])
        {
            Strict.GetBytes(rest[..at], utf8);
            utf8.Write(rest[at] switch
            {
                '"' => "\\\""u8,
                '\\' => "\\\\"u8,
                '\b' => "\\b"u8,
                '\f' => "\\f"u8,
                '\n' => "\\n"u8,
                '\r' => "\\r"u8,
                '\t' => "\\t"u8,
                var control => Encoding.ASCII.GetBytes($"\\u{(int)control:x4}"),
            });
        }
        Strict.GetBytes(rest, utf8);
        utf8.Write("\""u8);
    }
}
