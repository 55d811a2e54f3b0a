using Microsoft.Win32.SafeHandles;
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
    /// <exception cref="RefusedException">Not signed, or not by a pinned publisher; or something lies beside the model's files.</exception>
    /// <exception cref="UnavailableException">Not that much protected memory.</exception>
    public static SealedModel Prepare(string directory, IReadOnlyList<Ed25519PublicKey> publishers, ProtectedMemory memory)
    {
        var manifest = Manifest.Parse(SealedFiles.ReadManifest(directory));
        if (!publishers.Any(manifest.IsFrom)) throw new RefusedException($"the model is signed by {manifest.Publisher}, whom this enclave does not trust");
        SealedFiles.RequireNothingElse(directory, manifest);
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
    /// <param name="threads">0 for one for each core.</param>
    public IReadOnlyList<ModelFile> Open(
        Secret keys, IReadOnlyList<string>? released, bool checkTree, Action<long> progress, CancellationToken cancellation, int threads = 0)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads > 0 ? threads : Environment.ProcessorCount, CancellationToken = cancellation };
        var count = released?.Count ?? Manifest.Files.Count;
        if (keys.Length != count * ContentKeys.SizeInBytes) throw new RefusedException($"the grant has {keys.Length} bytes of keys, not {ContentKeys.SizeInBytes} for each of {count} files");
        var files = new List<ModelFile>();
        var next = 0;
        for (var i = 0; i < Manifest.Files.Count; i++)
        {
            if (released is not null && !released.Contains(Manifest.Files[i].Name)) continue;
            OpenFile(i, keys.Span.Slice(ContentKeys.SizeInBytes * next++, ContentKeys.SizeInBytes), checkTree, progress, options);
            files.Add(new(Manifest.Files[i].Name, region.Start + (nint)offsets[i], Manifest.Files[i].Length));
        }
        return files;
    }

    private void OpenFile(int index, ReadOnlySpan<byte> key, bool checkTree, Action<long> progress, ParallelOptions options)
    {
        var file = Manifest.Files[index];
        var path = Path.Combine(directory, file.Name + SealedLayout.Extension);
        if (!Path.Exists(path)) throw new RefusedException($"{file.Name} is missing");
        using var handle = SealedFiles.OpenRead(path);
        if (RandomAccess.GetLength(handle) != file.SealedLength) throw new RefusedException($"{file.Name} has {RandomAccess.GetLength(handle)} sealed bytes, the manifest says {file.SealedLength}");
        var header = new byte[SealedLayout.HeaderSize];
        if (RandomAccess.Read(handle, header, 0) != header.Length) throw new RefusedException($"{file.Name} was cut while it was read");
        using var held = Secret.CopyOf(key);
        var tree = checkTree ? new SealedTree(SealedTree.SegmentCount(file.Length)) : null;
        InParallel(SealedTree.SegmentCount(file.Length), () => new Worker(new(held.Span, Manifest.Identity(index), header)), (segment, worker) =>
            progress(OpenSegment(index, segment, handle, worker, tree)), options);
        if (tree is not null && tree.Root() != file.TreeRoot) throw new RefusedException($"{file.Name} is not the file that the publisher signed: its tree has another root");
    }

    /// <summary>
    /// Reads a segment once, and both hashes and decrypts what was read: whoever changes the file in between changes nothing. A buffer that stays in the
    /// processor's cache is also faster than touching a fresh mapping of the file.
    /// </summary>
    private int OpenSegment(int index, long segment, SafeFileHandle handle, Worker worker, SealedTree? tree)
    {
        var file = Manifest.Files[index];
        var (offset, size) = SealedTree.Segment(segment, file.Length);
        if (RandomAccess.Read(handle, worker.Room.AsSpan(1, size), offset) != size) throw new RefusedException($"{file.Name} was cut while it was read");
        tree?.Add(segment, SealedTree.Leaf(worker.Room.AsSpan(0, 1 + size)));
        var chunks = worker.Room.AsSpan(1, size)[(segment == 0 ? SealedLayout.HeaderSize : 0)..];
        var plain = new Span<byte>((byte*)region.Start + offsets[index] + (segment * SealedTree.PlainSegmentSize), ChunkDecryptor.PlainSize(chunks.Length));
        worker.Decryptor.Decrypt(segment * SealedTree.ChunksInSegment, chunks, plain);
        return plain.Length;
    }

    private static void InParallel<T>(long count, Func<T> begin, Action<long, T> work, ParallelOptions options) where T : IDisposable
    {
        try
        {
            Parallel.For(0, count, options, begin, (index, _, mine) => { work(index, mine); return mine; }, mine => mine.Dispose());
        }
        catch (AggregateException e)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    /// <param name="Decryptor">One for each thread, its EVP context reused.</param>
    private sealed record Worker(ChunkDecryptor Decryptor) : IDisposable
    {
        /// <summary>The byte that <see cref="SealedTree.Leaf"/> needs, then a sealed segment.</summary>
        internal byte[] Room { get; } = GC.AllocateUninitializedArray<byte>(1 + SealedLayout.HeaderSize + SealedTree.SegmentSize);

        public void Dispose() => Decryptor.Dispose();
    }
}
