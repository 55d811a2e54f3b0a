using System.Buffers.Binary;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Cose;
using Strongroom.Bytes;

namespace Strongroom.Tests.Fuzzing;

/// <summary>
/// Makes wrong bytes out of right ones, mostly at one place and with everything around it still in form: JSON, PEM, DER, CBOR and XML are opened, hexadecimal and base64 inside
/// them too, and closed again with lengths that fit. What a random byte would break at the first parser reaches the last one so. The same numbers make the same bytes.
/// </summary>
internal sealed class Mutator(Random random, IReadOnlyList<byte[]> corpus)
{
    private const int MaxDepth = 6;
    private const int MaxSize = 128 * 1024;

    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 64 };

    public byte[] Next()
    {
        var bytes = corpus[random.Next(corpus.Count)];
        do bytes = Once(bytes, 0);
        while (random.Next(3) == 0);
        return bytes.Length <= MaxSize ? bytes : bytes[..MaxSize];
    }

    private byte[] Once(byte[] bytes, int depth)
    {
        if (depth > MaxDepth || bytes.Length == 0 || random.Next(5) == 0) return Raw(bytes);
        return Json(bytes, depth) ?? Pem(bytes, depth) ?? Xml(bytes) ?? Der(bytes, depth) ?? Cbor(bytes, depth) ?? Raw(bytes);
    }

    private byte[]? Json(byte[] bytes, int depth)
    {
        if (bytes[0] is not ((byte)'{' or (byte)'[')) return null;
        try
        {
            var root = JsonNode.Parse(bytes)!;
            var nodes = Below(root).ToList();
            if (nodes.Count == 0) return null;
            var node = nodes[random.Next(nodes.Count)];
            if (random.Next(8) == 0) return Twice(root, node);
            if (random.Next(8) == 0) Remove(node);
            else node.ReplaceWith(node is JsonValue value && value.TryGetValue<string>(out var text) && random.Next(4) > 0 ? JsonValue.Create(Text(text, depth)) : Interesting());
            return Encoding.UTF8.GetBytes(root.ToJsonString(Plain));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }

    private static IEnumerable<JsonNode> Below(JsonNode? node) => node switch
    {
        JsonObject all => all.Where(each => each.Value is not null).SelectMany(each => Below(each.Value).Prepend(each.Value!)),
        JsonArray { Count: > 64 } numbers => [numbers], // bytes written as numbers: each would be drowned by the others
        JsonArray all => all.OfType<JsonNode>().SelectMany(each => Below(each).Prepend(each)),
        _ => [],
    };

    private static void Remove(JsonNode node)
    {
        if (node.Parent is JsonObject around) around.Remove(node.GetPropertyName());
        else (node.Parent as JsonArray)?.Remove(node);
    }

    private static byte[] Twice(JsonNode root, JsonNode node)
    {
        var text = root.ToJsonString(Plain);
        if (node.Parent is not JsonObject) return Encoding.UTF8.GetBytes(text);
        var name = $"\"{node.GetPropertyName()}\":";
        var at = text.IndexOf(name, StringComparison.Ordinal);
        return Encoding.UTF8.GetBytes(at < 0 ? text : text.Insert(at, name + "0,"));
    }

    private JsonNode? Interesting() => random.Next(12) switch
    {
        0 => null,
        1 => JsonNode.Parse("-1"),
        2 => JsonNode.Parse("1e400"),
        3 => JsonNode.Parse("18446744073709551616"),
        4 => JsonNode.Parse("0.5"),
        5 => JsonNode.Parse(new string('[', 40) + new string(']', 40)),
        6 => JsonValue.Create(new string('A', random.Next(70_000))),
        7 => JsonValue.Create("\ud83d\ude00\u0000"),
        8 => new JsonArray([.. Enumerable.Range(0, random.Next(2_000)).Select(each => (JsonNode?)JsonValue.Create(each))]),
        9 => new JsonObject(),
        10 => JsonValue.Create(true),
        _ => JsonValue.Create(""),
    };

    /// <summary>What a text encodes is changed inside; other text is changed itself.</summary>
    private string Text(string text, int depth)
    {
        if (text.Length > 0 && text.Length % 2 == 0 && text.All(char.IsAsciiHexDigit)) return Convert.ToHexStringLower(Once(Convert.FromHexString(text), depth + 1));
        var buffer = new byte[text.Length];
        if (text.Length >= 8 && Convert.TryFromBase64String(text, buffer, out var size)) return Convert.ToBase64String(Once(buffer[..size], depth + 1));
        return Encoding.Latin1.GetString(Once(Encoding.Latin1.GetBytes(text), depth + 1));
    }

    private byte[]? Pem(byte[] bytes, int depth)
    {
        if (bytes.AsSpan().IndexOf("-----BEGIN "u8) < 0) return null;
        var text = Encoding.Latin1.GetString(bytes);
        var begins = Enumerable.Range(0, text.Length).Where(at => string.CompareOrdinal(text, at, "-----BEGIN ", 0, 11) == 0).ToList();
        var from = begins[random.Next(begins.Count)];
        if (!PemEncoding.TryFind(text.AsSpan(from), out var fields)) return null;
        var (start, length) = fields.Base64Data.GetOffsetAndLength(text.Length - from);
        var changed = Convert.ToBase64String(Once(Convert.FromBase64String(text.Substring(from + start, length)), depth + 1));
        return Encoding.Latin1.GetBytes(text[..(from + start)] + changed + text[(from + start + length)..]);
    }

    private byte[]? Xml(byte[] bytes)
    {
        if (bytes[0] != '<') return null;
        var text = Encoding.UTF8.GetString(bytes);
        var tags = Enumerable.Range(0, text.Length).Where(at => text[at] == '<').ToList();
        var (one, two) = (tags[random.Next(tags.Count)], tags[random.Next(tags.Count)]);
        var (from, to) = (Math.Min(one, two), Math.Max(one, two));
        return Encoding.UTF8.GetBytes(random.Next(8) switch
        {
            0 => text[..from] + text[to..],
            1 => text[..to] + text[from..],
            2 => text.Insert(from, "<!-- -->"),
            3 => text.Insert(from, "<![CDATA[x]]>"),
            4 => text.Insert(from, string.Concat(Enumerable.Repeat("<x>", random.Next(5_000)))),
            5 => text.Insert(0, "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">]>"),
            6 => text.Insert(from, "<?x y?>"),
            _ => Encoding.UTF8.GetString(Raw(bytes)),
        });
    }

    private byte[]? Der(byte[] bytes, int depth)
    {
        if (!AsnDecoder.TryReadEncodedValue(bytes, AsnEncodingRules.DER, out var tag, out var offset, out var length, out var size) || size != bytes.Length) return null;
        var content = bytes.AsSpan(offset, length).ToArray();
        if (random.Next(12) == 0) return [(byte)random.Next(256), .. bytes[1..]];
        if (random.Next(24) == 0) return [bytes[0], 0x84, 0x7F, 0xFF, 0xFF, 0xFF, .. content];
        if (random.Next(24) == 0) return Value(bytes[0], RandomBytes(random.Next(20_000)));
        if (!tag.IsConstructed)
        {
            var hides = tag.TagClass == TagClass.Universal && tag.TagValue is (int)UniversalTagNumber.OctetString or (int)UniversalTagNumber.BitString;
            return Value(bytes[0], hides && content.Length > 4 ? tag.TagValue == (int)UniversalTagNumber.BitString ? [content[0], .. Once(content[1..], depth + 1)] : Once(content, depth + 1) : Raw(content));
        }
        var parts = Parts(content);
        if (parts.Count == 0) return Value(bytes[0], Raw(content));
        var at = random.Next(parts.Count);
        switch (random.Next(10))
        {
            case 0: parts.RemoveAt(at); break;
            case 1: parts.Insert(at, parts[random.Next(parts.Count)]); break;
            case 2: (parts[at], parts[0]) = (parts[0], parts[at]); break;
            default: parts[at] = Der(parts[at], depth) ?? Raw(parts[at]); break;
        }
        return Value(bytes[0], [.. parts.SelectMany(each => each)]);
    }

    private static List<byte[]> Parts(byte[] content)
    {
        List<byte[]> parts = [];
        for (var rest = content.AsSpan(); rest.Length > 0;)
        {
            if (!AsnDecoder.TryReadEncodedValue(rest, AsnEncodingRules.DER, out _, out _, out _, out var size)) return [];
            parts.Add(rest[..size].ToArray());
            rest = rest[size..];
        }
        return parts;
    }

    private static byte[] Value(byte tag, byte[] content)
    {
        var (high, middle, low) = ((byte)(content.Length >> 16), (byte)(content.Length >> 8 & 0xFF), (byte)(content.Length & 0xFF));
        byte[] length = content.Length < 128 ? [low] : content.Length < 256 ? [0x81, low] : content.Length < 65_536 ? [0x82, middle, low] : [0x83, high, middle, low];
        return [tag, .. length, .. content];
    }

    private byte[]? Cbor(byte[] bytes, int depth)
    {
        try
        {
            var root = CborItem.Parse(bytes, CborForm.AnyOrder);
            if (root.Kind is not (CborKind.Array or CborKind.Map or CborKind.Tag)) return null; // nearly any byte is some number
            var all = Below(root).ToList();
            var writer = new CborWriter();
            Write(writer, root, all[random.Next(all.Count)], depth);
            return writer.ToArray();
        }
        catch (MalformedException)
        {
            return null;
        }
    }

    private static IEnumerable<CborItem> Below(CborItem item) => item.Items.Concat(item.Entries.SelectMany(each => (CborItem[])[each.Key, each.Value])).SelectMany(Below).Prepend(item);

    private void Write(CborWriter writer, CborItem item, CborItem chosen, int depth)
    {
        if (ReferenceEquals(item, chosen))
        {
            Changed(writer, item, depth);
            return;
        }
        switch (item.Kind)
        {
            case CborKind.Array: writer.Array(item.Items.Count); break;
            case CborKind.Map: writer.Map(item.Entries.Count); break;
            case CborKind.Tag: writer.Tag(item.TagNumber("tag")); break;
            default: writer.Encoded(item.Encoded.Span); break;
        }
        foreach (var each in item.Items) Write(writer, each, chosen, depth);
        foreach (var (key, value) in item.Entries)
        {
            Write(writer, key, chosen, depth);
            Write(writer, value, chosen, depth);
        }
    }

    private void Changed(CborWriter writer, CborItem item, int depth)
    {
        if (item.Kind == CborKind.Bytes && random.Next(4) > 0) writer.Bytes(Once(item.Bytes("content").ToArray(), depth + 1));
        else writer.Encoded(random.Next(8) switch
        {
            0 => [0xF6],
            1 => [0x1B, .. Enumerable.Repeat((byte)0xFF, 8)],
            2 => [0x5A, 0x7F, 0xFF, 0xFF, 0xFF],
            3 => [0x9B, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF],
            4 => [.. Enumerable.Repeat((byte)0x81, random.Next(40)), 0],
            5 => [0x9F, 0x00, 0xFF],
            6 => [.. item.Encoded.Span, .. item.Encoded.Span],
            _ => Raw(item.Encoded.ToArray()),
        });
    }

    /// <summary>Without any form: bytes and numbers changed, pieces taken out, put in, doubled, cut off, or taken from another one.</summary>
    private byte[] Raw(byte[] bytes)
    {
        if (bytes.Length == 0) return RandomBytes(random.Next(16));
        var at = random.Next(bytes.Length);
        var end = Math.Min(bytes.Length, at + 1 + random.Next(64));
        var changed = bytes.ToArray();
        switch (random.Next(10))
        {
            case 0: return [.. bytes[..at], .. bytes[end..]];
            case 1: return [.. bytes[..end], .. bytes[at..]];
            case 2: return [.. bytes[..at], .. RandomBytes(random.Next(40)), .. bytes[at..]];
            case 3: return bytes[..at];
            case 4: return [.. bytes[..at], .. corpus[random.Next(corpus.Count)] is var other && at < other.Length ? other[at..] : []];
            case 5: return [.. bytes[..end], .. Enumerable.Repeat(bytes[at], random.Next(30_000)), .. bytes[end..]];
            case 6: Number(changed.AsSpan(at)); break;
            case 7: changed.AsSpan(at, end - at).Fill(random.Next(2) == 0 ? (byte)0 : (byte)0xFF); break;
            case 8: changed[at] ^= (byte)(1 << random.Next(8)); break;
            default: random.NextBytes(changed.AsSpan(at, end - at)); break;
        }
        return changed;
    }

    /// <summary>A number as a length might be, in one of four sizes and two orders.</summary>
    private void Number(Span<byte> at)
    {
        ulong[] odd = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000, ulong.MaxValue, (ulong)at.Length, (ulong)at.Length + 1, (ulong)random.Next(100_000)];
        Span<byte> number = stackalloc byte[8];
        var size = Math.Min(at.Length, 1 << random.Next(4));
        BinaryPrimitives.WriteUInt64LittleEndian(number, odd[random.Next(odd.Length)]);
        number = number[..size];
        if (random.Next(2) == 0) number.Reverse();
        number.CopyTo(at);
    }

    private byte[] RandomBytes(int size)
    {
        var bytes = new byte[size];
        random.NextBytes(bytes);
        return bytes;
    }
}
