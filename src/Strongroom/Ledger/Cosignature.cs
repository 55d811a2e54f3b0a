using System.Buffers.Binary;
using System.Text;
using Strongroom.Crypto;

namespace Strongroom.Ledger;

/// <summary>
/// A witness's statement that at <paramref name="At"/> the checkpoint was the largest that it had seen, and extended all it had seen before
/// (C2SP tlog-cosignature, Ed25519).
/// </summary>
public sealed record Cosignature(string Witness, DateTimeOffset At)
{
    private const int SizeInBytes = sizeof(ulong) + Ed25519PrivateKey.SignatureSizeInBytes;

    /// <summary>Layout: time, 8 bytes big-endian, seconds since 1970; signature, 64 bytes.</summary>
    internal static bool Split(ReadOnlySpan<byte> bytes, out long time, out ReadOnlySpan<byte> signature)
    {
        time = 0;
        signature = default;
        if (bytes.Length != SizeInBytes) return false;
        time = BinaryPrimitives.ReadInt64BigEndian(bytes);
        signature = bytes[sizeof(ulong)..];
        return time > 0 && time <= DateTimeOffset.MaxValue.ToUnixTimeSeconds();
    }

    internal static byte[] Message(long time, string text) => Encoding.UTF8.GetBytes($"cosignature/v1\ntime {time}\n{text}");

    /// <summary>Reads the time of a line that has been verified.</summary>
    internal static Cosignature FromVerified(NoteSignature line)
    {
        Split(line.Bytes.Span, out var time, out _);
        return new(line.Name, DateTimeOffset.FromUnixTimeSeconds(time));
    }
}

/// <summary>A witness's signing key. It signs whatever it is given: who calls it has checked that the checkpoint extends what was seen.</summary>
public sealed class Cosigner(Ed25519PrivateKey key, string name)
{
    public VerifierKey Verifier { get; } = new(name, NoteAlgorithm.Cosignature, key.PublicKey);

    public NoteSignature Cosign(Checkpoint checkpoint, DateTimeOffset now)
    {
        var time = now.ToUnixTimeSeconds();
        var bytes = new byte[sizeof(ulong) + Ed25519PrivateKey.SignatureSizeInBytes];
        BinaryPrimitives.WriteInt64BigEndian(bytes, time);
        key.Sign(Cosignature.Message(time, checkpoint.Text)).CopyTo(bytes, sizeof(ulong));
        return new(Verifier.Name, Verifier.KeyId, bytes);
    }
}
