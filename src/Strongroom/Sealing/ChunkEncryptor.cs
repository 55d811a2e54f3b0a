using System.Security.Cryptography;
using Strongroom.Crypto;

namespace Strongroom.Sealing;

/// <summary>Encrypts the chunks of one file in any order (C2SP chunked-encryption, Cobblestone-256). One thread at a time; <see cref="Fork"/> for more.</summary>
public sealed class ChunkEncryptor : IDisposable
{
    private readonly ChunkKeys keys;
    private readonly byte[] header;

    private ChunkEncryptor(ReadOnlySpan<byte> fileKey, ReadOnlySpan<byte> context, ReadOnlySpan<byte> salt)
    {
        keys = new(fileKey, salt, context);
        header = [.. salt, .. keys.Commitment];
    }

    /// <summary>Salt || commitment, the first 56 bytes of the sealed file.</summary>
    public ReadOnlySpan<byte> Header => header;

    /// <summary>Starts a file under a fresh random salt.</summary>
    /// <param name="fileKey">32 bytes, from <see cref="ContentKeys"/>.</param>
    /// <param name="identity">Whose key it is.</param>
    public static ChunkEncryptor Create(ReadOnlySpan<byte> fileKey, FileIdentity identity)
    {
        ArgumentNullException.ThrowIfNull(identity);
        Span<byte> salt = stackalloc byte[SealedLayout.SaltSize];
        RandomNumberGenerator.Fill(salt);
        return Create(fileKey, identity.Context, salt);
    }

    internal static ChunkEncryptor Create(ReadOnlySpan<byte> fileKey, ReadOnlySpan<byte> context, ReadOnlySpan<byte> salt) => new(fileKey, context, salt);

    /// <summary>A second encryptor of the same file under the same salt, for another thread and for other chunks.</summary>
    public ChunkEncryptor Fork(ReadOnlySpan<byte> fileKey, FileIdentity identity)
    {
        ArgumentNullException.ThrowIfNull(identity);
        return Create(fileKey, identity.Context, Header[..SealedLayout.SaltSize]);
    }

    /// <summary>Encrypts a run of chunks; each chunk of a file is encrypted once.</summary>
    /// <param name="firstChunk">Number of the first, from 0.</param>
    /// <param name="plain">Whole chunks; a last one that is shorter than 16 KiB, or empty, ends the file.</param>
    /// <param name="output">Receives <see cref="SealedSize"/> bytes.</param>
    /// <param name="final">True when the run ends the file.</param>
    /// <returns>Bytes written.</returns>
    public int Encrypt(long firstChunk, ReadOnlySpan<byte> plain, Span<byte> output, bool final)
    {
        if (!final && plain.Length % SealedLayout.ChunkSize != 0) throw new ArgumentException("only the last chunk of a file is short", nameof(plain));
        Span<byte> nonce = stackalloc byte[Aes256Gcm.NonceSizeInBytes];
        var written = 0;
        for (; plain.Length >= SealedLayout.ChunkSize; firstChunk++)
        {
            keys.NonceOf(firstChunk, nonce);
            keys.Cipher.Encrypt(nonce, plain[..SealedLayout.ChunkSize], output.Slice(written, SealedLayout.SealedChunkSize));
            plain = plain[SealedLayout.ChunkSize..];
            written += SealedLayout.SealedChunkSize;
        }
        if (!final) return written;
        keys.NonceOf(firstChunk, nonce);
        keys.Cipher.Encrypt(nonce, plain, output.Slice(written, plain.Length + SealedLayout.TagSize));
        return written + plain.Length + SealedLayout.TagSize;
    }

    /// <summary>Bytes that <see cref="Encrypt"/> writes.</summary>
    public static int SealedSize(int plain, bool final) => plain + (((plain / SealedLayout.ChunkSize) + (final ? 1 : 0)) * SealedLayout.TagSize);

    public void Dispose() => keys.Dispose();
}
