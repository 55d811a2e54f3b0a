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

    public static bool Recognises(ReadOnlySpan<byte> bytes) => IsJson(bytes)
        ? bytes.Length <= SnpJson.MaxSizeInBytes && bytes.IndexOf("attestation_report"u8) >= 0
        : bytes.Length >= SnpReport.SizeInBytes && BinaryPrimitives.ReadUInt32LittleEndian(bytes) is >= 2 and <= 5 && BinaryPrimitives.ReadUInt32LittleEndian(bytes[0x34..]) == 1;

    /// <exception cref="MalformedException">None of the spellings, or bytes that belong to none of its parts.</exception>
    public static SnpEvidence Parse(ReadOnlyMemory<byte> bytes)
    {
        if (IsJson(bytes.Span)) return SnpJson.Parse(bytes);
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

    private static bool IsJson(ReadOnlySpan<byte> bytes) => bytes.TrimStart(" \t\r\n"u8) is [(byte)'{', ..];
}
