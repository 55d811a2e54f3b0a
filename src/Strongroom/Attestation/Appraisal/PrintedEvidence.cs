using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Appraisal;

/// <summary>Whether these bytes begin as what is looked for does.</summary>
internal delegate bool Beginning(ReadOnlySpan<byte> bytes);

/// <summary>
/// Evidence as tools print it: its bytes as text, alone or somewhere in a JSON document whose other members only that tool knows (spec/evidence-verdict.md, "Printed evidence").
/// It is found by how it begins, never by the name of a member. Signatures are over its bytes, so that nobody gains by where he puts them.
/// </summary>
/// <param name="Bytes">What was looked for.</param>
/// <param name="Beside">Names of the members that stand beside it and have none of it: nobody reads them.</param>
/// <param name="Pem">Certificates that the document has as text.</param>
internal sealed record PrintedEvidence(ReadOnlyMemory<byte> Bytes, IReadOnlyList<string> Beside, IReadOnlyList<ReadOnlyMemory<byte>> Pem)
{
    public const int MaxJsonSizeInBytes = 1024 * 1024;

    /// <summary>Evidence has some thousands of bytes, a log of events half a million: longer text is neither.</summary>
    private const int MaxTextSizeInBytes = 4 * 1024 * 1024;

    /// <summary>JSON as text inside JSON, and so on.</summary>
    private const int MaxNesting = 4;

    private const int MaxCertificates = 16;

    /// <summary>Shorter text holds no evidence.</summary>
    private const int MinTextLength = 128;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 32, AllowDuplicateProperties = false };

    public static bool IsJson(ReadOnlySpan<byte> file) => file.TrimStart(" \t\r\n"u8) is [(byte)'{' or (byte)'[', ..];

    /// <summary>No evidence that is not text begins with a printable character.</summary>
    public static bool IsText(ReadOnlySpan<byte> file) => file is [(>= 0x20 and < 0x7F) or (byte)'\t' or (byte)'\r' or (byte)'\n', ..];

    /// <summary>Bytes from hexadecimal, with or without 0x, where every character is a digit of it; else from base64 of either alphabet. White space does not count. Null where it is neither.</summary>
    public static byte[]? Decode(ReadOnlySpan<byte> text)
    {
        if (text.Length > MaxTextSizeInBytes) return null;
        if (text.IndexOfAny(" \t\r\n"u8) >= 0) text = WithoutSpace(text);
        if (text is [(byte)'0', (byte)'x' or (byte)'X', ..]) text = text[2..];
        if (text.IsEmpty) return null;
        if (!text.ContainsAnyExcept("0123456789abcdefABCDEF"u8)) return text.Length % 2 == 0 ? Convert.FromHexString(text) : null;
        if (Base64.IsValid(text, out var length))
        {
            var bytes = new byte[length];
            return Base64.DecodeFromUtf8(text, bytes, out _, out var written) == System.Buffers.OperationStatus.Done ? bytes[..written] : null;
        }
        return Base64Url.IsValid(text) ? Base64Url.DecodeFromUtf8(text) : null;
    }

    private static ReadOnlySpan<byte> WithoutSpace(ReadOnlySpan<byte> text)
    {
        var kept = new byte[text.Length];
        var length = 0;
        foreach (var each in text)
        {
            if (each is not ((byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')) kept[length++] = each;
        }
        return kept.AsSpan(0, length);
    }

    /// <exception cref="MalformedException">No JSON, or what is looked for is not in it, or is in it in two versions.</exception>
    public static PrintedEvidence Find(ReadOnlyMemory<byte> json, Beginning begins)
    {
        if (json.Length > MaxJsonSizeInBytes) throw new MalformedException(MaxJsonSizeInBytes, $"a document around evidence has {MaxJsonSizeInBytes} bytes at most");
        var search = new Search(begins);
        try
        {
            using var document = JsonDocument.Parse(json, Strict);
            search.In(document.RootElement, 0);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter for halves of surrogate pairs
        {
            throw new MalformedException(-1, $"no JSON: {e.Message}");
        }
        return search.Found switch
        {
            [var only] => new(only, search.Beside, search.Pem),
            [] => throw new MalformedException(-1, "the document has no evidence of this kind"),
            _ => throw new MalformedException(-1, "the document has more than one piece of evidence of this kind: nobody says which is meant"),
        };
    }

    /// <summary>Whether <see cref="Find"/> would; does not throw.</summary>
    public static bool IsIn(ReadOnlySpan<byte> json, Beginning begins)
    {
        try
        {
            return json.Length <= MaxJsonSizeInBytes && Find(json.ToArray(), begins).Bytes.Length > 0;
        }
        catch (MalformedException)
        {
            return false;
        }
    }

    private sealed class Search(Beginning begins)
    {
        public List<byte[]> Found { get; } = [];

        public List<string> Beside { get; } = [];

        public List<ReadOnlyMemory<byte>> Pem { get; } = [];

        /// <summary>Returns whether anything under this element is of use.</summary>
        public bool In(JsonElement at, int nesting) => at.ValueKind switch
        {
            JsonValueKind.Object => InObject(at, nesting),
            JsonValueKind.Array => Numbers(at) is { } bytes ? InBytes(bytes, nesting) : InArray(at, nesting),
            JsonValueKind.String => InText(at.GetString()!, nesting),
            _ => false,
        };

        private bool InObject(JsonElement at, int nesting)
        {
            List<string> others = [];
            var count = 0;
            foreach (var member in at.EnumerateObject())
            {
                count++;
                if (!In(member.Value, nesting)) others.Add(member.Name);
            }
            if (others.Count == count) return false;
            Beside.AddRange(others);
            return true;
        }

        private bool InArray(JsonElement at, int nesting)
        {
            var any = false;
            foreach (var item in at.EnumerateArray()) any |= In(item, nesting);
            return any;
        }

        private bool InText(string text, int nesting)
        {
            if (text.Length < MinTextLength) return false;
            var utf8 = Encoding.UTF8.GetBytes(text);
            return InPlain(utf8, nesting) || (Decode(utf8) is { } bytes && InBytes(bytes, nesting));
        }

        private bool InBytes(byte[] bytes, int nesting)
        {
            if (!begins(bytes)) return InPlain(bytes, nesting);
            if (!Found.Any(each => each.AsSpan().SequenceEqual(bytes))) Found.Add(bytes);
            return true;
        }

        /// <summary>PEM, or JSON once more.</summary>
        private bool InPlain(byte[] utf8, int nesting)
        {
            if (utf8.AsSpan().TrimStart(" \t\r\n"u8).StartsWith("-----BEGIN CERTIFICATE"u8))
            {
                if (Pem.Count == MaxCertificates) throw new MalformedException(-1, $"a document has certificates in {MaxCertificates} places at most");
                Pem.Add(utf8);
                return true;
            }
            if (!IsJson(utf8) || nesting == MaxNesting) return false;
            try
            {
                using var document = JsonDocument.Parse(utf8, Strict);
                return In(document.RootElement, nesting + 1);
            }
            catch (JsonException)
            {
                return false; // text that only begins like it
            }
        }

        /// <summary>Bytes as an array of numbers; null where it is none.</summary>
        private static byte[]? Numbers(JsonElement array)
        {
            var length = array.GetArrayLength();
            if (length < MinTextLength / 2 || array[0].ValueKind != JsonValueKind.Number) return null;
            var bytes = new byte[length];
            var at = 0;
            foreach (var item in array.EnumerateArray())
            {
                if (item.ValueKind != JsonValueKind.Number || !item.TryGetByte(out bytes[at++])) return null;
            }
            return bytes;
        }
    }
}
