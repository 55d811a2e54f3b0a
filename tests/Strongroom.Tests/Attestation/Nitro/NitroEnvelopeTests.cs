using System.Text;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Cose;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Nitro;

/// <summary>Every spelling of a document gives the same verdict; what is in none of them is malformed.</summary>
public sealed class NitroEnvelopeTests
{
    private static readonly NitroVendor Vendor = new();
    private static readonly Appraiser Appraiser = Appraiser.For("nitro", Vendor.Roots)!;
    private static readonly byte[] Document = Vendor.Document();

    public static TheoryData<string, byte[]> Spellings => new()
    {
        { "as it is", Document },
        { "with its tag", Vendor.Document(draft => draft.IsTagged = true) },
        { "the module's answer", Answer(Document) },
        { "a record of an enclave", Record(2, Document) },
        { "a record of an instance with events", Record(4, Document, [0x04, 0x0C, .. "abc"u8, 0x08, 1, 2]) },
        { "base64", Encoding.ASCII.GetBytes(Convert.ToBase64String(Document) + "\n") },
        { "base64 in lines", Encoding.ASCII.GetBytes(Convert.ToBase64String(Document, Base64FormattingOptions.InsertLineBreaks)) },
        { "hexadecimal", Encoding.ASCII.GetBytes(Convert.ToHexString(Document)) },
        { "hexadecimal in lines", Encoding.ASCII.GetBytes(string.Join('\n', Convert.ToHexStringLower(Document).Chunk(60).Select(line => new string(line)))) },
        { "hexadecimal with 0x", Encoding.ASCII.GetBytes("0x" + Convert.ToHexStringLower(Document)) },
        { "base64 of the other alphabet", Encoding.ASCII.GetBytes(System.Buffers.Text.Base64Url.EncodeToString(Document)) },
        { "a member of JSON", Encoding.ASCII.GetBytes($$$"""{"attestation_doc":"{{{Convert.ToBase64String(Document)}}}","pcrs":["00"]}""") },
        { "hexadecimal in JSON", Encoding.ASCII.GetBytes($$$$"""{"signed":{"nitro":{"document":"{{{{Convert.ToHexStringLower(Document)}}}}","nonce":"31"}}}""") },
        { "the module's answer as JSON", Encoding.ASCII.GetBytes($$$"""{"Attestation":{"document":[{{{string.Join(',', Document)}}}]}}""") },
        { "base64 of the tagged", Encoding.ASCII.GetBytes(Convert.ToBase64String(Vendor.Document(draft => draft.IsTagged = true))) },
    };

    [Theory]
    [MemberData(nameof(Spellings))]
    public void Verifies_and_recognises(string spelling, byte[] evidence)
    {
        Assert.True(Appraise(evidence) == Outcome.Verified, spelling);
        Assert.True(Appraiser.Recognise(evidence)?.Kind == "nitro", spelling);
    }

    [Fact]
    public void A_document_written_with_indefinite_lengths_verifies()
    {
        var draft = new NitroDraft(Vendor);
        var payload = draft.Payload();
        byte[] streamed = [0xBF, .. payload.AsSpan(1), 0xFF];
        Assert.Equal(Outcome.Verified, Appraise(draft.Seal(streamed)));
    }

