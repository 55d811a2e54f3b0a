using System.IO.MemoryMappedFiles;
using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Enclave.Memory;
using Strongroom.Sealing;
using Strongroom.Weights.Formats;

namespace Strongroom.Enclave.Loader;

/// <summary>A sealed model on this machine's disk, and the protected memory that it will be opened into (spec/sealed-model.md).</summary>
public sealed unsafe class SealedModel
{
    private const int ChunksAtOnce = 64;
    private const long FileAlignment = 2 << 20; // a file of its own huge pages, and tensors where the format aligned them

    private readonly string directory;
    private readonly ProtectedRegion region;
    private readonly long[] offsets;

    private SealedModel(string directory, Manifest manifest, ProtectedRegion region, long[] offsets)
    {
        (this.directory, Manifest, this.region, this.offsets) = (directory, manifest, region, offsets);
    }

    public Manifest Manifest { get; }

    /// <summary>Bytes of all files, as they will lie in memory.</summary>
    public long Length => Manifest.Files.Sum(file => file.Length);

    /// <summary>Where the model will lie.</summary>
    public ProtectedRegion Region => region;

    /// <summary>Reads the manifest, which is public, and maps memory for what it promises.</summary>
    /// <exception cref="RefusedException">Not signed, or not by a pinned publisher.</exception>
    /// <exception cref="UnavailableException">Not that much protected memory.</exception>
    public static SealedModel Prepare(string directory, IReadOnlyList<Ed25519PublicKey> publishers, ProtectedMemory memory)
    {
        var manifest = Manifest.Parse(File.ReadAllBytes(Path.Combine(directory, "manifest.json")));
        if (!publishers.Any(manifest.IsFrom)) throw new RefusedException($"the model is signed by {manifest.Publisher}, whom this enclave does not trust");
        var offsets = new long[manifest.Files.Count + 1];
        for (var i = 0; i < manifest.Files.Count; i++)
            offsets[i + 1] = checked(offsets[i] + ((manifest.Files[i].Length + FileAlignment - 1) / FileAlignment * FileAlignment));
        return new(directory, manifest, memory.Reserve(Math.Max(FileAlignment, offsets[^1])), offsets);
    }

    /// <summary>Decrypts and authenticates every released file with all cores, straight into its place.</summary>
    /// <param name="keys">32 bytes for each released file, in the manifest's order.</param>
    /// <param name="released">Names of the released files; null for all.</param>
    /// <param name="checkTree">Compare the sealed bytes with the manifest's tree as well: a holder of the key could have forged chunks.</param>
    /// <param name="progress">Told of plain bytes as they are ready.</param>
    /// <exception cref="RefusedException">A file is missing, of another length, or not the one that the publisher signed.</exception>
    /// <exception cref="AuthenticationTagMismatchException">A file was changed.</exception>
    public IReadOnlyList<ModelFile> Open(Secret keys, IReadOnlyList<string>? released, bool checkTree, Action<long> progress, CancellationToken cancellation)
    {
        var count = released?.Count ?? Manifest.Files.Count;
        if (keys.Length != count * ContentKeys.SizeInBytes) throw new RefusedException($"the grant has {keys.Length} bytes of keys, not {ContentKeys.SizeInBytes} for each of {count} files");
        var files = new List<ModelFile>();
        var next = 0;
        for (var i = 0; i < Manifest.Files.Count; i++)
        {
            if (released is not null && !released.Contains(Manifest.Files[i].Name)) continue;
            OpenFile(i, keys.Span.Slice(ContentKeys.SizeInBytes * next++, ContentKeys.SizeInBytes), checkTree, progress, cancellation);
            files.Add(new(Manifest.Files[i].Name, region.Start + (nint)offsets[i], Manifest.Files[i].Length));
        }
        return files;
    }

    private void OpenFile(int index, ReadOnlySpan<byte> key, bool checkTree, Action<long> progress, CancellationToken cancellation)
    {
        var file = Manifest.Files[index];
        var path = Path.Combine(directory, file.Name + SealedLayout.Extension);
        if (!File.Exists(path)) throw new RefusedException($"{file.Name} is missing");
        using var handle = File.OpenHandle(path);
        if (RandomAccess.GetLength(handle) != file.SealedLength) throw new RefusedException($"{file.Name} has {RandomAccess.GetLength(handle)} sealed bytes, the manifest says {file.SealedLength}");
        using var map = MemoryMappedFile.CreateFromFile(handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        using var view = map.CreateViewAccessor(0, file.SealedLength, MemoryMappedFileAccess.Read);
        byte* source = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref source);
        try
        {
            if (checkTree) CheckTree(file, source, cancellation);
            using var held = Secret.CopyOf(key);
            Decrypt(index, held, source, progress, cancellation);
        }
        finally
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
    }

    private void Decrypt(int index, Secret key, byte* source, Action<long> progress, CancellationToken cancellation)
    {
        var file = Manifest.Files[index];
        var target = (byte*)region.Start + offsets[index];
        var identity = Manifest.Identity(index);
        var chunks = SealedLayout.ChunkCount(file.Length);
        InParallel((chunks + ChunksAtOnce - 1) / ChunksAtOnce, () => new ChunkDecryptor(key.Span, identity, new(source, SealedLayout.HeaderSize)), (run, decryptor) =>
        {
            var first = run * ChunksAtOnce;
            var start = SealedLayout.Offset(first);
            var size = (int)(Math.Min(SealedLayout.Offset(first + ChunksAtOnce), file.SealedLength) - start);
            var plain = ChunkDecryptor.PlainSize(size);
            decryptor.Decrypt(first, new(source + start, size), new(target + (first * SealedLayout.ChunkSize), plain));
            progress(plain);
        }, cancellation);
    }

    private static void CheckTree(ManifestFile file, byte* source, CancellationToken cancellation)
    {
        var segments = SealedTree.SegmentCount(file.Length);
        var tree = new SealedTree(segments);
        InParallel(segments, () => new Room(), (index, room) =>
        {
            var (offset, size) = SealedTree.Segment(index, file.Length);
            new ReadOnlySpan<byte>(source + offset, size).CopyTo(room.Bytes.AsSpan(1));
            tree.Add(index, SealedTree.Leaf(room.Bytes.AsSpan(0, 1 + size)));
        }, cancellation);
        if (tree.Root() != file.TreeRoot) throw new RefusedException($"{file.Name} is not the file that the publisher signed: its tree has another root");
    }

    private static void InParallel<T>(long count, Func<T> begin, Action<long, T> work, CancellationToken cancellation) where T : IDisposable
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellation };
        try
        {
            Parallel.For(0, count, options, begin, (index, _, mine) => { work(index, mine); return mine; }, mine => mine.Dispose());
        }
        catch (AggregateException e)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    private sealed class Room : IDisposable
    {
        internal byte[] Bytes { get; } = new byte[1 + SealedTree.SegmentSize + SealedLayout.HeaderSize];

        public void Dispose() { }
    }
}
