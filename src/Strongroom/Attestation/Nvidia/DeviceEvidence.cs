using System.Buffers.Text;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nvidia;

/// <summary>
/// One device's report as it came in a file: hexadecimal or base64 text, raw bytes, or one of the JSON documents that NVIDIA's tools and their users print, which brings
/// the certificates along and says a few things beside the report.
/// </summary>
/// <param name="Report">What the device signed.</param>
/// <param name="Certificates">That came along; empty where the file is a bare report.</param>
/// <param name="Stated">What the document says of this device outside the signature: arch, nonce, driver_version, vbios_version, cc_mode.</param>
internal sealed record DeviceEvidence(SpdmReport Report, IReadOnlyList<X509Certificate2> Certificates, IReadOnlyDictionary<string, string> Stated)
{
    /// <summary>In one machine; each costs signatures, and a document of more would keep its reader busy for longer than a verdict may take.</summary>
    public const int MaxDevices = 16;

    /// <summary>A report has some thousands of bytes; text of this length could hold a hundred.</summary>
    private const int MaxTextSize = 1024 * 1024;

    /// <summary>A chain has five certificates, some 5 KiB; each more would have to be parsed, and tried in paths, before anybody knows what it is for.</summary>
    private const int MaxChainSizeInBytes = 16 * 1024;

    private const int MaxCertificates = 8;

    /// <summary>Members of a document that speak of a device and can be compared with its report; others are not read.</summary>
    private static readonly string[] Comparable = ["arch", "nonce", "driver_version", "vbios_version", "cc_mode"];

    /// <summary>Under which names documents list their devices: nvattest, NRAS requests, KBS evidence.</summary>
    private static readonly string[] Lists = ["evidences", "evidence_list", "device_evidence_list"];

    /// <summary>Devices of a device's document, and so on.</summary>
    private const int MaxNesting = 4;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    /// <summary>Digest of the public key of the device's own certificate, the one that its attestation key's names as its issuer; null where it did not come along. Proves nothing.</summary>
    public Digest? StatedKey()
    {
        var own = Certificates.Skip(1).FirstOrDefault(each => each.SubjectName.RawData.AsSpan().SequenceEqual(Certificates[0].IssuerName.RawData));
        return own is null ? null : Digest.Of(own.PublicKey.ExportSubjectPublicKeyInfo());
    }

    /// <exception cref="MalformedException">None of the forms.</exception>
    public static IReadOnlyList<DeviceEvidence> Read(ReadOnlyMemory<byte> file)
    {
        if (SpdmReport.Recognises(file.Span)) return [new(SpdmReport.Parse(file), [], new Dictionary<string, string>())];
        var text = file.Span.Trim(" \t\r\n"u8);
        if (text is [(byte)'{' or (byte)'[', ..]) return ReadJson(file);
        if (text.Length > MaxTextSize) throw new MalformedException(MaxTextSize, "no report is as long as this");
        return [new(SpdmReport.Parse(Decode(Encoding.Latin1.GetString(text))), [], new Dictionary<string, string>())];
    }

    private static List<DeviceEvidence> ReadJson(ReadOnlyMemory<byte> file)
    {
        try
        {
            using var document = JsonDocument.Parse(file, Strict);
            var (items, around) = Items(document.RootElement, 0);
            if (items.Count is 0 or > MaxDevices) throw new MalformedException(-1, $"a document has evidence of 1 to {MaxDevices} devices");
            return [.. items.Select(item => Device(item, around))];
        }
        catch (JsonException e)
        {
            throw new MalformedException(-1, $"no JSON document: {e.Message}");
        }
        catch (InvalidOperationException)
        {
            throw new MalformedException(-1, "a member is not of the kind that it must be");
        }
    }

