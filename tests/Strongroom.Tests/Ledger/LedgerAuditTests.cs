using System.Text;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Tests.Ledger;

public sealed class LedgerAuditTests : IAsyncLifetime
{
    private const int Size = 600;

    private static readonly byte[] Blob = [1, 2, 3];

    private readonly MemoryWitness witness = new();
    private readonly Dictionary<string, byte[]> files = [];
    private MemoryLedger ledger = null!;

    public async ValueTask InitializeAsync()
    {
        ledger = new(TestKeys.Signer("example.com/ledger"), [witness.Client()]);
        await ledger.OpenAsync();
        await Task.WhenAll(Enumerable.Range(0, Size - 1).Select(i => ledger.AppendAsync(LedgerStoreContract.Entry(i), [])));
        await ledger.AppendAsync(Encoding.ASCII.GetBytes($"\"{Digest.Of(Blob)}\""), [Blob]);
        foreach (var tile in TilePath.Of(Size)) files[tile.ToString()] = (await ledger.ReadTileAsync(tile))!;
        files[$"blob/{Digest.Of(Blob)}"] = Blob;
        files["checkpoint"] = Encoding.UTF8.GetBytes(ledger.Checkpoint.Note.ToString());
    }

    public ValueTask DisposeAsync() => ledger.DisposeAsync();

    [Fact]
    public async Task A_sound_ledger_has_no_findings()
    {
        var audit = await AuditAsync();
        Assert.Empty(audit.Findings);
        Assert.Equal(Size, audit.Checkpoint?.Size);
        Assert.Equal(1, audit.Blobs);
        Assert.Equal("witness.example/1", Assert.Single(audit.Cosignatures).Witness);
    }

    /// <summary>One bit in each of 40 places of every file, its first and last among them.</summary>
    [Fact]
    public async Task Whatever_is_changed_is_found()
    {
        foreach (var (name, bytes) in files)
        {
            for (var i = 0; i < 40; i++)
            {
                var at = i * (bytes.Length - 1) / 39;
                bytes[at] ^= 1;
                Assert.True((await AuditAsync()).Findings.Count > 0, $"byte {at} of {name}");
                bytes[at] ^= 1;
            }
        }
    }

    [Fact]
    public async Task Whatever_is_missing_or_cut_is_found()
    {
        foreach (var (name, bytes) in files.ToList())
        {
            files[name] = bytes[..^1];
            Assert.NotEmpty((await AuditAsync()).Findings);
            files.Remove(name);
            Assert.NotEmpty((await AuditAsync()).Findings);
            files[name] = bytes;
        }
    }

    [Fact]
    public async Task A_rewritten_entry_is_named()
    {
        var bundle = files["tile/entries/001"];
        bundle[2] ^= 1;
        var audit = await AuditAsync();
        Assert.Contains("hash 256 of level 0, in tile/0/001, is not that of the entries", audit.Findings);
        Assert.Contains($"the {Size} entries are not those that the checkpoint was signed for", audit.Findings);
    }

    [Fact]
    public async Task A_rewritten_node_is_named()
    {
        files["tile/1/000.p/2"][40] ^= 1;
        Assert.Equal("hash 1 of level 8, in tile/1/000.p/2, is not that of the entries", Assert.Single((await AuditAsync()).Findings));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(599)]
    [InlineData(600)]
    public async Task It_extends_every_head_that_it_ever_had(int size) => Assert.Empty((await AuditAsync(Kept(size))).Findings);

    [Fact]
    public async Task A_rewritten_history_is_found_by_who_kept_a_checkpoint()
    {
        var kept = TestKeys.Signer("example.com/ledger").Sign(new Checkpoint("example.com/ledger", 300, Digest.Of([])).Text);
        Assert.Equal("the first 300 entries are not those of the kept checkpoint: history was rewritten", Assert.Single((await AuditAsync(kept)).Findings));
    }

