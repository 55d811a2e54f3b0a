using Microsoft.Win32.SafeHandles;
using Strongroom.Bytes;
using Strongroom.Sealing;

namespace Strongroom.Cli.Sealing;

/// <summary>Reads a sealed segment; hashes it when there is a tree; decrypts it when there is a key; writes it when there is a target.</summary>
internal sealed class OpenWorker(
    SafeFileHandle source, SafeFileHandle? target, ManifestFile file, ChunkDecryptor? decryptor, SealedTree? tree, IProgress<long> progress) : SegmentWorker
{
    private readonly byte[] room = new byte[1 + SealedLayout.HeaderSize + SealedTree.SegmentSize];
    private readonly Secret plain = new(SealedTree.PlainSegmentSize);

    internal override void Process(long segment)
    {
        var (offset, size) = SealedTree.Segment(segment, file.Length);
        ReadExactly(source, room.AsSpan(1, size), offset, file.Name + SealedLayout.Extension);
        tree?.Add(segment, SealedTree.Leaf(room.AsSpan(0, 1 + size)));
        if (decryptor is not null)
        {
            var chunks = segment == 0 ? room.AsSpan(1 + SealedLayout.HeaderSize, size - SealedLayout.HeaderSize) : room.AsSpan(1, size);
            var bytes = plain.Span[..ChunkDecryptor.PlainSize(chunks.Length)];
            decryptor.Decrypt(segment * SealedTree.ChunksInSegment, chunks, bytes);
            if (target is not null) RandomAccess.Write(target, bytes, segment * SealedTree.PlainSegmentSize);
        }
        progress.Report(size);
    }

    public override void Dispose()
    {
        decryptor?.Dispose();
        plain.Dispose();
    }
}
