using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Snp;

namespace Strongroom.Tests.Attestation.Snp;

/// <summary>A machine, its guest, and a caller, everything right; a test changes one thing.</summary>
internal sealed class SnpScene
{
    private static readonly Appraiser Warm = Appraiser.For("sev-snp", TestAmd.Roots)!;

    public SnpScene(SnpProduct product = SnpProduct.Milan, uint version = 5, bool provider = false)
    {
        (Product, Amd) = (product, TestAmd.Of(product));
        RandomNumberGenerator.Fill(ReportData);
        U32(0x000, version);
        U64(0x008, 0x3001F); // ABI 0.31, SMT, bit 17
        U32(0x034, 1);
        U64(0x040, 0b10_0001); // SMT, alias check
        U32(0x048, provider ? 4u : 0u);
        ReportData.CopyTo(Report, 0x050);
        Fill(0x090, 48, 0x11);
        Fill(0x140, 32, 0x22);
        Fill(0x160, 32, 0xFF);
        if (version >= 3) (Report[0x188], Report[0x189], Report[0x18A]) = Processor(product);
        Fill(0x1A0, product == SnpProduct.Turin ? 8 : 64, 0x33);
        byte[] levels = product == SnpProduct.Turin ? [5, 4, 3, 2, 0, 0, 0, 200] : [4, 3, 0, 0, 0, 0, 2, 200];
        foreach (var offset in (int[])[0x038, 0x180, 0x1E0, 0x1F0]) levels.CopyTo(Report, offset);
        foreach (var offset in (int[])[0x1E8, 0x1EC]) (Report[offset], Report[offset + 1], Report[offset + 2]) = (22, 55, 1);
        Dictionary<int, byte> certified = new() { [1] = 4, [2] = 3, [3] = 2, [4] = 0, [5] = 0, [6] = 0, [7] = 0, [8] = 200 };
        if (product == SnpProduct.Turin) certified[9] = 5;
        Key = new()
        {
            Levels = certified,
            ProductName = provider ? $"{product}" : $"{product}-B1",
            CommonName = provider ? "SEV-VLEK" : "SEV-VCEK",
            SignedForProviders = provider,
            HardwareId = provider ? null : Report[0x1A0..(product == SnpProduct.Turin ? 0x1A8 : 0x1E0)],
            WrapsHardwareId = product != SnpProduct.Milan,
            ProviderId = provider ? "test-cloud" : null,
            Serial = provider ? (byte)9 : (byte)0,
        };
        Lists = [Amd.List(TestAmd.Now.AddDays(-1), TestAmd.Now.AddDays(30))];
        Authorities = [Amd.Chips, Amd.Providers, Amd.Root];
    }

    public SnpProduct Product { get; }

    public TestAmd Amd { get; }

    public byte[] Report { get; } = new byte[SnpReport.SizeInBytes];

    public byte[] ReportData { get; } = new byte[64];

    public TestKeyCertificate Key { get; set; }

    /// <summary>Who signs the key's certificate, where it is another line or a stranger.</summary>
    public TestAmd? Certifier { get; set; }

    public ECDsa? Signer { get; set; }

    public List<byte[]> Authorities { get; set; }

    public List<byte[]> Lists { get; set; }

    public JsonObject Policy { get; } = [];

    public HashSet<CheckGroup> Without { get; } = [];

    public bool Keyless { get; set; }

    public DateTimeOffset At { get; set; } = TestAmd.Now;

    /// <summary>Done to the report when it is signed.</summary>
    public Action<byte[]>? AfterSigning { get; set; }

    public byte[] Leaf => (Certifier ?? Amd).Certify(Key with { Key = Key.Key ?? Amd.Key });

    public IReadOnlyList<byte[]> Files => [.. Keyless ? [] : (byte[][])[Leaf], .. Authorities, .. Lists];

    public byte[] Signed()
    {
        var signature = (Signer ?? Amd.Key).SignData(Report.AsSpan(0, SnpReport.SignedSizeInBytes), HashAlgorithmName.SHA384);
        signature.AsSpan(0, 48).Reverse();
        signature.AsSpan(48).Reverse();
        var report = Report.ToArray();
        signature.AsSpan(0, 48).CopyTo(report.AsSpan(0x2A0));
        signature.AsSpan(48).CopyTo(report.AsSpan(0x2E8));
        AfterSigning?.Invoke(report);
        return report;
    }

    /// <summary>The report with everything that its host has in one table.</summary>
    public byte[] Extended(bool mixedOrder = false, int padding = 0) => [.. Signed(), .. Table(mixedOrder), .. new byte[padding]];

    public byte[] Table(bool mixedOrder = false)
    {
        List<(string Kind, byte[] Bytes)> entries = [(Key.CommonName[4..], Leaf), ("ASK", Key.SignedForProviders ? Amd.Providers : Amd.Chips), ("ARK", Amd.Root), ("CRL", Lists[0])];
        var table = new MemoryStream();
        var offset = (entries.Count + 1) * 24;
        foreach (var (kind, bytes) in entries)
        {
            var guid = SnpEvidence.Guids.Single(each => each.Value == kind).Key;
            table.Write(guid.ToByteArray(bigEndian: !mixedOrder));
            table.Write(BitConverter.GetBytes(offset));
            table.Write(BitConverter.GetBytes(bytes.Length));
            offset += bytes.Length;
        }
        table.Write(new byte[24]);
        foreach (var (_, bytes) in entries) table.Write(bytes);
        return table.ToArray();
    }

    public AttestationResult Appraise() => Appraise(Signed(), Files);

    public AttestationResult Appraise(ReadOnlyMemory<byte> evidence, IEnumerable<byte[]> files) => Warm.Appraise(new(evidence, At)
    {
        Endorsements = Endorsements.Read(files.Select((file, at) => ($"file {at}", (ReadOnlyMemory<byte>)file))),
        Policy = Policy.Count == 0 ? default : Encoding.UTF8.GetBytes(Policy.ToJsonString()),
        ReportData = ReportData,
        Without = Without,
    });

    public void U32(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Report.AsSpan(offset), value);

    public void U64(int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Report.AsSpan(offset), value);

    public void Set(int offset, ulong bit) => U64(offset, BinaryPrimitives.ReadUInt64LittleEndian(Report.AsSpan(offset)) ^ 1UL << (int)bit);

    public void Fill(int offset, int length, byte value) => Report.AsSpan(offset, length).Fill(value);

    public void Level(int part, byte level) => Key = Key with { Levels = new Dictionary<int, byte>(Key.Levels) { [part] = level } };

    private static (byte Family, byte Model, byte Stepping) Processor(SnpProduct product) => product switch { SnpProduct.Milan => (0x19, 0x01, 1), SnpProduct.Genoa => (0x19, 0x11, 1), _ => (0x1A, 0x02, 1) };
}
