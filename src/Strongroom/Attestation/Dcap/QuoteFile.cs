using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Dcap;

/// <summary>A file with a quote as platforms write it: the bytes (configfs-tsm, sgx_ql_get_quote), the same as hexadecimal or base64 text, or JSON (Confidential Containers: <c>{"quote": base64, "cc_eventlog": base64}</c>, alone or inside what a client sends to its key broker).</summary>
/// <param name="Quote">The quote's bytes.</param>
/// <param name="EventLog">The CCEL, where the file has one.</param>
/// <param name="Unread">Members of the JSON that are not read: nothing binds them to the quote.</param>
internal sealed record QuoteFile(ReadOnlyMemory<byte> Quote, ReadOnlyMemory<byte>? EventLog, IReadOnlyList<string> Unread)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    /// <exception cref="MalformedException">None of these.</exception>
    public static QuoteFile Read(ReadOnlyMemory<byte> file)
    {
        if (Dcap.Quote.Begins(file.Span, Tee.Sgx) || Dcap.Quote.Begins(file.Span, Tee.Tdx)) return new(file, null, []);
        var text = file.Span.Trim(" \t\r\n"u8);
        if (text is [(byte)'{', ..]) return ReadJson(file);
        return new(Decode(text) ?? file, null, []);
    }

    /// <summary>Whether a quote of that kind is in there; does not throw.</summary>
    public static bool Holds(ReadOnlySpan<byte> file, Tee tee)
    {
        if (Dcap.Quote.Begins(file, tee)) return true;
        try
        {
            var text = file.Trim(" \t\r\n"u8);
            return text.Length > 0 && text[0] < 0x80 && Dcap.Quote.Begins(Read(file.ToArray()).Quote.Span, tee);
        }
        catch (MalformedException)
        {
            return false;
        }
    }

    private static QuoteFile ReadJson(ReadOnlyMemory<byte> file)
    {
        try
        {
            using var json = JsonDocument.Parse(file, Strict);
            List<string> unread = [];
            var inner = Innermost(json.RootElement, unread);
            var quote = inner.TryGetProperty("quote", out var member) ? Bytes(member, "quote") : throw new MalformedException(-1, "there is no member \"quote\"");
            var log = inner.TryGetProperty("cc_eventlog", out var events) && events.ValueKind != JsonValueKind.Null ? Bytes(events, "cc_eventlog") : null;
            unread.AddRange(inner.EnumerateObject().Select(each => each.Name).Where(name => name is not ("quote" or "cc_eventlog")));
            return new(quote, log is { Length: > 0 } ? (ReadOnlyMemory<byte>?)log : null, unread);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter for halves of surrogate pairs
        {
            throw new MalformedException(-1, $"no JSON: {e.Message}");
        }
    }

    /// <summary>What a key broker's client sends has the same evidence two levels down (RCAR: <c>tee-evidence</c>, <c>primary_evidence</c>).</summary>
    private static JsonElement Innermost(JsonElement at, List<string> unread)
    {
        foreach (var name in new[] { "tee-evidence", "primary_evidence" })
        {
            if (!at.TryGetProperty(name, out var inner) || inner.ValueKind != JsonValueKind.Object) continue;
            unread.AddRange(at.EnumerateObject().Select(each => each.Name).Where(other => other != name));
            at = inner;
        }
        return at;
    }

    private static byte[] Bytes(JsonElement value, string name) =>
        (value.ValueKind == JsonValueKind.String ? Decode(Encoding.UTF8.GetBytes(value.GetString()!)) : null) ?? throw new MalformedException(-1, $"\"{name}\" is no base64");

    /// <summary>Hexadecimal where every character is a digit of it (a quote's base64 never is: its fourth byte is zero, an 'A' among other letters), else base64 of either alphabet.</summary>
    private static byte[]? Decode(ReadOnlySpan<byte> text)
    {
        if (text.StartsWith("0x"u8)) text = text[2..];
        if (text.Length % 2 == 0 && !text.ContainsAnyExcept("0123456789abcdefABCDEF"u8)) return Convert.FromHexString(text);
        if (Base64.IsValid(text, out var length))
        {
            var bytes = new byte[length];
            return Base64.DecodeFromUtf8(text, bytes, out _, out var written) == System.Buffers.OperationStatus.Done ? bytes[..written] : null;
        }
        return Base64Url.IsValid(text) ? Base64Url.DecodeFromUtf8(text) : null;
    }
}
