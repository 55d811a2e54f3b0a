using System.Net;
using System.Text;
using Strongroom.Bytes;
using Strongroom.Ledger;
using Strongroom.Tests.Ledger;

namespace Strongroom.Broker.Tests.Witness;

/// <summary>Each status of C2SP tlog-witness, over HTTP.</summary>
public sealed class WitnessTests : IAsyncLifetime
{
    private const string Origin = "example.com/ledger";

    private readonly string state = Directory.CreateTempSubdirectory("strongroom-").FullName;
    private readonly NoteSigner signer = TestKeys.Signer(Origin);
    private readonly List<Digest> leaves = [.. Enumerable.Range(0, 9).Select(i => MerkleTree.LeafHash([(byte)i]))];
    private RunningWitness witness = null!;

    public async ValueTask InitializeAsync() => witness = await RunningWitness.StartAsync(state, signer.Verifier);

    public async ValueTask DisposeAsync()
    {
        await witness.DisposeAsync();
        Directory.Delete(state, recursive: true);
    }

    [Fact]
    public async Task Cosigns_what_extends_the_last_checkpoint()
    {
        foreach (var (old, size) in ((long, long)[])[(0, 0), (0, 3), (3, 3), (3, 8), (8, 9)])
        {
            var (status, body) = await AddAsync(old, size);
            Assert.Equal(HttpStatusCode.OK, status);
            var note = Head(size).With([NoteSignature.Parse(body.TrimEnd('\n'))]);
            Assert.Equal(size, new LedgerTrust(Origin, signer.Verifier, [witness.Verifier]).Check(note).Checkpoint.Size);
        }
    }

    [Fact]
    public async Task An_unknown_origin_is_404()
    {
        var stranger = TestKeys.Signer("example.com/other");
        Assert.Equal(HttpStatusCode.NotFound, (await PostAsync(new(0, [], stranger.Sign(new Checkpoint("example.com/other", 0, MerkleTree.EmptyRoot).Text)))).Status);
    }

    [Fact]
    public async Task A_checkpoint_that_the_ledger_did_not_sign_is_403()
    {
        var other = new NoteSigner(TestKeys.Key("somebody"), Origin);
        Assert.Equal(HttpStatusCode.Forbidden, (await PostAsync(new(0, [], other.Sign(new Checkpoint(Origin, 0, MerkleTree.EmptyRoot).Text)))).Status);
    }

    [Fact]
    public async Task A_right_and_a_wrong_signature_in_the_ledgers_name_are_403()
    {
        var wrong = new NoteSignature(Origin, signer.Verifier.KeyId, new byte[64]);
        Assert.Equal(HttpStatusCode.Forbidden, (await PostAsync(new(0, [], Head(3).With([wrong])))).Status);
    }

