using System.Buffers.Binary;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Snp;

/// <summary>What came along with a report: certificates of the vendor and lists, as the host keeps them. None of it is believed for having come along.</summary>
/// <param name="Kind">VCEK, VLEK, ASK, ARK, CRL, or a GUID that is not known.</param>
/// <param name="Bytes">As they came.</param>
internal sealed record SnpTableEntry(string Kind, ReadOnlyMemory<byte> Bytes);

/// <summary>A report in one of its spellings (spec/evidence-sev-snp.md): alone, with the certificate table of SNP_GET_EXT_REPORT, or as JSON of a key broker.</summary>
internal sealed record SnpEvidence(SnpReport Report, IReadOnlyList<SnpTableEntry> Table)
{
    /// <summary>What else the JSON says, and nobody looks at: other devices' evidence, what the guest says of itself.</summary>
    public IReadOnlyList<string> Unread { get; init; } = [];

    private const int MaxTableSizeInBytes = 256 * 1024;
    private const int MaxEntries = 64;
    private const int EntrySizeInBytes = 24;

    /// <summary>GUIDs of the table (GHCB 56421 section 4.1.8.1).</summary>
    public static readonly IReadOnlyDictionary<Guid, string> Guids = new Dictionary<Guid, string>
    {
        [new("63da758d-e664-4564-adc5-f4b93be8accd")] = "VCEK",
        [new("a8074bc2-a25a-483e-aae6-39c045a0b8a1")] = "VLEK",
        [new("4ab7b379-bbac-4fe4-a02f-05aef327c782")] = "ASK",
        [new("c0b406a4-a803-4952-9743-3fb6014cd0ae")] = "ARK",
        [new("92f81bc3-5811-4d3d-97ff-d19f88dc67ea")] = "CRL",
    };

    /// <summary>What Azure's paravisor keeps in its TPM: a head that begins so, the report, and what the report's REPORT_DATA is the hash of.</summary>
    private static ReadOnlySpan<byte> Paravisor => "HCLA"u8;

    private const int ParavisorHeadSizeInBytes = 32;

    public static bool Recognises(ReadOnlySpan<byte> bytes)
    {
        if (!PrintedEvidence.IsText(bytes) || bytes.StartsWith(Paravisor)) return Begins(bytes);
        if (bytes.Length > SnpJson.MaxSizeInBytes) return false;
        return PrintedEvidence.IsJson(bytes) ? IsGuests(bytes) || PrintedEvidence.IsIn(bytes, Begins) : Begins(PrintedEvidence.Decode(bytes));
    }

    /// <exception cref="MalformedException">None of the spellings, or bytes that belong to none of its parts.</exception>
    public static SnpEvidence Parse(ReadOnlyMemory<byte> bytes)
    {
        if (!PrintedEvidence.IsText(bytes.Span) || bytes.Span.StartsWith(Paravisor)) return OfBytes(bytes);
        if (!PrintedEvidence.IsJson(bytes.Span)) return OfBytes(PrintedEvidence.Decode(bytes.Span) ?? throw new MalformedException(0, "a report is its bytes, or these in hexadecimal or base64, or JSON"));
        if (IsGuests(bytes.Span)) return SnpJson.Parse(bytes);
        var found = PrintedEvidence.Find(bytes, Begins);
        var evidence = OfBytes(found.Bytes);
        return evidence with { Table = [.. evidence.Table, .. found.Pem.Select(pem => new SnpTableEntry("VCEK", pem))], Unread = [.. evidence.Unread, .. found.Beside] };
    }

    private static bool IsGuests(ReadOnlySpan<byte> json) => json.IndexOf("attestation_report"u8) >= 0;

    private static bool Begins(ReadOnlySpan<byte> bytes)
    {
        if (bytes.StartsWith(Paravisor)) bytes = bytes[Math.Min(bytes.Length, ParavisorHeadSizeInBytes)..];
        return bytes.Length >= SnpReport.SizeInBytes && BinaryPrimitives.ReadUInt32LittleEndian(bytes) is >= 2 and <= 5 && BinaryPrimitives.ReadUInt32LittleEndian(bytes[0x34..]) == 1;
    }

    private static SnpEvidence OfBytes(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Span.StartsWith(Paravisor))
        {
            if (bytes.Length < ParavisorHeadSizeInBytes + SnpReport.SizeInBytes) throw new MalformedException(bytes.Length, "a paravisor's report ends early");
            return new(SnpReport.Parse(bytes.Span.Slice(ParavisorHeadSizeInBytes, SnpReport.SizeInBytes)), []) { Unread = ["what the paravisor put after the report"] };
        }
        if (bytes.Length <= SnpReport.SizeInBytes) return new(SnpReport.Parse(bytes.Span), []);
        return new(SnpReport.Parse(bytes.Span[..SnpReport.SizeInBytes]), ParseTable(bytes[SnpReport.SizeInBytes..]));
    }

    /// <summary>Entries of GUID, offset from the table's start and length up to one of zeros; then what they point at. Whatever no entry covers must be zero: hosts pad to whole pages.</summary>
    private static List<SnpTableEntry> ParseTable(ReadOnlyMemory<byte> table)
    {
        if (table.Length > MaxTableSizeInBytes) throw new MalformedException(SnpReport.SizeInBytes, $"a certificate table has {MaxTableSizeInBytes} bytes at most");
        var reader = new ByteReader(table.Span);
        List<SnpTableEntry> entries = [];
        List<(int From, int To)> covered = [];
        while (true)
        {
            var guid = reader.Bytes(16, "GUID of a certificate table");
            var (offset, length) = (reader.U32Little("offset of an entry"), reader.U32Little("length of an entry"));
            if (!guid.ContainsAnyExcept((byte)0))
            {
                if (offset != 0 || length != 0) throw new MalformedException(SnpReport.SizeInBytes + reader.Offset, "the entry that ends a certificate table is all zero");
                break;
            }
            if (entries.Count == MaxEntries) throw new MalformedException(SnpReport.SizeInBytes + reader.Offset, $"a certificate table has {MaxEntries} entries at most");
            if (length == 0 || offset > table.Length || length > table.Length - offset)
                throw new MalformedException(SnpReport.SizeInBytes + reader.Offset, $"an entry of {length} bytes at {offset} does not lie in the certificate table");
            entries.Add(new(KindOf(guid), table.Slice((int)offset, (int)length)));
            covered.Add(((int)offset, (int)offset + (int)length));
        }
        RequireZeroElsewhere(table.Span, [(0, reader.Offset), .. covered.Order()]);
        return entries;
    }

    private static void RequireZeroElsewhere(ReadOnlySpan<byte> table, List<(int From, int To)> covered)
    {
        var at = 0;
        foreach (var (from, to) in covered.Append((table.Length, table.Length)))
        {
            if (from < at) throw new MalformedException(SnpReport.SizeInBytes + from, "entries of a certificate table overlap");
            if (table[at..from].ContainsAnyExcept((byte)0)) throw new MalformedException(SnpReport.SizeInBytes + at, "a certificate table has bytes that belong to no entry");
            at = to;
        }
    }

    /// <summary>Hosts write GUIDs in the order of their text or with their first three numbers little-endian; no known one reads as another either way.</summary>
    private static string KindOf(ReadOnlySpan<byte> guid) =>
        Guids.GetValueOrDefault(new Guid(guid, bigEndian: true)) ?? Guids.GetValueOrDefault(new Guid(guid)) ?? new Guid(guid, bigEndian: true).ToString();
}
