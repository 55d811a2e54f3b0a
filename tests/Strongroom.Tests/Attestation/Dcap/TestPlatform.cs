using System.Buffers.Binary;
using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Dcap;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Dcap;

/// <summary>A platform of <see cref="TestIntel"/> that quotes: everything is right until a test changes one thing, and then it is signed as ever.</summary>
internal sealed class TestPlatform(string kind)
{
    private const string Extension = "1.2.840.113741.1.13.1";

    private static readonly ECDsa PckKey = TestIntel.NewKey();
    private static readonly ECDsa QuotingKey = TestIntel.NewKey();
    private static readonly Dictionary<string, X509Certificate2> Issued = [];

    private static TestIntel Intel => TestIntel.One;

    public static byte[] ReportData { get; } = [.. Enumerable.Range(1, 64).Select(i => (byte)i)];

    public bool IsTdx => kind == "tdx";

    public int Version { get; set; } = kind == "tdx" ? 5 : 3;

    /// <summary>Of TDX: 584 or 648.</summary>
    public int DomainSize { get; set; } = 648;

    public Action<byte[]>? Header { get; set; }

    public Action<byte[]>? Body { get; set; }

    public Action<byte[]>? QeReport { get; set; }

    public byte[] Authentication { get; set; } = new byte[32];

    /// <summary>Signed by somebody else.</summary>
    public ECDsa QuoteSigner { get; set; } = QuotingKey;

    public ECDsa QeReportSigner { get; set; } = PckKey;

    public ushort CertificationType { get; set; } = 5;

    public byte[]? Certification { get; set; }

    public byte[] After { get; set; } = [];

    public string PckName { get; set; } = "Intel SGX PCK Certificate";

    public X509Certificate2 Ca { get; set; } = TestIntel.One.PlatformCa;

    public bool HasInstance { get; set; } = true;

    public bool Smt { get; set; }

    public byte[] Ppid { get; set; } = new byte[16];

    public BigInteger PceSvn { get; set; } = 13;

    public byte[] Fmspc { get; set; } = Convert.FromHexString("90c06f000000");

    public DateTimeOffset PckTo { get; set; } = TestIntel.To;

    public Action<JsonObject>? TcbInfo { get; set; }

    public Action<JsonObject>? QeIdentity { get; set; }

    public ECDsa? TcbSigner { get; set; }

    public byte[] RootList { get; set; } = TestIntel.One.List(TestIntel.One.Root, TimeSpan.FromDays(30), TimeSpan.FromDays(365));

    public byte[]? PckList { get; set; }

    /// <summary>Files of endorsements by name; a test takes some away or puts others in their place.</summary>
    public Action<Dictionary<string, byte[]>>? Files { get; set; }

    public X509Certificate2 Pck => Issue();

    private Tee Tee => IsTdx ? Tee.Tdx : Tee.Sgx;

    public byte[] Chain => Pem(Pck, Ca, Intel.Root);

    public static byte[] Pem(params X509Certificate2[] certificates) => Encoding.ASCII.GetBytes(string.Join("\n", certificates.Select(each => each.ExportCertificatePem())));

    public byte[] Quote()
    {
        var signed = Signed();
        var q = QuotingKey.ExportParameters(false).Q;
        byte[] key = [.. q.X!, .. q.Y!];
        var report = Report(key);
        var certification = Certification ?? Chain;
        var certified = new ByteWriter().Bytes(report).Bytes(QeReportSigner.SignData(report, HashAlgorithmName.SHA256)).U16Little((ushort)Authentication.Length).Bytes(Authentication)
            .U16Little(CertificationType).U32Little((uint)certification.Length).Bytes(certification).ToArray();
        var data = new ByteWriter().Bytes(QuoteSigner.SignData(signed, HashAlgorithmName.SHA256)).Bytes(key);
        if (Version > 3) data.U16Little(6).U32Little((uint)certified.Length);
        var all = data.Bytes(certified).ToArray();
        return [.. new ByteWriter().Bytes(signed).U32Little((uint)all.Length).Bytes(all).ToArray(), .. After];
    }

    public Endorsements Endorsements() => Strongroom.Attestation.Appraisal.Endorsements.Read(FilesOf().Select(file => (file.Key, (ReadOnlyMemory<byte>)file.Value)));

