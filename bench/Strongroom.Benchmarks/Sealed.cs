using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Sealing;

namespace Strongroom.Benchmarks;

/// <summary>A sealed file of random bytes, held in the page cache, with its plain twin where a peer needs one.</summary>
internal sealed class Sealed : IDisposable
{
    private readonly Secret modelKey = Secret.Random(32);

    internal Sealed(long length)
    {
        using var publisher = Ed25519PrivateKey.FromSeed(RandomNumberGenerator.GetBytes(32));
        Manifest = Manifest.Sign(publisher, "bench", 1, DateTimeOffset.UnixEpoch, [new("weights", length, SealedLayout.SealedLength(length), Digest.Of([]))]);
        FileKey = ContentKeys.Derive(modelKey, Manifest, 0);
        using var encryptor = ChunkEncryptor.Create(FileKey.Span, Manifest.Identity(0));
        using var plain = File.OpenHandle(PlainPath, FileMode.Create, FileAccess.Write);
        using var output = File.OpenHandle(SealedPath, FileMode.Create, FileAccess.Write);
        RandomAccess.Write(output, encryptor.Header, 0);
        var bytes = RandomNumberGenerator.GetBytes(SealedTree.PlainSegmentSize);
        var chunks = new byte[SealedTree.SegmentSize];
        for (var segment = 0L; segment < SealedTree.SegmentCount(length); segment++)
        {
            var part = bytes.AsSpan(0, (int)Math.Min(bytes.Length, length - (segment * bytes.Length)));
            var written = encryptor.Encrypt(segment * SealedTree.ChunksInSegment, part, chunks, final: segment == SealedTree.SegmentCount(length) - 1);
            RandomAccess.Write(output, chunks.AsSpan(0, written), SealedLayout.Offset(segment * SealedTree.ChunksInSegment));
            RandomAccess.Write(plain, part, segment * bytes.Length);
        }
    }

    internal string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("strongroom-bench-").FullName;

    internal string SealedPath => Path.Combine(Directory, "weights.sealed");

    internal string PlainPath => Path.Combine(Directory, "weights");

    internal Manifest Manifest { get; }

    internal Secret FileKey { get; }

    internal long Length => Manifest.Files[0].Length;

    /// <summary>
    /// Decrypts from the mapped file into memory, each thread one contiguous share: threads that met in one huge page would both zero it.
    /// </summary>
    internal void Decrypt(NativeBuffer source, NativeBuffer target, int threads)
    {
        if (threads == 1) Work(0);
        else Parallel(threads, Work);

        void Work(int first)
        {
            using var decryptor = new ChunkDecryptor(FileKey.Span, Manifest.Identity(0), source.At(0, SealedLayout.HeaderSize));
            var all = SealedTree.SegmentCount(Length);
            for (var segment = all * first / threads; segment < all * (first + 1) / threads; segment++)
            {
                var (offset, size) = SealedTree.Segment(segment, Length);
                var skip = segment == 0 ? SealedLayout.HeaderSize : 0;
                var plain = target.At(segment * SealedTree.PlainSegmentSize, ChunkDecryptor.PlainSize(size - skip));
                decryptor.Decrypt(segment * SealedTree.ChunksInSegment, source.At(offset + skip, size - skip), plain);
            }
        }
    }

    public void Dispose()
    {
        FileKey.Dispose();
        modelKey.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    internal static void Parallel(int threads, Action<int> work)
    {
        var workers = Enumerable.Range(0, threads).Select(i => new Thread(() => work(i))).ToList();
        workers.ForEach(each => each.Start());
        workers.ForEach(each => each.Join());
    }
}