    [Fact]
    public async Task An_old_size_above_the_checkpoints_is_400() => Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync(new(4, [], Head(3)))).Status);

    [Theory]
    [InlineData("")]
    [InlineData("old 0\n")]
    [InlineData("old 00\n\nX\n")]
    [InlineData("old -1\n\nX\n")]
    [InlineData("OLD 0\n\nX\n")]
    public async Task A_body_in_another_form_is_400(string body) => Assert.Equal(HttpStatusCode.BadRequest, (await PostTextAsync(body)).Status);

    [Fact]
    public async Task Another_old_size_than_the_last_cosigned_is_409_with_that_size()
    {
        await AddAsync(0, 3);
        using var response = await witness.Http.PostAsync("add-checkpoint", new StringContent(Request(0, 8).ToString()));
        Assert.Equal(HttpStatusCode.Conflict, response.StatusCode);
        Assert.Equal("text/x.tlog.size", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("3\n", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_size_that_shrinks_is_never_cosigned()
    {
        await AddAsync(0, 8);
        Assert.Equal(HttpStatusCode.Conflict, (await AddAsync(0, 3)).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync(new(8, [], Head(3)))).Status);
    }

    [Fact]
    public async Task A_wrong_proof_is_422()
    {
        await AddAsync(0, 3);
        var right = Request(3, 8);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await PostAsync(right with { Proof = [.. right.Proof.Reverse()] })).Status);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await PostAsync(right with { Proof = [] })).Status);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await PostAsync(right with { Proof = [.. right.Proof, leaves[0]] })).Status);
        Assert.Equal(HttpStatusCode.OK, (await PostAsync(right)).Status);
    }

    [Fact]
    public async Task A_proof_from_nothing_is_422() => Assert.Equal(HttpStatusCode.UnprocessableEntity, (await PostAsync(new(0, [leaves[0]], Head(3)))).Status);

    [Fact]
    public async Task An_empty_ledger_with_a_root_is_422() => Assert.Equal(
        HttpStatusCode.UnprocessableEntity, (await PostAsync(new(0, [], signer.Sign(new Checkpoint(Origin, 0, leaves[0]).Text)))).Status);

    [Fact]
    public async Task Another_root_of_the_same_size_is_422()
    {
        await AddAsync(0, 3);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await PostAsync(new(3, [], signer.Sign(new Checkpoint(Origin, 3, leaves[0]).Text)))).Status);
    }

    [Fact]
    public async Task It_remembers_after_a_restart_and_shows_what_it_cosigned()
    {
        await AddAsync(0, 3);
        await witness.DisposeAsync();
        witness = await RunningWitness.StartAsync(state, signer.Verifier);
        Assert.Equal(HttpStatusCode.Conflict, (await AddAsync(0, 2)).Status);
        var shown = await witness.Http.GetStringAsync($"{Digest.Of(Encoding.UTF8.GetBytes(Origin))}/checkpoint");
        Assert.Equal(3, new LedgerTrust(Origin, signer.Verifier, [witness.Verifier]).Check(SignedNote.Parse(shown)).Checkpoint.Size);
        Assert.Equal(HttpStatusCode.NotFound, (await witness.Http.GetAsync($"{Digest.Of([])}/checkpoint")).StatusCode);
    }

    [Fact]
    public async Task It_does_not_start_on_a_memory_that_it_did_not_write()
    {
        await AddAsync(0, 3);
        var file = Directory.GetFiles(state, "checkpoint", SearchOption.AllDirectories).Single();
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file)).Replace("\n3\n", "\n2\n", StringComparison.Ordinal));
        await Assert.ThrowsAsync<LedgerBrokenException>(() => RunningWitness.StartAsync(state, signer.Verifier));
    }

    [Theory]
    [InlineData(""), InlineData("example.com/ledger\n3\n"), InlineData("text\n\n— example.com/ledger AAAAAAA=\n")]
    public async Task It_does_not_start_on_a_memory_that_is_no_checkpoint(string memory)
    {
        await AddAsync(0, 3);
        await File.WriteAllTextAsync(Directory.GetFiles(state, "checkpoint", SearchOption.AllDirectories).Single(), memory);
        await Assert.ThrowsAsync<LedgerBrokenException>(() => RunningWitness.StartAsync(state, signer.Verifier));
    }

    [Fact]
    public async Task A_head_counts_as_seen_even_when_it_could_not_be_written()
    {
        await AddAsync(0, 1);
        var blocked = Directory.GetFiles(state, "checkpoint", SearchOption.AllDirectories).Single() + ".new";
        Directory.CreateDirectory(blocked);
        Assert.Equal(HttpStatusCode.InternalServerError, (await AddAsync(1, 3)).Status);
        Directory.Delete(blocked);
        Assert.Equal((HttpStatusCode.Conflict, "3\n"), await AddAsync(1, 2)); // else two histories could be cosigned
        Assert.Equal(HttpStatusCode.OK, (await AddAsync(3, 3)).Status);
    }

    [Fact]
    public async Task Two_requests_at_once_never_roll_it_back()
    {
        await AddAsync(0, 1);
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => AddAsync(1, 2 + i % 8)));
        Assert.Single(answers, answer => answer.Status == HttpStatusCode.OK);
    }

    /// <summary>The last checkpoint is public, so who only repeats it is a stranger; who has one that goes on keeps its connection.</summary>
    [Theory]
    [InlineData(3, 3, 2)]
    [InlineData(3, 5, 1)]
    public async Task Silent_connections_shut_out_no_checkpoint_and_not_the_connection_of_who_brought_one_that_goes_on(long old, long size, int connections)
    {
        await AddAsync(0, 3);
        using var crowd = new Crowd();
        var made = 0;
        using var ledger = witness.Connect(() => made++);
        Assert.Equal(HttpStatusCode.OK, (await PostTextAsync(Request(old, size).ToString(), ledger)).Status);
        await crowd.GatherAsync(witness.Http.BaseAddress!.Port, "127.0.0.1", 300, Task.FromResult);
        Assert.Equal(HttpStatusCode.OK, (await PostTextAsync(Request(size, 8).ToString(), ledger)).Status);
        Assert.Equal(connections, made);
        using var another = witness.Connect(() => { });
        Assert.Equal(HttpStatusCode.OK, (await PostTextAsync(Request(8, 9).ToString(), another)).Status);
    }

    private SignedNote Head(long size) => signer.Sign(new Checkpoint(Origin, size, Edge(size).Root).Text);

    private TreeEdge Edge(long size)
    {
        var edge = new TreeEdge();
        for (var i = 0; i < size; i++) edge.Append(leaves[i]);
        return edge;
    }

    private AddCheckpoint Request(long old, long size) => new(old, [.. TreeRange.Consistency(old, size).Select(RangeHash)], Head(size));

    private Digest RangeHash(TreeRange range)
    {
        var edge = new TreeEdge();
        for (var i = range.From; i < range.To; i++) edge.Append(leaves[(int)i]);
        return edge.Root;
    }

    private Task<(HttpStatusCode Status, string Body)> AddAsync(long old, long size) => PostAsync(Request(old, size));

    private Task<(HttpStatusCode Status, string Body)> PostAsync(AddCheckpoint request) => PostTextAsync(request.ToString());

    private async Task<(HttpStatusCode Status, string Body)> PostTextAsync(string body, HttpClient? through = null)
    {
        using var response = await (through ?? witness.Http).PostAsync("add-checkpoint", new StringContent(body));
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }
}