    public IReadOnlyDictionary<string, byte[]> FilesOf()
    {
        var files = new Dictionary<string, byte[]>
        {
            ["root.crl"] = RootList,
            ["pck.crl"] = PckList ?? Intel.List(Ca, TimeSpan.FromDays(1), TimeSpan.FromDays(30), 77),
            ["tcb.json"] = Intel.Sign("tcbInfo", Tcb(), TcbSigner),
            ["qe.json"] = Intel.Sign("enclaveIdentity", Identity()),
            ["chain.pem"] = Pem(Intel.TcbSigning, Intel.Root),
        };
        Files?.Invoke(files);
        return files;
    }

    public AttestationResult Appraise(string policy = "", CheckGroup[]? without = null, byte[]? file = null, DateTimeOffset? at = null, byte[]? reportData = null) =>
        Appraiser.For(kind, Intel.Roots)!.Appraise(new(file ?? Quote(), at ?? TestIntel.At)
        {
            Endorsements = Endorsements(), Policy = Encoding.UTF8.GetBytes(policy), ReportData = reportData ?? ReportData, Without = new HashSet<CheckGroup>(without ?? []),
        });

    private byte[] Signed()
    {
        var header = new ByteWriter().U16Little((ushort)Version).U16Little(2).U32Little((uint)Tee).U32Little(0).Bytes(Strongroom.Attestation.Dcap.Quote.IntelVendorId).Bytes(new byte[20]).ToArray();
        Header?.Invoke(header);
        var body = IsTdx ? Domain() : Enclave(0x5, new byte[32], 9, 3, ReportData);
        Body?.Invoke(body);
        var type = (ushort)(body.Length switch { 384 => 1, 584 => 2, _ => 3 });
        return Version == 5 ? [.. header, .. new ByteWriter().U16Little(type).U32Little((uint)body.Length).ToArray(), .. body] : [.. header, .. body];
    }

    private byte[] Report(byte[] key)
    {
        var known = KnownQe.Of(Tee);
        var report = Enclave(0x11, known.MrSigner.ToArray(), (ushort)known.IsvProductId, 8, [.. SHA256.HashData([.. key, .. Authentication]), .. new byte[32]]);
        QeReport?.Invoke(report);
        return report;
    }

    private byte[] Domain()
    {
        var body = new byte[DomainSize];
        body[0] = 5;
        if (DomainSize == 648) body[1] = 1;
        body[2] = 2;
        BinaryPrimitives.WriteUInt64LittleEndian(body.AsSpan(120), TdReport.SeptVeDisable);
        BinaryPrimitives.WriteUInt64LittleEndian(body.AsSpan(128), 0x642E7);
        body.AsSpan(16, 48).Fill(0x5E);
        body.AsSpan(136, 48).Fill(0x7D);
        ReportData.CopyTo(body.AsSpan(520));
        if (DomainSize == 648) body.AsSpan(0, 16).CopyTo(body.AsSpan(584));
        return body;
    }