    public static TheoryData<string, byte[]> Malformed => new()
    {
        { "nothing", [] },
        { "a byte after the document", [.. Document, 0] },
        { "a byte after the module's answer", [.. Answer(Document), 0] },
        { "a byte after a record", [.. Record(2, Document), 0] },
        { "a record with events that do not follow", Record(2, Document, [0x04]) },
        { "a record whose length is longer than it needs", [0x00, 0x02, 0x01, 0x00, .. new byte[66]] },
        { "a record with a length of more than 2^30", [0x00, 0x02, 0x03, 0x00, 0x00, 0x00, 0x40, .. new byte[66]] },
        { "a record of another platform", Record(3, Document) },
        { "an answer with two members", new CborWriter().Map(2).Text("Attestation").Map(1).Text("document").Bytes(Document).Text("Error").Null().ToArray() },
        { "an answer that is an error", new CborWriter().Map(1).Text("Error").Text("InvalidArgument").ToArray() },
        { "an attestation without a document", new CborWriter().Map(1).Text("Attestation").Map(1).Text("doc").Bytes(Document).ToArray() },
        { "two tags", [0xD2, 0xD2, .. Document] },
        { "another tag", [0xD1, .. Document] },
        { "three members", [0x83, .. Document.AsSpan(1)] },
        { "a long head", [0x98, 0x04, .. Document.AsSpan(1)] },
        { "an indefinite envelope", [0x9F, .. Document.AsSpan(1), 0xFF] },
        { "half a byte", Encoding.ASCII.GetBytes(Convert.ToHexString(Document)[..^1]) },
        { "JSON without a document", "{\"attestation_doc\":\"\"}"u8.ToArray() },
        { "two documents", Encoding.ASCII.GetBytes($"[\"{Convert.ToBase64String(Document)}\",\"{Convert.ToBase64String(Vendor.Document(draft => draft.IsTagged = true))}\"]") },
        { "text", "hEShATgi, but then no base64"u8.ToArray() },
        { "a payload that is no map", Signed([0x80]) },
        { "a byte after the payload", Signed([.. new NitroDraft(Vendor).Payload(), 0x00]) },
        { "a payload that is too long", Vendor.Document(draft => draft.Extra.Add(("filler", new CborWriter().Bytes(new byte[16_384]).ToArray()))) },
        { "a member twice", Vendor.Document(draft => draft.Extra.Add(("nonce", [0xF6]))) },
        { "both kinds of registers", Vendor.Document(draft => draft.Extra.Add(("nitrotpm_pcrs", [0xA0]))) },
        { "no registers", Vendor.Document(draft => draft.PcrsName = "others") },
        { "no module", Vendor.Document(draft => draft.ModuleId = null) },
        { "a certificate that is none", Vendor.Document(draft => draft.Certificate = [1, 2, 3]) },
        { "no certificate", Vendor.Document(draft => draft.Certificate = []) },
        { "an authority that is none", Vendor.Document(draft => draft.Bundle = [.. Vendor.Bundle, [1, 2, 3]]) },
        { "bytes after a certificate", Vendor.Document(draft => draft.Certificate = [.. Vendor.Leaf, 0]) },
        { "a certificate as PEM", Vendor.Document(draft => draft.Certificate = Encoding.ASCII.GetBytes($"-----BEGIN CERTIFICATE-----\n{Convert.ToBase64String(Vendor.Leaf)}\n-----END CERTIFICATE-----")) },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public void Refuses(string what, byte[] evidence)
    {
        var thrown = Xunit.Record.Exception(() => Appraise(evidence));
        Assert.True(thrown is MalformedException, $"{what}: {thrown}");
    }

    [Fact]
    public void Recognises_nothing_else()
    {
        Assert.Null(Appraiser.Recognise([]));
        Assert.Null(Appraiser.Recognise("{}"u8));
        Assert.Null(Appraiser.Recognise([0xD2, 0x84, 0x43, 0xA1, 0x01, 0x26])); // another COSE message
    }

    [Fact]
    public void A_document_parsed_and_written_is_the_same_bytes()
    {
        foreach (var evidence in (byte[][])[Document, Vendor.Document(draft => draft.IsTagged = true)]) Assert.Equal(evidence, CoseSign1.Parse(evidence).ToBytes());
    }

    private static byte[] Signed(byte[] payload) => new NitroDraft(Vendor).Seal(payload);

    private static byte[] Answer(byte[] document) => new CborWriter().Map(1).Text("Attestation").Map(1).Text("document").Bytes(document).ToArray();

    /// <summary>Version 0, platform, document, events, report data, configuration.</summary>
    private static byte[] Record(byte platform, byte[] document, byte[]? events = null) => [0, platform, .. Compact(document.Length), .. document, .. events ?? [0], .. new byte[64], 0x0C, .. "{ }"u8];

    private static byte[] Compact(int length) => [(byte)(((length << 2) & 0xFF) | 1), (byte)(length >> 6)];

    private static Outcome Appraise(byte[] evidence) => Appraiser.Appraise(new(evidence, NitroVendor.At) { Nonce = "nonce"u8.ToArray(), ReportData = "user data"u8.ToArray() }).Outcome;
}