    [Fact]
    public async Task A_ledger_that_shrank_is_found_by_who_kept_a_checkpoint()
    {
        var kept = TestKeys.Signer("example.com/ledger").Sign(new Checkpoint("example.com/ledger", Size + 1, Digest.Of([])).Text);
        Assert.Equal($"the ledger has shrunk from {Size + 1} entries to {Size}", Assert.Single((await AuditAsync(kept)).Findings));
    }

    [Fact]
    public async Task A_kept_checkpoint_must_be_the_ledgers_own()
    {
        var kept = TestKeys.Signer("example.com/other").Sign(Kept(10).Text);
        Assert.Equal("the kept checkpoint: example.com/ledger has not signed it", Assert.Single((await AuditAsync(kept)).Findings));
    }

    [Fact]
    public async Task A_head_without_the_witness_asked_for_is_found()
    {
        var other = new MemoryWitness("witness.example/2").Verifier;
        var audit = await LedgerAudit.RunAsync(Source, ledger.Trust.Ledger, [witness.Verifier, other], null, (_, _, _) => new([]));
        Assert.Equal("the checkpoint: witness.example/2 has not signed it", Assert.Single(audit.Findings));
    }

    [Fact]
    public async Task A_proof_from_tiles_is_the_stores_own()
    {
        var reader = new LedgerReader(Source);
        var head = await reader.CheckpointAsync();
        for (var i = 0; i < Size; i += 7) Assert.Equal((await ledger.ReceiptAsync(i)).Proof, (await reader.ProofAsync(i, head)).ToString());
    }

    /// <summary>A log written by another implementation (shared/vectors/tlog), every one of its heads.</summary>
    [Fact]
    public async Task Reads_a_log_that_another_implementation_wrote()
    {
        var directory = SharedFiles.Require("vectors/tlog/tessera-log");
        var key = VerifierKey.Parse("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx");
        Task<ReadOnlyMemory<byte>?> Read(string path, CancellationToken _) =>
            Task.FromResult(File.Exists(Path.Combine(directory, path)) ? File.ReadAllBytes(Path.Combine(directory, path)) : default(ReadOnlyMemory<byte>?));
        for (var size = 0; size <= 15; size++)
        {
            List<string> entries = [];
            var kept = SignedNote.Parse(await File.ReadAllBytesAsync(Path.Combine(directory, $"checkpoint.{size}")));
            var audit = await LedgerAudit.RunAsync(Read, key, [], kept, (_, entry, _) =>
            {
                entries.Add(Encoding.UTF8.GetString(entry.Span));
                return new([]);
            });
            Assert.Empty(audit.Findings);
            Assert.Equal(15, audit.Checkpoint?.Size);
            Assert.Equal(["one", "two", "three"], entries.Take(3));
        }
    }

    private Task<LedgerAudit> AuditAsync(SignedNote? since = null) => LedgerAudit.RunAsync(
        Source, ledger.Trust.Ledger, [witness.Verifier], since,
        (_, entry, _) => new(entry.Span[0] == '"' ? [Digest.Parse(Encoding.ASCII.GetString(entry.Span[1..^1]))] : []));

    private Task<ReadOnlyMemory<byte>?> Source(string path, CancellationToken cancel) =>
        Task.FromResult(files.TryGetValue(path, out var bytes) ? bytes.ToArray() : default(ReadOnlyMemory<byte>?));

    private static SignedNote Kept(int size)
    {
        var edge = new TreeEdge();
        for (var i = 0; i < Math.Min(size, Size - 1); i++) edge.Append(MerkleTree.LeafHash(LedgerStoreContract.Entry(i)));
        if (size == Size) edge.Append(MerkleTree.LeafHash(Encoding.ASCII.GetBytes($"\"{Digest.Of(Blob)}\"")));
        return TestKeys.Signer("example.com/ledger").Sign(new Checkpoint("example.com/ledger", size, edge.Root).Text);
    }
}
