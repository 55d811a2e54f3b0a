namespace Strongroom.Attestation.Snp;

/// <summary>Security patch levels of a platform's firmware (TCB_VERSION), one a component. Lines differ in where the eight bytes put them; FMC exists on Turin.</summary>
internal sealed record SnpTcb(byte Fmc, byte BootLoader, byte Tee, byte Snp, byte Microcode, bool ReservedIsZero, bool HasFmc)
{
    public static SnpTcb Read(ReadOnlySpan<byte> bytes, SnpProduct product) => product == SnpProduct.Turin
        ? new(bytes[0], bytes[1], bytes[2], bytes[3], bytes[7], !bytes[4..7].ContainsAnyExcept((byte)0), true)
        : new(0, bytes[0], bytes[1], bytes[6], bytes[7], !bytes[2..6].ContainsAnyExcept((byte)0), false);

    /// <summary>No component is below the other's: levels are compared one by one, never as one number.</summary>
    public bool IsAtLeast(SnpTcb other) =>
        Fmc >= other.Fmc && BootLoader >= other.BootLoader && Tee >= other.Tee && Snp >= other.Snp && Microcode >= other.Microcode;

    public bool Matches(SnpTcb other) => IsAtLeast(other) && other.IsAtLeast(this);

    public override string ToString() => $"{(HasFmc ? $"FMC {Fmc}, " : "")}boot loader {BootLoader}, TEE {Tee}, SNP {Snp}, microcode {Microcode}";
}

/// <summary>A version of the SNP firmware, as <c>1.55.22</c>.</summary>
internal readonly record struct SnpFirmware(byte Major, byte Minor, byte Build) : IComparable<SnpFirmware>
{
    public int CompareTo(SnpFirmware other) => (Major, Minor, Build).CompareTo((other.Major, other.Minor, other.Build));

    public override string ToString() => $"{Major}.{Minor}.{Build}";
}
