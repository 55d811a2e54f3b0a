using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Cose;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nitro;

/// <summary>
/// The spellings in which tools hand on an attestation document (spec/evidence-nitro.md, Envelope): as it is, inside the answer of the Nitro Secure Module, inside
/// dstack's record of version 0, and each of them as base64 or hexadecimal text, alone or in JSON. Nothing outside the COSE message is signed and nothing of it is believed.
/// </summary>
internal static class NitroEnvelope
{
    private const int ReportDataSizeInBytes = 64;

    /// <summary>The first bytes of every document: an array of four that begins with the protected header {1: -35}. The tag may precede it.</summary>
    private static ReadOnlySpan<byte> Beginning => [0x84, 0x44, 0xA1, 0x01, 0x38, 0x22];

    /// <summary>The one key of the answer's map, a text of eleven bytes.</summary>
    private static ReadOnlySpan<byte> AnswerKey => "kAttestation"u8;

    /// <exception cref="MalformedException">The bytes are in none of these spellings.</exception>
    public static ReadOnlyMemory<byte> Open(ReadOnlyMemory<byte> evidence)
    {
        var bytes = !PrintedEvidence.IsText(evidence.Span) ? evidence : PrintedEvidence.IsJson(evidence.Span) ? PrintedEvidence.Find(evidence, Begins).Bytes
            : PrintedEvidence.Decode(evidence.Span) ?? throw new MalformedException(0, "no attestation document: text that is neither hexadecimal nor base64 nor JSON");
        return bytes.Span is [0x00, 0x02 or 0x04, ..] ? OpenRecord(bytes) : bytes.Span is [>= 0xA0 and <= 0xBF, ..] ? OpenAnswer(bytes) : bytes;
    }

    /// <summary>Whether the bytes begin as a document does, in whichever spelling.</summary>
    public static bool Recognises(ReadOnlySpan<byte> evidence)
    {
        if (!PrintedEvidence.IsText(evidence)) return Begins(evidence);
        if (evidence.Length > PrintedEvidence.MaxJsonSizeInBytes) return false;
        return PrintedEvidence.IsJson(evidence) ? PrintedEvidence.IsIn(evidence, Begins) : Begins(PrintedEvidence.Decode(evidence));
    }

    private static bool Begins(ReadOnlySpan<byte> bytes)
    {
        var head = bytes[..Math.Min(bytes.Length, 256)];
        return (head is [0xA1, ..] && head[1..].StartsWith(AnswerKey)) || (head is [0x00, 0x02 or 0x04, ..] && head.IndexOf(Beginning) is > 2 and <= 7)
            || ((head.StartsWith(Beginning) || (head is [0xD2, ..] && head[1..].StartsWith(Beginning))) && head.IndexOf("module_id"u8) >= 0);
    }

    /// <summary>The module's answer: {"Attestation": {"document": bytes}}.</summary>
    private static ReadOnlyMemory<byte> OpenAnswer(ReadOnlyMemory<byte> bytes)
    {
        var answer = CborItem.Parse(bytes, CborForm.AnyOrder);
        if (answer.Map("the answer") is not [var (_, inner)] || answer.Find("Attestation") is null) throw new MalformedException(0, "the Nitro Secure Module's answer is no attestation");
        if (inner.Map("Attestation") is not [var (_, document)] || inner.Find("document") is null) throw new MalformedException(0, "an attestation has one member, document");
        return document.Bytes("document");
    }

    /// <summary>
    /// A SCALE record: version 0, which platform, the document, runtime events (name, payload), 64 bytes of report data, configuration. Only the document is
    /// anybody's signed word; the rest is read so that nothing can hide behind it.
    /// </summary>
    private static ReadOnlyMemory<byte> OpenRecord(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes.Span);
        reader.Bytes(2, "version and platform");
        var size = Compact(ref reader);
        var start = reader.Offset;
        reader.Bytes(size, "the document");
        for (var events = Compact(ref reader); events > 0; events--)
        {
            reader.Bytes(Compact(ref reader), "an event's name");
            reader.Bytes(Compact(ref reader), "an event's payload");
        }
        reader.Bytes(ReportDataSizeInBytes, "the record's report data");
        reader.Bytes(Compact(ref reader), "the record's configuration");
        reader.End("the record");
        return bytes.Slice(start, size);
    }

    /// <summary>A SCALE compact integer: the two low bits say how long it is; the form for lengths from 2^30 has no place here.</summary>
    private static int Compact(ref ByteReader reader)
    {
        var at = reader.Offset;
        int first = reader.U8("a length");
        var (value, least) = (first & 3) switch
        {
            0 => (first >> 2, 0),
            1 => ((first | (reader.U8("a length") << 8)) >> 2, 1 << 6),
            2 => ((int)((uint)(first | (reader.U8("a length") << 8) | (reader.U8("a length") << 16)) >> 2) | (reader.U8("a length") << 22), 1 << 14),
            _ => throw new MalformedException(at, "a length beyond anything that evidence has"),
        };
        return value >= least ? value : throw new MalformedException(at, "a length that is longer than its value needs");
    }
}
