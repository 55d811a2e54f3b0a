using Strongroom.Bytes;

namespace Strongroom.Sealing;

/// <summary>Where things lie in a sealed file: C2SP chunked-encryption, "Message chunking". All sizes in bytes.</summary>
public static class SealedLayout
{
    public const string Extension = ".sealed";

    public const int SaltSize = 24;
    public const int CommitmentSize = 32;

    /// <summary>Salt || commitment.</summary>
    public const int HeaderSize = SaltSize + CommitmentSize;

    public const int TagSize = 16;
    public const int ChunkSize = 16 * 1024;
    public const int SealedChunkSize = ChunkSize + TagSize;

    /// <summary>4 PiB - 1: below 2^38 chunks.</summary>
    public const long MaxLength = (1L << 52) - 1;

    /// <summary>Chunks of a file; the last is always shorter than 16 KiB and may be empty.</summary>
    public static long ChunkCount(long length) => (Valid(length) / ChunkSize) + 1;

    public static long SealedLength(long length) => HeaderSize + Valid(length) + (ChunkCount(length) * TagSize);

    /// <summary>Offset of a chunk in the sealed file.</summary>
    public static long Offset(long chunk) => HeaderSize + (chunk * SealedChunkSize);

    /// <exception cref="MalformedException">No message has this sealed length: the file was cut, or never was one.</exception>
    public static long Length(long sealedLength)
    {
        var last = sealedLength < HeaderSize + TagSize ? 0 : (sealedLength - HeaderSize) % SealedChunkSize;
        if (last < TagSize) throw new MalformedException(sealedLength, "truncated: no sealed file has this length");
        var length = ((sealedLength - HeaderSize) / SealedChunkSize * ChunkSize) + last - TagSize;
        return length <= MaxLength ? length : throw new MalformedException(sealedLength, "longer than 4 PiB");
    }

    private static long Valid(long length) =>
        length is >= 0 and <= MaxLength ? length : throw new ArgumentOutOfRangeException(nameof(length), length, "0 to 4 PiB - 1");
}
