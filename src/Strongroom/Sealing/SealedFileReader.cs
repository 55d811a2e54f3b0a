using Strongroom.Bytes;

namespace Strongroom.Sealing;

/// <summary>Fills the buffer from an offset of the sealed file, or throws.</summary>
public delegate void ReadSealed(long offset, Span<byte> buffer);

/// <summary>Authenticated random access to one sealed file: any range of the plain bytes without the rest. One thread at a time.</summary>
public sealed class SealedFileReader : IDisposable
{
    private readonly ChunkDecryptor chunks;
    private readonly ReadSealed read;
    private readonly byte[] input = new byte[SealedTree.SegmentSize];
    private readonly Secret edge = new(SealedLayout.ChunkSize);

    /// <param name="fileKey">32 bytes, from <see cref="ContentKeys"/>.</param>
    /// <param name="manifest">Says the file's identity and length.</param>
    /// <param name="file">Index into <see cref="Manifest.Files"/>.</param>
    /// <param name="read">The sealed bytes.</param>
    /// <exception cref="System.Security.Cryptography.AuthenticationTagMismatchException">The header is not that of this file under this key.</exception>
    public SealedFileReader(Secret fileKey, Manifest manifest, int file, ReadSealed read)
    {
        ArgumentNullException.ThrowIfNull(fileKey);
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(read);
        Span<byte> header = stackalloc byte[SealedLayout.HeaderSize];
        read(0, header);
        this.read = read;
        Length = manifest.Files[file].Length;
        chunks = new(fileKey.Span, manifest.Identity(file), header);
    }

    /// <summary>Plain bytes, as the signed manifest says.</summary>
    public long Length { get; }

    /// <param name="offset">From the start of the plain file.</param>
    /// <param name="destination">Filled; all zeros when any of it could not be authenticated.</param>
    /// <exception cref="System.Security.Cryptography.AuthenticationTagMismatchException">A chunk was changed.</exception>
    public void Read(long offset, Span<byte> destination)
    {
        if (offset < 0 || offset > Length - destination.Length) throw new ArgumentOutOfRangeException(nameof(offset));
        try
        {
            ReadAuthenticated(offset, destination);
        }
        catch
        {
            destination.Clear();
            throw;
        }
    }

    public void Dispose()
    {
        chunks.Dispose();
        edge.Dispose();
    }

    private void ReadAuthenticated(long offset, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            var (chunk, skip) = Math.DivRem(offset, SealedLayout.ChunkSize);
            int taken;
            if (skip == 0 && destination.Length >= SealedLayout.ChunkSize)
            {
                taken = Math.Min(destination.Length / SealedLayout.ChunkSize, SealedTree.ChunksInSegment) * SealedLayout.ChunkSize;
                Decrypt(chunk, destination[..taken]);
            }
            else
            {
                // an edge: the whole chunk has to be authenticated before any of it is handed out
                var plain = edge.Span[..(int)Math.Min(SealedLayout.ChunkSize, Length - (chunk * SealedLayout.ChunkSize))];
                Decrypt(chunk, plain);
                taken = Math.Min(destination.Length, plain.Length - (int)skip);
                plain.Slice((int)skip, taken).CopyTo(destination);
            }
            destination = destination[taken..];
            offset += taken;
        }
    }

    private void Decrypt(long chunk, Span<byte> plain)
    {
        var count = (plain.Length + SealedLayout.ChunkSize - 1) / SealedLayout.ChunkSize;
        var sealedChunks = input.AsSpan(0, plain.Length + (count * SealedLayout.TagSize));
        read(SealedLayout.Offset(chunk), sealedChunks);
        chunks.Decrypt(chunk, sealedChunks, plain);
    }
}
