using System.Buffers.Binary;
using System.Numerics;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Snp;

/// <summary>
/// ATTESTATION_REPORT of the SEV-SNP firmware ABI (AMD 56860), versions 2 to 5: 1184 bytes, little-endian, offsets as in spec/evidence-sev-snp.md. Reading one
/// verifies nothing. The bytes are kept as they came: these are what the signature covers.
/// </summary>
internal sealed class SnpReport
{
    public const int SizeInBytes = 0x4A0;
    public const int SignedSizeInBytes = 0x2A0;

    /// <summary>Where the two numbers of the signature end; what follows must be zero.</summary>
    public const int SignatureEndsAt = 0x330;

    /// <summary>Order of P-384 (SP 800-186 section 3.2.1.4).</summary>
    private static readonly BigInteger Order = BigInteger.Parse(
        "39402006196394479212279040100143613805079739270465446667946905279627659399113263569398956308152294913554433653942643",
        System.Globalization.CultureInfo.InvariantCulture);

    private readonly byte[] bytes;

    private SnpReport(byte[] bytes)
    {
        this.bytes = bytes;
        Signature = ReadSignature();
    }

    /// <exception cref="MalformedException">Not exactly 1184 bytes.</exception>
    public static SnpReport Parse(ReadOnlySpan<byte> bytes) => bytes.Length == SizeInBytes
        ? new(bytes.ToArray())
        : throw new MalformedException(Math.Min(bytes.Length, SizeInBytes), $"an SEV-SNP report has {SizeInBytes} bytes, not {bytes.Length}");

    public ReadOnlySpan<byte> Bytes => bytes;

    public ReadOnlySpan<byte> SignedBytes => At(0, SignedSizeInBytes);

    public uint Version => U32(0x000);

    public uint GuestSvn => U32(0x004);

    public SnpGuestPolicy Policy => new(U64(0x008));

    public ReadOnlySpan<byte> FamilyId => At(0x010, 16);

    public ReadOnlySpan<byte> ImageId => At(0x020, 16);

    public uint Vmpl => U32(0x030);

    public uint SignatureAlgorithm => U32(0x034);

    public ReadOnlySpan<byte> CurrentTcb => At(0x038, 8);

    public SnpPlatformFlags Platform => new(U64(0x040));

    /// <summary>AUTHOR_KEY_EN, MASK_CHIP_KEY and SIGNING_KEY in one word.</summary>
    public uint Signer => U32(0x048);

    public bool AuthorKeyEnabled => (Signer & 1) != 0;

    public bool ChipKeyMasked => (Signer & 2) != 0;

    /// <summary>0 VCEK, 1 VLEK, 7 none; others are reserved.</summary>
    public uint SigningKey => Signer >> 2 & 7;

    public ReadOnlySpan<byte> ReportData => At(0x050, 64);

    public ReadOnlySpan<byte> Measurement => At(0x090, 48);

    public ReadOnlySpan<byte> HostData => At(0x0C0, 32);

    public ReadOnlySpan<byte> IdKeyDigest => At(0x0E0, 48);

    public ReadOnlySpan<byte> AuthorKeyDigest => At(0x110, 48);

    public ReadOnlySpan<byte> ReportId => At(0x140, 32);

    public ReadOnlySpan<byte> MigrationAgentReportId => At(0x160, 32);

    public ReadOnlySpan<byte> ReportedTcb => At(0x180, 8);

    /// <summary>Since version 3.</summary>
    public byte Family => bytes[0x188];

    public byte Model => bytes[0x189];

    public byte Stepping => bytes[0x18A];

    public ReadOnlySpan<byte> ChipId => At(0x1A0, 64);

    public ReadOnlySpan<byte> CommittedTcb => At(0x1E0, 8);

    public SnpFirmware Current => new(bytes[0x1EA], bytes[0x1E9], bytes[0x1E8]);

    public SnpFirmware Committed => new(bytes[0x1EE], bytes[0x1ED], bytes[0x1EC]);