    private static byte[] Enclave(ulong flags, byte[] signer, ushort product, ushort svn, byte[] data)
    {
        var report = new byte[EnclaveReport.SizeInBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(report.AsSpan(48), flags);
        BinaryPrimitives.WriteUInt64LittleEndian(report.AsSpan(56), 3);
        report.AsSpan(64, 32).Fill(0xE4);
        signer.CopyTo(report, 128);
        BinaryPrimitives.WriteUInt16LittleEndian(report.AsSpan(256), product);
        BinaryPrimitives.WriteUInt16LittleEndian(report.AsSpan(258), svn);
        data.CopyTo(report, 320);
        return report;
    }

    /// <summary>Issued once for each shape, as a real platform's is: serial number 9.</summary>
    private X509Certificate2 Issue()
    {
        var shape = $"{PckName}|{Ca.Subject}|{Ca.SerialNumber}|{HasInstance}|{Smt}|{PckTo}|{Convert.ToHexString(Fmspc)}|{Convert.ToHexString(Ppid)}|{PceSvn.GetHashCode()}";
        lock (Issued)
        {
            if (Issued.TryGetValue(shape, out var known)) return known;
            var request = TestIntel.Leaf(PckName, PckKey);
            request.CertificateExtensions.Add(new X509Extension(Extension, SgxExtension(), critical: false));
            return Issued[shape] = TestIntel.Issue(request, Ca, 9, PckTo);
        }
    }

    private byte[] SgxExtension()
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            Member(writer, "1", w => w.WriteOctetString(Ppid));
            Member(writer, "2", w =>
            {
                using (w.PushSequence())
                {
                    for (var i = 1; i <= 16; i++) Member(w, $"2.{i}", inner => inner.WriteInteger(3));
                    Member(w, "2.17", inner => inner.WriteInteger(PceSvn));
                    Member(w, "2.18", inner => inner.WriteOctetString([.. Enumerable.Repeat((byte)3, 16)]));
                }
            });
            Member(writer, "3", w => w.WriteOctetString(new byte[2]));
            Member(writer, "4", w => w.WriteOctetString(Fmspc));
            Member(writer, "5", w => w.WriteEnumeratedValue(DayOfWeek.Monday));
            if (HasInstance)
            {
                Member(writer, "6", w => w.WriteOctetString([.. Enumerable.Repeat((byte)6, 16)]));
                Member(writer, "7", w =>
                {
                    using (w.PushSequence())
                    {
                        Member(w, "7.1", inner => inner.WriteBoolean(false));
                        Member(w, "7.2", inner => inner.WriteBoolean(false));
                        Member(w, "7.3", inner => inner.WriteBoolean(Smt));
                    }
                });
            }
        }
        return writer.Encode();
    }

    private static void Member(AsnWriter writer, string number, Action<AsnWriter> value)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier($"{Extension}.{number}");
            value(writer);
        }
    }

    private JsonObject Tcb()
    {
        var info = new JsonObject
        {
            ["id"] = IsTdx ? "TDX" : "SGX", ["version"] = 3, ["issueDate"] = "2026-03-04T00:00:00Z", ["nextUpdate"] = "2026-04-03T00:00:00Z", ["fmspc"] = Convert.ToHexStringLower(Fmspc),
            ["pceId"] = "0000", ["tcbType"] = 0, ["tcbEvaluationDataNumber"] = 18,
        };
        if (IsTdx)
        {
            info["tdxModule"] = Module();
            var identity = Module();
            identity["id"] = "TDX_01";
            identity["tcbLevels"] = new JsonArray(Level(5, "UpToDate"), Level(4, "OutOfDate", "INTEL-SA-00900"), Level(2, "Revoked"));
            info["tdxModuleIdentities"] = new JsonArray(identity);
        }
        info["tcbLevels"] = new JsonArray(PlatformLevel(3, 13, 2, "UpToDate"), PlatformLevel(2, 13, 1, "OutOfDate"));
        TcbInfo?.Invoke(info);
        return info;
    }

    private JsonObject Identity()
    {
        var known = KnownQe.Of(Tee);
        var identity = new JsonObject
        {
            ["id"] = IsTdx ? "TD_QE" : "QE", ["version"] = 2, ["issueDate"] = "2026-03-04T00:00:00Z", ["nextUpdate"] = "2026-04-03T00:00:00Z", ["tcbEvaluationDataNumber"] = 18,
            ["miscselect"] = "00000000", ["miscselectMask"] = "FFFFFFFF", ["attributes"] = "11000000000000000000000000000000", ["attributesMask"] = "FBFFFFFFFFFFFFFF0000000000000000",
            ["mrsigner"] = Convert.ToHexString(known.MrSigner.Span), ["isvprodid"] = known.IsvProductId,
            ["tcbLevels"] = new JsonArray(Level(8, "UpToDate"), Level(6, "OutOfDate"), Level(5, "Revoked")),
        };
        QeIdentity?.Invoke(identity);
        return identity;
    }

    private static JsonObject Module() => new() { ["mrsigner"] = new string('0', 96), ["attributes"] = new string('0', 16), ["attributesMask"] = new string('F', 16) };

    private static JsonObject Level(int svn, string status, params string[] advisories) => new()
    {
        ["tcb"] = new JsonObject { ["isvsvn"] = svn }, ["tcbDate"] = "2025-11-01T00:00:00Z", ["tcbStatus"] = status, ["advisoryIDs"] = new JsonArray([.. advisories.Select(each => JsonValue.Create(each))]),
    };

    public JsonObject PlatformLevel(int sgx, int pce, int tdx, string status)
    {
        var tcb = new JsonObject { ["sgxtcbcomponents"] = Components(Enumerable.Repeat(sgx, 16)), ["pcesvn"] = pce };
        if (IsTdx) tcb["tdxtcbcomponents"] = Components(new[] { 5, 0, tdx }.Concat(new int[13]));
        return new() { ["tcb"] = tcb, ["tcbDate"] = "2025-11-01T00:00:00Z", ["tcbStatus"] = status };
    }

    private static JsonArray Components(IEnumerable<int> svns) => new([.. svns.Select(svn => new JsonObject { ["svn"] = svn })]);
}
