using System.Buffers.Binary;

namespace Strongroom.Attestation.Dcap;

/// <summary>An enclave's report, 384 bytes (Intel SDM volume 3D, section 36.16, sgx_report_body_t): of an application's enclave or of the quoting enclave.</summary>
internal readonly struct EnclaveReport(ReadOnlyMemory<byte> bytes)
{
    public const int SizeInBytes = 384;

    public const ulong Init = 1 << 0;
    public const ulong Debug = 1 << 1;

    /// <summary>INIT, DEBUG, MODE64BIT, PROVISION_KEY, EINITTOKEN_KEY, CET, KSS, AEX_NOTIFY: every other flag is reserved.</summary>
    public const ulong KnownFlags = 0x4F7;

    /// <summary>EXINFO and CPINFO.</summary>
    public const uint KnownMiscSelect = 0x3;

    public ReadOnlySpan<byte> CpuSvn => bytes.Span[..16];

    public uint MiscSelect => BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span[16..]);

    public ReadOnlySpan<byte> IsvExtendedProductId => bytes.Span.Slice(32, 16);

    public ReadOnlySpan<byte> Attributes => bytes.Span.Slice(48, 16);

    public ulong Flags => BinaryPrimitives.ReadUInt64LittleEndian(bytes.Span[48..]);

    /// <summary>XFRM: the processor state that the enclave may use.</summary>
    public ulong Xfrm => BinaryPrimitives.ReadUInt64LittleEndian(bytes.Span[56..]);

    public ReadOnlySpan<byte> MrEnclave => bytes.Span.Slice(64, 32);

    public ReadOnlySpan<byte> MrSigner => bytes.Span.Slice(128, 32);

    public ReadOnlySpan<byte> ConfigId => bytes.Span.Slice(192, 64);

    public ushort IsvProductId => BinaryPrimitives.ReadUInt16LittleEndian(bytes.Span[256..]);

    public ushort IsvSvn => BinaryPrimitives.ReadUInt16LittleEndian(bytes.Span[258..]);

    public ushort ConfigSvn => BinaryPrimitives.ReadUInt16LittleEndian(bytes.Span[260..]);

    public ReadOnlySpan<byte> IsvFamilyId => bytes.Span.Slice(304, 16);

    public ReadOnlySpan<byte> ReportData => bytes.Span.Slice(320, 64);

    public bool ReservedIsZero => new[] { 20..32, 96..128, 160..192, 262..304 }.All(Zero);

    private bool Zero(Range range) => !bytes.Span[range].ContainsAnyExcept((byte)0);
}

/// <summary>A trust domain's report: 584 bytes of TDX 1.0, 648 of TDX 1.5 (TDX Module specification, TDREPORT_STRUCT; quote body types 2 and 3).</summary>
internal readonly struct TdReport(ReadOnlyMemory<byte> bytes)
{
    public const int SizeInBytes = 584;
    public const int SizeInBytes15 = 648;

    public const ulong Debug = 1;
    public const ulong SeptVeDisable = 1 << 28;
    public const ulong Migratable = 1 << 29;

    /// <summary>DEBUG, HGS+_PROF, PERF_PROF and PMT_PROF: each lets the host look into the domain while it runs ("TD under debug").</summary>
    public const ulong UnderDebug = 0x71;

    /// <summary>The above and ICSSD (a defence against single-stepping), LASS, SEPT_VE_DISABLE, MIGRATABLE, PKS, KL, TPA, PERFMON: every other attribute is reserved.</summary>
    public const ulong KnownAttributes = UnderDebug | 1ul << 16 | 1ul << 27 | SeptVeDisable | Migratable | 1ul << 30 | 1ul << 31 | 1ul << 62 | 1ul << 63;

    /// <summary>Bits of XFAM that are always set.</summary>
    public const ulong XfamFixed1 = 0x3;

    /// <summary>Bits of XFAM that may be set.</summary>
    public const ulong XfamAllowed = 0x0006DBE7;

    public bool Is15 => bytes.Length == SizeInBytes15;

    public ReadOnlySpan<byte> TeeTcbSvn => bytes.Span[..16];

    public ReadOnlySpan<byte> MrSeam => bytes.Span.Slice(16, 48);

    public ReadOnlySpan<byte> MrSignerSeam => bytes.Span.Slice(64, 48);

    public ReadOnlySpan<byte> SeamAttributes => bytes.Span.Slice(112, 8);

    public ulong Attributes => BinaryPrimitives.ReadUInt64LittleEndian(bytes.Span[120..]);

    public ulong Xfam => BinaryPrimitives.ReadUInt64LittleEndian(bytes.Span[128..]);

    public ReadOnlySpan<byte> MrTd => bytes.Span.Slice(136, 48);

    public ReadOnlySpan<byte> MrConfigId => bytes.Span.Slice(184, 48);

    public ReadOnlySpan<byte> MrOwner => bytes.Span.Slice(232, 48);

    public ReadOnlySpan<byte> MrOwnerConfig => bytes.Span.Slice(280, 48);

    public ReadOnlySpan<byte> ReportData => bytes.Span.Slice(520, 64);

    /// <summary>What the TDX module would be if the domain were started now; of TDX 1.5 only.</summary>
    public ReadOnlySpan<byte> TeeTcbSvn2 => Is15 ? bytes.Span.Slice(584, 16) : default;

    /// <summary>The migration domain that serves this one; of TDX 1.5 only.</summary>
    public ReadOnlySpan<byte> MrServiceTd => Is15 ? bytes.Span.Slice(600, 48) : default;

    public ReadOnlySpan<byte> Rtmr(int index) => bytes.Span.Slice(328 + 48 * index, 48);
}
