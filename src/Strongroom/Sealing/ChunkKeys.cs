using System.Buffers.Binary;
using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Sealing;

/// <summary>C2SP chunked-encryption, "Key derivation", instantiated as Cobblestone-256: SHA-512 and AES-256-GCM.</summary>
internal sealed class ChunkKeys : IDisposable
{
    private const int NonceOffset = Aes256Gcm.KeySizeInBytes;
    private const int CommitmentOffset = NonceOffset + Aes256Gcm.NonceSizeInBytes;

    private const long MaxChunks = 1L << 38;

    private readonly Secret derived = new(CommitmentOffset + SealedLayout.CommitmentSize);

    internal ChunkKeys(ReadOnlySpan<byte> inputKey, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> context)
    {
        if (inputKey.Length != ContentKeys.SizeInBytes) throw new ArgumentException("an input key has 32 bytes", nameof(inputKey));
        byte[] info = [.. "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0"u8, .. salt, .. context];
        Hkdf.Expand(HashAlgorithmName.SHA512, inputKey, info, derived.Span);
        Cipher = new(Key);
    }

    internal Aes256Gcm Cipher { get; }

    internal ReadOnlySpan<byte> Key => derived.Span[..NonceOffset];

    internal ReadOnlySpan<byte> BaseNonce => derived.Span[NonceOffset..CommitmentOffset];

    internal ReadOnlySpan<byte> Commitment => derived.Span[CommitmentOffset..];

    /// <summary>"AEAD usage": the base nonce XOR the chunk's number as a big-endian integer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not 0 to 2^38 - 1: a greater number could bring back the nonce of another message.</exception>
    internal void NonceOf(long chunk, Span<byte> nonce)
    {
        if (chunk is < 0 or >= MaxChunks) throw new ArgumentOutOfRangeException(nameof(chunk), chunk, "a message has at most 2^38 chunks");
        BaseNonce.CopyTo(nonce);
        var low = nonce[4..];
        BinaryPrimitives.WriteInt64BigEndian(low, BinaryPrimitives.ReadInt64BigEndian(low) ^ chunk);
    }

    public void Dispose()
    {
        Cipher.Dispose();
        derived.Dispose();
    }
}
