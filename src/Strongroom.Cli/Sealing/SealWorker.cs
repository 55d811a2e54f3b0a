using Microsoft.Win32.SafeHandles;
using Strongroom.Bytes;
using Strongroom.Sealing;

namespace Strongroom.Cli.Sealing;

/// <summary>Reads a plain segment, encrypts it, hashes and writes what came out.</summary>
internal sealed class SealWorker(
    SafeFileHandle source, SafeFileHandle target, ManifestFile file, ChunkEncryptor encryptor, SealedTree tree, IProgress<long> progress) : SegmentWorker
{
    // one byte for the tree's leaf prefix, then the header's place, then the segment
    private readonly byte[] room = new byte[1 + SealedLayout.HeaderSize + SealedTree.SegmentSize];
    private readonly Secret plain = new(SealedTree.PlainSegmentSize);

    internal override void Process(long segment)
    {
        var start = segment * SealedTree.PlainSegmentSize;
        var bytes = plain.Span[..(int)Math.Min(SealedTree.PlainSegmentSize, file.Length - start)];
        ReadExactly(source, bytes, start, file.Name);
        var (offset, size) = SealedTree.Segment(segment, file.Length);
        var at = segment == 0 ? 0 : SealedLayout.HeaderSize;
        if (segment == 0) encryptor.Header.CopyTo(room.AsSpan(1));
        encryptor.Encrypt(
            segment * SealedTree.ChunksInSegment, bytes, room.AsSpan(1 + SealedLayout.HeaderSize), final: segment == SealedTree.SegmentCount(file.Length) - 1);
        tree.Add(segment, SealedTree.Leaf(room.AsSpan(at, 1 + size)));
        RandomAccess.Write(target, room.AsSpan(at + 1, size), offset);
        progress.Report(bytes.Length);
    }

    public override void Dispose()
    {
        encryptor.Dispose();
        plain.Dispose();
    }
}