    /// <summary>A list of devices, an object that has one, one device, or a conceptual message wrapper whose members are devices; or one of these as a member, or as text, in another tool's document.</summary>
    private static (List<JsonElement> Items, JsonElement Around) Items(JsonElement root, int nesting)
    {
        if (root.ValueKind == JsonValueKind.Array) return ([.. root.EnumerateArray()], root);
        var lists = Lists.Where(name => root.TryGetProperty(name, out _)).ToList();
        if (lists.Count > 1) throw new MalformedException(-1, "a document lists its devices once");
        if (lists is [var list]) return ([.. root.GetProperty(list).EnumerateArray()], root);
        if (root.TryGetProperty("evidence", out _)) return ([root], root);
        List<JsonElement> wrapped = [.. root.EnumerateObject().Select(member => member.Value).Where(value => value.ValueKind == JsonValueKind.Object && value.TryGetProperty("evidence", out _))];
        if (wrapped.Count > 0 || nesting == MaxNesting) return (wrapped, root);
        var inside = root.EnumerateObject().Select(member => Inside(member.Value)).OfType<JsonElement>().Select(each => Items(each, nesting + 1)).Where(each => each.Items.Count > 0).ToList();
        return inside.Count <= 1 ? inside.SingleOrDefault(([], root)) : throw new MalformedException(-1, "a document lists its devices once");
    }

    /// <summary>A member that may have devices: an object, or the text of one.</summary>
    private static JsonElement? Inside(JsonElement member)
    {
        if (member.ValueKind == JsonValueKind.Object) return member;
        if (member.ValueKind != JsonValueKind.String || member.GetString() is not { } text || !text.Contains("\"evidence", StringComparison.Ordinal) || !text.AsSpan().TrimStart().StartsWith('{')) return null;
        using var inner = JsonDocument.Parse(text, Strict);
        return inner.RootElement.Clone();
    }

    private static DeviceEvidence Device(JsonElement item, JsonElement root)
    {
        if (item.ValueKind != JsonValueKind.Object || !item.TryGetProperty("evidence", out var evidence)) throw new MalformedException(-1, "a device without evidence");
        Dictionary<string, string> stated = [];
        foreach (var name in Comparable)
        {
            if (item.TryGetProperty(name, out var value) || (root.ValueKind == JsonValueKind.Object && root.TryGetProperty(name, out value)))
                stated[name] = name == "nonce" ? Convert.ToHexStringLower(Decode(Word(value))) : Word(value);
        }
        var certificates = item.TryGetProperty("certificate", out var chain) ? Chain(Pem(Word(chain))) : [];
        return new(SpdmReport.Parse(Decode(Word(evidence))), certificates, stated);
    }

    private static IReadOnlyList<X509Certificate2> Chain(byte[] pem)
    {
        if (pem.Length > MaxChainSizeInBytes) throw new MalformedException(-1, $"a device's certificates have {MaxChainSizeInBytes} bytes at most");
        var chain = Endorsements.ReadCertificates(pem);
        return chain.Count <= MaxCertificates ? chain : throw new MalformedException(-1, $"a device has {MaxCertificates} certificates at most");
    }

    private static byte[] Pem(string text) => text.Contains("-----BEGIN", StringComparison.Ordinal) ? Encoding.Latin1.GetBytes(text) : Decode(text);

    /// <summary>A string, or the pair of a media type and a string.</summary>
    private static string Word(JsonElement value) =>
        (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 2 ? value[1] : value).GetString() ?? throw new MalformedException(-1, "a member is null");

    /// <summary>Hexadecimal where it can be that, else base64 in either alphabet; white space between digits does not count.</summary>
    private static byte[] Decode(string text)
    {
        if (text.Length > MaxTextSize) throw new MalformedException(MaxTextSize, "no report is as long as this");
        var digits = text.AsSpan().IndexOfAny(" \t\r\n") < 0 ? text : string.Concat(text.Split([' ', '\t', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries));
        if (digits.Length == 0) throw new MalformedException(0, "there is no evidence");
        if (digits.Length % 2 == 0 && !digits.AsSpan().ContainsAnyExcept("0123456789abcdefABCDEF")) return Convert.FromHexString(digits);
        try
        {
            return digits.AsSpan().ContainsAny('-', '_') || digits.Length % 4 != 0 ? Base64Url.DecodeFromChars(digits) : Convert.FromBase64String(digits);
        }
        catch (FormatException)
        {
            throw new MalformedException(-1, "evidence is raw bytes, hexadecimal, base64 or JSON");
        }
    }
}
