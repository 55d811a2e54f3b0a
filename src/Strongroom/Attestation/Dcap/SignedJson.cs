using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Dcap;

/// <summary>
/// A JSON value that Intel's TCB signing key signed (PCS API v4): ECDSA P-256, SHA-256, r and s in hexadecimal, over the value's bytes exactly as they came. They are never
/// written again before the check, and the values that count are read from these same bytes.
/// </summary>
internal sealed record SignedJson(string Name, ReadOnlyMemory<byte> Bytes, ReadOnlyMemory<byte> Signature)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    /// <summary>Finds <c>{"member": value, "signature": hex}</c>, whatever else stands beside them.</summary>
    /// <returns>Null where there is no such member or no signature.</returns>
    /// <exception cref="MalformedException">No JSON, or one of them twice.</exception>
    public static SignedJson? Find(string name, ReadOnlyMemory<byte> file, ReadOnlySpan<byte> member)
    {
        try
        {
            var reader = new Utf8JsonReader(file.Span, new JsonReaderOptions { MaxDepth = Strict.MaxDepth });
            ReadOnlyMemory<byte>? value = null;
            byte[]? signature = null;
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return null;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isValue = reader.ValueTextEquals(member);
                var isSignature = reader.ValueTextEquals("signature"u8);
                reader.Read();
                var from = (int)reader.TokenStartIndex;
                if ((isValue && value is not null) || (isSignature && signature is not null)) throw new MalformedException(from, $"{name} says the same twice");
                if (isSignature && reader.TokenType == JsonTokenType.String) signature = Hex(reader.GetString()!, 64, "signature");
                reader.Skip();
                if (isValue) value = file[from..(int)reader.BytesConsumed];
            }
            return value is { } found && signature is not null ? new(name, found, signature) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter for halves of surrogate pairs
        {
            throw new MalformedException(-1, $"{name} is no JSON: {e.Message}");
        }
    }

    /// <summary>Reads from the signed bytes. Members that are not known are passed over: Intel adds some within a version, and signs them.</summary>
    /// <exception cref="MalformedException">A member that is needed is missing, of another kind, or twice.</exception>
    public T Read<T>(Func<JsonElement, T> read)
    {
        try
        {
            using var json = JsonDocument.Parse(Bytes, Strict);
            return read(json.RootElement);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException and not MalformedException)
        {
            throw new MalformedException(-1, $"{Name} is not of Intel's form: {e.Message}");
        }
    }

    public bool IsSignedBy(ECParameters key)
    {
        using var ecdsa = ECDsa.Create(key);
        return ecdsa.VerifyData(Bytes.Span, Signature.Span, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }

    internal static byte[] Hex(string text, int size, string what) =>
        text.Length == 2 * size && !text.AsSpan().ContainsAnyExcept("0123456789abcdefABCDEF") ? Convert.FromHexString(text) : throw new MalformedException(-1, $"{what} is not {size} bytes in hexadecimal");

    internal static byte[] Hex(JsonElement of, string member, int size) => Hex(Text(of, member), size, member);

    internal static string Text(JsonElement of, string member) => of.GetProperty(member).GetString() ?? throw new MalformedException(-1, $"{member} is null");

    internal static DateTimeOffset Time(JsonElement of, string member) =>
        DateTimeOffset.TryParseExact(Text(of, member), "yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
            ? time : throw new MalformedException(-1, $"{member} is no time");

    internal static int Svn(JsonElement of, string member, int max)
    {
        var svn = of.GetProperty(member).GetInt32();
        return svn >= 0 && svn <= max ? svn : throw new MalformedException(-1, $"{member} is {svn}, {max} at most");
    }

    internal static IReadOnlyList<string> Advisories(JsonElement level) =>
        level.TryGetProperty("advisoryIDs", out var all) ? [.. all.EnumerateArray().Select(each => each.GetString() ?? "")] : [];
}

/// <summary>What every such value has.</summary>
internal abstract record IntelSigned(SignedJson Json, string Id, int Version, DateTimeOffset IssueDate, DateTimeOffset NextUpdate, int EvaluationDataNumber);
