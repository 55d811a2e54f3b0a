using System.Globalization;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;

namespace Strongroom.Attestation.Nitro;

/// <summary>A document in words, and as claims.</summary>
internal static class NitroFields
{
    public static JsonObject Claims(NitroDocument document) => new()
    {
        ["platform"] = document.Platform == NitroPlatform.Tpm ? "nitrotpm" : "enclave",
        ["module_id"] = document.ModuleId,
        ["digest"] = document.DigestName,
        ["timestamp_milliseconds"] = document.Timestamp,
        ["made"] = Time(document),
        ["pcrs"] = new JsonObject(document.Pcrs.Select(pcr => KeyValuePair.Create(pcr.Index.ToString(CultureInfo.InvariantCulture), (JsonNode?)Convert.ToHexStringLower(pcr.Value.Span)))),
        ["debug"] = IsDebugged(document),
        ["public_key"] = Hex(document.PublicKey),
        ["user_data"] = Hex(document.UserData),
        ["nonce"] = Hex(document.Nonce),
    };

    public static IReadOnlyList<EvidenceField> Of(NitroDocument document) =>
    [
        new("protected header", Convert.ToHexStringLower(document.Message.ProtectedBytes.Span), "the algorithm; -35, ECDSA with SHA-384, is the only right one", document.Message.Algorithm != Cose.CoseSign1.Es384, "nitro.2, nitro.3"),
        .. document.Message.UnprotectedHeader.Entries.Count == 0 ? [] : (EvidenceField[])[new("unprotected header", Convert.ToHexStringLower(document.Message.UnprotectedHeader.Encoded.Span), "nobody signed it, and there must be none", true, "nitro.2", Covered: false)],
        new("module_id", document.ModuleId, document.Platform == NitroPlatform.Tpm ? "the EC2 instance" : "the EC2 instance and the enclave in it"),
        new("timestamp", Time(document) ?? document.Timestamp.ToString(CultureInfo.InvariantCulture), "when the hypervisor made the document, by its clock; an old one may be a copy", document.Made is null, "max_age_seconds, max_clock_skew_seconds"),
        new("digest", document.DigestName, "the hash of the registers; SHA384 is the only right one", document.DigestName != "SHA384", "nitro.4.digest"),
        .. document.Pcrs.Select(pcr => Register(document, pcr.Index, pcr.Value)),
        new("public_key", Hex(document.PublicKey) ?? "none", "what answers to the enclave can be encrypted to; whoever holds its private key reads them", Policy: "public_key"),
        new("user_data", Hex(document.UserData) ?? "none", "what the enclave wanted signed; its meaning is agreed with the enclave's code", Policy: "--report-data"),
        new("nonce", Hex(document.Nonce) ?? "none", "the challenge that is answered; without one of your own the document may be a copy", Policy: "--nonce"),
        CertificateWords.Of("certificate", document.Certificate.Span, "its key signed the document; it lasts for hours", "nitro.6.links, nitro.8") with { Covered = true },
        .. document.Bundle.Select((der, i) => CertificateWords.Of($"cabundle[{i}]", der.Span, "vouches for the next one; only the pinned root counts as the first", i == 0 ? "nitro.5" : "nitro.6.links") with { Covered = true }),
        .. document.Unknown.Select(member => new EvidenceField(member, "", "no member of an attestation document", Danger: true, Policy: "nitro.1")),
        new("signature", Convert.ToHexStringLower(document.Message.Signature.Span), "by the key of the document's certificate, over all of the above", Policy: "nitro.8"),
    ];

    /// <summary>The value of a register; null where the document has none.</summary>
    public static ReadOnlyMemory<byte>? Pcr(this NitroDocument document, int index)
    {
        foreach (var (number, value) in document.Pcrs)
        {
            if (number == (ulong)index) return value;
        }
        return null;
    }

    private static EvidenceField Register(NitroDocument document, ulong index, ReadOnlyMemory<byte> value)
    {
        var isZero = value.Span.IndexOfAnyExcept((byte)0) < 0;
        var danger = isZero && index <= 2;
        var meaning = document.Platform == NitroPlatform.Tpm ? OfInstance(index) : OfEnclave(index);
        return new($"PCR{index}", isZero ? $"{value.Length} zero bytes" : Convert.ToHexStringLower(value.Span), danger ? $"{meaning}; zero in a debug enclave, whose memory its instance reads" : meaning, danger,
            document.Platform == NitroPlatform.Tpm ? index is 16 or 23 ? null : $"nitrotpm_pcrs[{index}]" : $"pcrs[{index}]");
    }

    private static string OfEnclave(ulong index) => index switch
    {
        0 => "the whole image of the enclave",
        1 => "kernel and boot ramdisk",
        2 => "the application: ramdisks without the first",
        3 => "the IAM role of the instance; zero where it has none",
        4 => "the id of the instance",
        8 => "the certificate that signed the image; zero where nobody did",
        <= 15 => "reserved",
        _ => "the enclave's own: its code extends it",
    };

    private static string OfInstance(ulong index) => index switch
    {
        0 or 1 => "early boot code of Amazon; always the same value",
        2 or 3 => "option ROMs and their configuration",
        4 => "the boot manager: with an attestable image, everything that runs",
        5 => "the boot manager's configuration and the partition table",
        6 => "the platform's manufacturer",
        7 => "Secure Boot: whose signatures it takes",
        <= 15 => "the operating system's own",
        16 or 23 => "can be reset by software: proves nothing",
        _ => "of a dynamic launch, which there is none of",
    };

    private static bool IsDebugged(NitroDocument document) => document.Pcrs.Any(pcr => pcr.Index <= 2 && pcr.Value.Span.IndexOfAnyExcept((byte)0) < 0);

    private static string? Time(NitroDocument document) => document.Made is { } made ? Bytes.Timestamp.Format(made) : null;

    private static string? Hex(ReadOnlyMemory<byte>? bytes) => bytes is { } there ? Convert.ToHexStringLower(there.Span) : null;
}