    public ReadOnlySpan<byte> LaunchTcb => At(0x1F0, 8);

    /// <summary>Since version 5.</summary>
    public ulong LaunchMitigations => U64(0x1F8);

    public ulong CurrentMitigations => U64(0x200);

    /// <summary>The first bytes that must be zero in this version and are not, in words; null when all are.</summary>
    public string? FirstReservedInUse()
    {
        Span<(int From, int To)> reserved =
        [
            (0x04C, 0x050), Version >= 3 ? (0x18B, 0x1A0) : (0x188, 0x1A0), (0x1EB, 0x1EC), (0x1EF, 0x1F0), Version >= 5 ? (0x208, 0x2A0) : (0x1F8, 0x2A0), (0x330, 0x4A0),
        ];
        foreach (var (from, to) in reserved)
        {
            if (bytes.AsSpan(from..to).ContainsAnyExcept((byte)0)) return $"bytes 0x{from:X3} to 0x{to - 1:X3} must be zero";
        }
        return null;
    }

    /// <summary>R and S, big-endian, 48 bytes each; null where one is not in 1 to n-1 or its field of 72 bytes is not padded with zeros.</summary>
    public byte[]? Signature { get; }

    private byte[]? ReadSignature()
    {
        var signature = new byte[96];
        return Number(0x2A0, signature.AsSpan(0, 48)) && Number(0x2E8, signature.AsSpan(48)) ? signature : null;
    }

    private bool Number(int offset, Span<byte> bigEndian)
    {
        At(offset, 48).CopyTo(bigEndian);
        bigEndian.Reverse();
        var number = new BigInteger(bigEndian, isUnsigned: true, isBigEndian: true);
        return !At(offset + 48, 24).ContainsAnyExcept((byte)0) && !number.IsZero && number < Order;
    }

    private ReadOnlySpan<byte> At(int offset, int length) => bytes.AsSpan(offset, length);

    private uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset));

    private ulong U64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(offset));
}

/// <summary>POLICY: what the guest's owner lets the host do.</summary>
internal readonly record struct SnpGuestPolicy(ulong Bits)
{
    public byte AbiMinor => (byte)(Bits & 0xFF);

    public byte AbiMajor => (byte)(Bits >> 8 & 0xFF);

    public bool Smt => Bit(16);

    /// <summary>Reserved, and must be one.</summary>
    public bool AlwaysOne => Bit(17);

    public bool MigrationAgent => Bit(18);

    public bool Debug => Bit(19);

    public bool SingleSocket => Bit(20);

    public bool Cxl => Bit(21);

    public bool Aes256Xts => Bit(22);

    public bool RaplDisabled => Bit(23);

    public bool CiphertextHiding => Bit(24);

    public bool PageSwapDisabled => Bit(25);

    public ulong Reserved => Bits >> 26;

    private bool Bit(int number) => (Bits >> number & 1) != 0;
}

/// <summary>PLATFORM_INFO: how the machine is set up.</summary>
internal readonly record struct SnpPlatformFlags(ulong Bits)
{
    public bool Smt => Bit(0);

    public bool Tsme => Bit(1);

    public bool Ecc => Bit(2);

    public bool RaplDisabled => Bit(3);

    public bool CiphertextHiding => Bit(4);

    /// <summary>No two addresses lead to the same memory (AMD-SB-3015); only firmware that looks for it can say so.</summary>
    public bool AliasCheckComplete => Bit(5);

    /// <summary>Devices' writes that wait in the IOMMU cannot reach guests' memory unchecked (AMD-SB-3016); only firmware and hosts that know of it can say so.</summary>
    public bool IommuWriteSafe => Bit(6);

    public bool TrustedIo => Bit(7);

    /// <summary>Bits that have no meaning yet.</summary>
    public ulong Unknown => Bits & ~0b1111_1111UL;

    private bool Bit(int number) => (Bits >> number & 1) != 0;
}
