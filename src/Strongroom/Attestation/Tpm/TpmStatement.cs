using System.Text.Json;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Tpm;

/// <summary>What a TPM said, in whatever file it came: the parts that an appraisal looks at. Parsing verifies nothing.</summary>
/// <param name="Key">TPM2B_PUBLIC of the attestation key that came along; trusted only where a policy names it or a certificate vouches for it. Null where none came.</param>
/// <param name="Certificates">DER; certificates that came along, the attestation key's own first.</param>
/// <param name="Quote">TPMS_ATTEST over the SHA-256 bank.</param>
/// <param name="Signature">TPMT_SIGNATURE.</param>
/// <param name="Pcrs">Values by number.</param>
/// <param name="EventLog">Binary; empty where none came.</param>
internal sealed record TpmStatement(
    ReadOnlyMemory<byte>? Key, IReadOnlyList<ReadOnlyMemory<byte>> Certificates, ReadOnlyMemory<byte> Quote, ReadOnlyMemory<byte> Signature,
    IReadOnlyDictionary<int, ReadOnlyMemory<byte>> Pcrs, ReadOnlyMemory<byte> EventLog)
{
    private const int Sha256 = 0x000B; // TPM_ALG_SHA256, which attest.proto uses as it is
    private const int MaxCertificates = 8;

    private const int PcrsOfABank = 24;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 8, AllowDuplicateProperties = false };

    /// <summary>Our JSON, a broker's guest's, or a protobuf whose first field is a public area: RSA or ECC, named by SHA-256.</summary>
    public static bool Recognises(ReadOnlySpan<byte> bytes) =>
        bytes.StartsWith("{\"event_log\":"u8) || IsGuests(bytes) || bytes is [0x0A, _, _, 0x00, 0x01 or 0x23, 0x00, 0x0B, ..] || bytes is [0x0A, _, 0x00, 0x23, 0x00, 0x0B, ..];

    /// <exception cref="MalformedException">None of the three forms.</exception>
    public static TpmStatement Parse(ReadOnlyMemory<byte> bytes) => IsGuests(bytes.Span) ? FromGuest(bytes) : bytes.Span is [(byte)'{', ..] ? FromJson(bytes.Span) : FromProtobuf(bytes);

    /// <summary>spec/evidence.md, "TPM 2.0": no key comes along.</summary>
    private static TpmStatement FromJson(ReadOnlySpan<byte> utf8)
    {
        var said = TpmEvidence.Parse(utf8);
        Dictionary<int, ReadOnlyMemory<byte>> pcrs = [];
        foreach (var (name, value) in said.Pcrs)
        {
            if (!int.TryParse(name, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var pcr) || pcr.ToString(System.Globalization.CultureInfo.InvariantCulture) != name)
                throw new MalformedException(-1, $"'{name}' is no number of a PCR");
            pcrs.Add(pcr, value.Span.ToArray());
        }
        return new(null, [], said.Quote, said.Signature, pcrs, said.EventLog);
    }

    private static bool IsGuests(ReadOnlySpan<byte> json) => json.Length <= PrintedEvidence.MaxJsonSizeInBytes && PrintedEvidence.IsJson(json) && json.IndexOf("\"ak_public\""u8) >= 0 && json.IndexOf("\"tpm_quote\""u8) >= 0;

    /// <summary>What a key broker's guest with nothing but a TPM sends, alone or in its request. Of the values of a whole bank the quoted ones are taken. A bare public key does not say where it lives, so it is no attestation key.</summary>
    private static TpmStatement FromGuest(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, Strict);
            var at = document.RootElement;
            foreach (var around in (string[])["tee-evidence", "primary_evidence"])
            {
                if (at.TryGetProperty(around, out var inner)) at = inner;
            }
            var said = at.GetProperty("tpm_quote");
            var quote = said.GetProperty("message").GetBytesFromBase64();
            var values = said.GetProperty("pcrs").EnumerateArray().Select(value => Convert.FromHexString(value.GetString()!)).ToList();
            if (values.Count != PcrsOfABank) throw new MalformedException(-1, $"a bank has {PcrsOfABank} PCRs, not {values.Count}");
            var quoted = TpmQuote.Parse(quote).Selections.SelectMany(each => each.Pcrs).Distinct();
            return new(null, [], quote, said.GetProperty("signature").GetBytesFromBase64(), quoted.ToDictionary(pcr => pcr, pcr => (ReadOnlyMemory<byte>)values[pcr]), default);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or ArgumentNullException || e is FormatException and not MalformedException)
        {
            throw new MalformedException(-1, $"no evidence of a guest with a TPM: {e.Message}");
        }
    }

    /// <summary>attest.Attestation of go-tpm-tools: key 1, quotes 2, event log 3, the key's certificate 6, others 7. Parts for other purposes are passed over.</summary>
    private static TpmStatement FromProtobuf(ReadOnlyMemory<byte> bytes)
    {
        var fields = Protobuf.Read(bytes);
        var key = fields.Single(1, "the attestation key");
        if (key.Length > TpmPublic.MaxSizeInBytes) throw new MalformedException(-1, $"a public area has {TpmPublic.MaxSizeInBytes} bytes at most");
        var quotes = fields.All(2).Select(quote => Protobuf.Read(quote)).Select(quote => (Quote: quote, Pcrs: Protobuf.Read(quote.Single(3, "the PCRs")))).ToList();
        if (quotes.Where(each => each.Pcrs.Number(1) == Sha256).ToList() is not [var chosen]) throw new MalformedException(-1, "there is not one quote of the SHA-256 bank");
        Dictionary<int, ReadOnlyMemory<byte>> pcrs = [];
        foreach (var entry in chosen.Pcrs.All(2).Select(Protobuf.Read))
        {
            if (!pcrs.TryAdd((int)Math.Min(entry.Number(1), 24), entry.Single(2, "the value of a PCR"))) throw new MalformedException(-1, "a PCR has two values");
        }
        IReadOnlyList<ReadOnlyMemory<byte>> certificates = [.. fields.All(6).Concat(fields.All(7))];
        if (certificates.Count > MaxCertificates) throw new MalformedException(-1, $"{MaxCertificates} certificates at most");
        return new(
            new ByteWriter().Sized16(key.Span).ToArray(), certificates, chosen.Quote.Single(1, "the quote"), chosen.Quote.Single(2, "its signature"), pcrs,
            fields.All(3).ToList() is [var log] ? log : default);
    }
}
