using System.Security.Cryptography;
using Strongroom.Bytes;

namespace Strongroom.Attestation;

/// <summary>A machine as the ledger knows it.</summary>
/// <param name="Id"><see cref="IdOf"/> of its attestation key.</param>
/// <param name="Kind">Kind of its evidence.</param>
/// <param name="AttestationKey"><c>tpm</c>: TPM2B_PUBLIC of the attestation key; <c>development</c>: an Ed25519 public key, 32 bytes; <c>sev-snp</c>, <c>tdx</c>, <c>nitro</c>: a <see cref="Composite.MachineIdentity"/>.</param>
/// <param name="Pcrs">The boot PCRs that it quotes, ascending, each in 0 to 15; empty where there is no TPM.</param>
/// <param name="ApplicationPcr">The PCR that enclaves extend before they quote, in 8 to 15.</param>
public sealed record EnrolledMachine(string Id, string Kind, ReadOnlyMemory<byte> AttestationKey, IReadOnlyList<int> Pcrs, int ApplicationPcr)
{
    /// <summary>
    /// 13 by default: PCRs 8 to 15 belong to the operating system and no one can reset them without resetting the machine; boot loaders and systemd
    /// use 8, 9, 11, 12, 14 and 15, and 13 only for system extensions of the initrd, which a machine that guards weights does not have.
    /// </summary>
    public const int DefaultApplicationPcr = 13;

    /// <summary>Firmware, its settings, boot loader and Secure Boot: 0 to 7 (TCG PC Client Platform Firmware Profile, section 3.3.4).</summary>
    public static IReadOnlyList<int> DefaultPcrs { get; } = [0, 1, 2, 3, 4, 5, 6, 7];

    /// <summary><c>machine-</c> and the first 16 bytes of a SHA-256 value in hexadecimal: who has the key is the machine.</summary>
    /// <param name="keyName">TPM: the key's name (TPM 2.0 part 1, section 16); else the attestation key.</param>
    public static string IdOf(ReadOnlySpan<byte> keyName) => $"machine-{Convert.ToHexStringLower(SHA256.HashData(keyName).AsSpan(0, 16))}";

    /// <summary>Whether evidence of the one is evidence of the other: every value is compared, not the reference that a record would compare.</summary>
    internal bool IsSameAs(EnrolledMachine other) =>
        Id == other.Id && Kind == other.Kind && AttestationKey.Span.SequenceEqual(other.AttestationKey.Span) && Pcrs.SequenceEqual(other.Pcrs) && ApplicationPcr == other.ApplicationPcr;

    /// <summary>Why this cannot be a machine with a TPM; empty when it can. PCRs 16 and above can be reset by the operating system or belong to a dynamic launch.</summary>
    public IEnumerable<string> Refusals()
    {
        if (Pcrs.Count == 0) yield return "no boot PCR is read";
        if (Pcrs.Any(pcr => pcr is < 0 or > 15)) yield return "a boot PCR lies outside 0 to 15";
        if (Pcrs.Zip(Pcrs.Skip(1)).Any(pair => pair.First >= pair.Second)) yield return "the boot PCRs are not ascending";
        if (ApplicationPcr is < 8 or > 15 || Pcrs.Contains(ApplicationPcr)) yield return "the application PCR is not one of 8 to 15 apart from the boot PCRs";
    }
}
