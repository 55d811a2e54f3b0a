using System.Net;
using System.Text;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Ledger;

namespace Strongroom.Tests.Ledger;

/// <summary>A ledger that lives as long as its test, with a witness beside it. The lists are open so that a test can tamper with them.</summary>
internal sealed class MemoryLedger(NoteSigner signer, IReadOnlyList<WitnessClient> witnesses, MemoryLedger.Bytes? bytes = null) : LedgerStore(signer, witnesses)
{
    private readonly Bytes bytes = bytes ?? new();

    private List<LedgerLeaf> Leaves => bytes.Leaves;

    public static async Task<MemoryLedger> OpenedAsync(string origin = "example.com/ledger")
    {
        var ledger = new MemoryLedger(TestKeys.Signer(origin), [new MemoryWitness().Client()]);
        await ledger.OpenAsync();
        return ledger;
    }

    protected override ValueTask<StoredHead?> LoadCore(CancellationToken cancel) => ValueTask.FromResult(bytes.Head);

    protected override async ValueTask CommitCore(LedgerCommit commit, CancellationToken cancel)
    {
        if (bytes.Head != commit.Before) throw new LedgerBrokenException("another writer moved the head");
        if (bytes.Torn)
        {
            bytes.Head = await commit.After;
            throw new AppendFailedException("the disk went away, too late");
        }
        if (bytes.Full) throw new AppendFailedException("no space is left");
        Leaves.AddRange(commit.Leaves.Select(leaf => leaf with { Entry = leaf.Entry.ToArray(), Hashes = [.. leaf.Hashes] }));
        foreach (var blob in commit.Blobs) bytes.Blobs[blob.Digest] = blob.Bytes.ToArray();
        bytes.Head = await commit.After;
    }

    protected override ValueTask<IReadOnlyList<Digest>> ReadNodesCore(IReadOnlyList<TreeNode> nodes, CancellationToken cancel) =>
        ValueTask.FromResult<IReadOnlyList<Digest>>([.. nodes.Select(node => Leaves[(int)node.LastLeaf].Hashes[node.Level])]);

    protected override ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> ReadEntriesCore(long first, int count, CancellationToken cancel) =>
        ValueTask.FromResult<IReadOnlyList<ReadOnlyMemory<byte>>>([.. Leaves.Skip((int)first).Take(count).Select(leaf => leaf.Entry)]);

    /// <summary>The longest piece of a blob that anybody asked for.</summary>
    public int LongestPiece { get; private set; }

    protected override ValueTask<BlobPiece?> ReadBlobCore(Digest digest, int from, int most, CancellationToken cancel)
    {
        LongestPiece = Math.Max(LongestPiece, most);
        return ValueTask.FromResult(bytes.Blobs.TryGetValue(digest, out var found) ? new BlobPiece(found.Length, found.Slice(from, Math.Min(most, found.Length - from))) : null);
    }

    protected override ValueTask CloseCore() => ValueTask.CompletedTask;

    /// <summary>What would be on the disk.</summary>
    internal sealed record Bytes
    {
        public List<LedgerLeaf> Leaves { get; init; } = [];

        public Dictionary<Digest, ReadOnlyMemory<byte>> Blobs { get; init; } = [];

        public StoredHead? Head { get; set; }

        public bool Full { get; set; }

        /// <summary>A commit moves the head, writes nothing else, and says that nothing was written.</summary>
        public bool Torn { get; set; }
    }
}

/// <summary>A witness that answers in the caller's process, by the rules of C2SP tlog-witness, and remembers one ledger.</summary>
internal sealed class MemoryWitness(string name = "witness.example/1") : HttpMessageHandler
{
    private readonly Cosigner cosigner = TestKeys.Cosigner(name);

    public Checkpoint? Seen { get; set; }

    public bool Away { get; set; }

    public VerifierKey Verifier => cosigner.Verifier;

    public WitnessClient Client() => new(new(this, disposeHandler: false) { BaseAddress = new("http://witness/") }, Verifier);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        if (Away) throw new HttpRequestException("away");
        var asked = AddCheckpoint.Parse(await request.Content!.ReadAsStringAsync(cancel));
        var checkpoint = Checkpoint.Parse(asked.Checkpoint.Text);
        var (size, root) = (Seen?.Size ?? 0, Seen?.Root ?? MerkleTree.EmptyRoot);
        if (asked.OldSize != size) return Answer(HttpStatusCode.Conflict, $"{size}\n");
        if (!MerkleTree.Extends(size, root, checkpoint.Size, checkpoint.Root, asked.Proof)) return Answer(HttpStatusCode.UnprocessableEntity, "");
        Seen = checkpoint;
        return Answer(HttpStatusCode.OK, cosigner.Cosign(checkpoint, DateTimeOffset.UnixEpoch.AddDays(20_000)) + "\n");
    }

    private static HttpResponseMessage Answer(HttpStatusCode status, string body) => new(status) { Content = new StringContent(body, Encoding.UTF8) };
}

internal static class TestKeys
{
    /// <summary>The same key for the same name in every run.</summary>
    internal static Ed25519PrivateKey Key(string name) => Ed25519PrivateKey.FromSeed(Digest.Of(Encoding.UTF8.GetBytes(name)).Span);

    internal static Cosigner Cosigner(string name) => new(Key(name), name);

    internal static NoteSigner Signer(string origin) => new(Key(origin), origin);
}
