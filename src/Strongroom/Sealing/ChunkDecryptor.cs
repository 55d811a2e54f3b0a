using System.Security.Cryptography;
using Strongroom.Crypto;

namespace Strongroom.Sealing;

/// <summary>
/// Decrypts chunks of one file in any order, straight into the caller's memory, without allocating. One thread at a time; each thread makes its own.
/// </summary>
/// <remarks>What a manifest says of the length must be checked against the file's before: a chunk tells that it is genuine, not that it is the last.</remarks>
public sealed class ChunkDecryptor : IDisposable
{
    private readonly ChunkKeys keys;

    /// <param name="fileKey">32 bytes, from <see cref="ContentKeys"/>.</param>
    /// <param name="identity">What the file claims to be.</param>
    /// <param name="header">The first 56 bytes of the sealed file.</param>
    /// <exception cref="AuthenticationTagMismatchException">The commitment is not this key's, salt's and identity's.</exception>
    public ChunkDecryptor(ReadOnlySpan<byte> fileKey, FileIdentity identity, ReadOnlySpan<byte> header)
        : this(fileKey, (identity ?? throw new ArgumentNullException(nameof(identity))).Context, header)
    {
    }

    internal ChunkDecryptor(ReadOnlySpan<byte> fileKey, ReadOnlySpan<byte> context, ReadOnlySpan<byte> header)
    {
        if (header.Length != SealedLayout.HeaderSize) throw new ArgumentException("a header has 56 bytes", nameof(header));
        keys = new(fileKey, header[..SealedLayout.SaltSize], context);
        if (CryptographicOperations.FixedTimeEquals(keys.Commitment, header[SealedLayout.SaltSize..])) return;
        keys.Dispose();
        throw new AuthenticationTagMismatchException("the key commitment does not match: another key, another file, or a changed header");
    }

    /// <summary>Decrypts one chunk or a run of them; the last of a file is the one that is short.</summary>
    /// <param name="firstChunk">Number of the first, from 0.</param>
    /// <param name="sealedChunks">Whole sealed chunks.</param>
    /// <param name="plain">Receives as many bytes less 16 for each chunk.</param>
    /// <exception cref="AuthenticationTagMismatchException">A chunk was changed or stands in another place. Of it and of what follows nothing is in <paramref name="plain"/>.</exception>
    public void Decrypt(long firstChunk, ReadOnlySpan<byte> sealedChunks, Span<byte> plain)
    {
        if (plain.Length != PlainSize(sealedChunks.Length)) throw new ArgumentException("16 bytes less for each chunk", nameof(plain));
        Span<byte> nonce = stackalloc byte[Aes256Gcm.NonceSizeInBytes];
        for (var chunk = firstChunk; sealedChunks.Length > 0; chunk++)
        {
            var taken = Math.Min(SealedLayout.SealedChunkSize, sealedChunks.Length);
            keys.NonceOf(chunk, nonce);
            if (!keys.Cipher.TryDecrypt(nonce, sealedChunks[..taken], plain[..(taken - SealedLayout.TagSize)]))
            {
                plain.Clear();
                throw new AuthenticationTagMismatchException($"chunk {chunk} was changed, or stands in another's place");
            }
            sealedChunks = sealedChunks[taken..];
            plain = plain[(taken - SealedLayout.TagSize)..];
        }
    }

    /// <summary>Plain bytes in a run of sealed chunks.</summary>
    /// <exception cref="ArgumentException">The run ends within a tag.</exception>
    public static int PlainSize(int sealedSize)
    {
        var last = sealedSize % SealedLayout.SealedChunkSize;
        if (last is > 0 and < SealedLayout.TagSize) throw new ArgumentException("the run ends within a chunk's tag", nameof(sealedSize));
        return sealedSize - (SealedLayout.TagSize * ((sealedSize / SealedLayout.SealedChunkSize) + (last > 0 ? 1 : 0)));
    }

    public void Dispose() => keys.Dispose();
}
