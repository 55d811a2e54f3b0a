using System.Text;
using System.Text.Json;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Dcap;

/// <summary>A file with a quote as platforms write it: the bytes (configfs-tsm, sgx_ql_get_quote), the same as hexadecimal or base64 text, or JSON (Confidential Containers: <c>{"quote": base64, "cc_eventlog": base64}</c>, alone or inside what a client sends to its key broker; or a quote anywhere in another tool's).</summary>
/// <param name="Quote">The quote's bytes.</param>
/// <param name="EventLog">The CCEL, where the file has one.</param>
/// <param name="Unread">Members of the JSON that are not read: nothing binds them to the quote.</param>
internal sealed record QuoteFile(ReadOnlyMemory<byte> Quote, ReadOnlyMemory<byte>? EventLog, IReadOnlyList<string> Unread)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    /// <exception cref="MalformedException">None of these.</exception>
    public static QuoteFile Read(ReadOnlyMemory<byte> file)
    {
        if (IsQuote(file.Span)) return new(file, null, []);
        return PrintedEvidence.IsJson(file.Span) ? ReadJson(file) : new(PrintedEvidence.Decode(file.Span) ?? file, null, []);
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
            if (json.RootElement.ValueKind != JsonValueKind.Object) return Anywhere(file);
            List<string> unread = [];
            var inner = Innermost(json.RootElement, unread);
            if (!inner.TryGetProperty("quote", out var member) || member.ValueKind != JsonValueKind.String || Text(member) is not { } quote || !IsQuote(quote)) return Anywhere(file);
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

    /// <summary>In the words of another tool: a quote is known by how it begins.</summary>
    private static QuoteFile Anywhere(ReadOnlyMemory<byte> file)
    {
        var found = PrintedEvidence.Find(file, IsQuote);
        return new(found.Bytes, null, found.Beside);
    }

    private static bool IsQuote(ReadOnlySpan<byte> bytes) => Dcap.Quote.Begins(bytes, Tee.Sgx) || Dcap.Quote.Begins(bytes, Tee.Tdx);

    private static byte[] Bytes(JsonElement value, string name) => (value.ValueKind == JsonValueKind.String ? Text(value) : null) ?? throw new MalformedException(-1, $"\"{name}\" is no base64");

    private static byte[]? Text(JsonElement value) => PrintedEvidence.Decode(Encoding.UTF8.GetBytes(value.GetString()!));
}
