using System.Buffers.Binary;
using System.Security.Cryptography;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Composite;

/// <summary>Evidence of one part of a machine, as the part's own platform writes it.</summary>
/// <param name="Evidence">At most <see cref="CompositeEvidence.MaxPartSizeInBytes"/>.</param>
/// <param name="Kind">Of a processor <c>sev-snp</c>, <c>tdx</c> or <c>nitro</c>; of a device <c>nvidia-gpu</c> or <c>nvidia-switch</c>.</param>
public sealed record EvidencePart(byte[] Evidence, string Kind);

/// <summary>
/// What a whole machine says about itself: its processor, and the devices that it gives its secrets to; canonical JSON, bytes in base64. spec/evidence-composite.md.
/// </summary>
/// <remarks>
/// Every device answers one nonce, and the processor's report data covers that nonce's source and what every device answered. So devices of another machine cannot
/// be slipped in unless the measured guest itself does it.
/// </remarks>
/// <param name="Cpu">The processor.</param>
/// <param name="Devices">In the order in which the processor's report data has them.</param>
/// <param name="Kind">Always <c>composite</c>.</param>
public sealed record CompositeEvidence(EvidencePart Cpu, IReadOnlyList<EvidencePart> Devices, string Kind = CompositeEvidence.KindName)
{
    public const string KindName = "composite";
    public const int MaxDevices = 16;
    public const int MaxPartSizeInBytes = 512 * 1024;
    public const int MaxSizeInBytes = 4 * 1024 * 1024;

    /// <summary>Length of <see cref="DeviceNonce"/>.</summary>
    public const int NonceSizeInBytes = 32;

    /// <summary>Length of <see cref="CpuChallenge"/>: the report data of SEV-SNP and TDX.</summary>
    public const int ChallengeSizeInBytes = 64;

    public static IReadOnlyList<string> CpuKinds { get; } = ["sev-snp", "tdx", "nitro"];

    public static IReadOnlyList<string> DeviceKinds { get; } = ["nvidia-gpu", "nvidia-switch"];

    /// <summary>What every device is asked for.</summary>
    /// <param name="transcript">Of the exchange that the evidence is for.</param>
    public static byte[] DeviceNonce(Digest transcript) => SHA256.HashData([.. "strongroom/device-nonce/v1\n"u8, .. transcript.Span]);

    /// <summary>What the processor's evidence carries, in exactly this length: the transcript, and every answer of a device.</summary>
    /// <param name="transcript">Of the exchange that the evidence is for.</param>
    /// <param name="devices">The evidence of each device, in the order of <see cref="Devices"/>.</param>
    public static byte[] CpuChallenge(Digest transcript, IReadOnlyList<ReadOnlyMemory<byte>> devices)
    {
        ArgumentNullException.ThrowIfNull(devices);
        Span<byte> number = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(number, (uint)devices.Count);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
        hash.AppendData("strongroom/composite/v1\n"u8);
        hash.AppendData(transcript.Span);
        hash.AppendData(number);
        foreach (var device in devices) hash.AppendData(SHA256.HashData(device.Span));
        return hash.GetHashAndReset();
    }

    /// <summary>What this machine's processor must carry for that transcript.</summary>
    public byte[] CpuChallenge(Digest transcript) => CpuChallenge(transcript, [.. Devices.Select(device => (ReadOnlyMemory<byte>)device.Evidence)]);

    /// <exception cref="MalformedException">Not canonical JSON of this record, a kind that is not known, too many devices, a part that is empty or too long.</exception>
    public static CompositeEvidence Parse(ReadOnlySpan<byte> utf8)
    {
        var evidence = CanonicalJson.Parse(utf8, AttestationJson.Default.CompositeEvidence, MaxSizeInBytes);
        evidence.RequireForm();
        return evidence;
    }

    /// <exception cref="MalformedException">What <see cref="Parse"/> would refuse.</exception>
    public byte[] ToBytes()
    {
        RequireForm();
        var bytes = CanonicalJson.Serialize(this, AttestationJson.Default.CompositeEvidence);
        return bytes.Length <= MaxSizeInBytes ? bytes : throw new MalformedException(MaxSizeInBytes, $"evidence of a machine has {MaxSizeInBytes} bytes at most");
    }

    private void RequireForm()
    {
        if (Kind != KindName) throw new MalformedException(-1, $"the evidence is not of the kind {KindName}");
        if (Devices.Count > MaxDevices) throw new MalformedException(-1, $"a machine has {MaxDevices} devices at most");
        Require(Cpu, CpuKinds);
        foreach (var device in Devices) Require(device, DeviceKinds);
    }

    private static void Require(EvidencePart part, IReadOnlyList<string> kinds)
    {
        if (!kinds.Contains(part.Kind)) throw new MalformedException(-1, $"'{part.Kind}' is none of {string.Join(", ", kinds)}");
        if (part.Evidence.Length is 0 or > MaxPartSizeInBytes) throw new MalformedException(-1, $"evidence of a {part.Kind} has 1 to {MaxPartSizeInBytes} bytes");
    }
}
