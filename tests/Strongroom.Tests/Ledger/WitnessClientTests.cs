using System.Net;
using System.Text;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Tests.Ledger;

/// <summary>What a witness may answer, and what the store makes of it.</summary>
public sealed class WitnessClientTests
{
    private readonly Cosigner cosigner = TestKeys.Cosigner("witness.example/1");
    private readonly SignedNote head = TestKeys.Signer("example.com/ledger").Sign(new Checkpoint("example.com/ledger", 0, MerkleTree.EmptyRoot).Text);

    [Fact]
    public async Task A_cosignature_of_the_head_is_handed_on() => Assert.True(head.With([await AskAsync(HttpStatusCode.OK, Line(head.Text))]).IsSignedBy(cosigner.Verifier));

    [Fact]
    public async Task A_cosignature_of_the_head_and_more_is_no_cosignature() =>
        await Assert.ThrowsAsync<UnavailableException>(() => AskAsync(HttpStatusCode.OK, $"more\n\n{Line($"{head.Text}\nmore\n")}"));

    [Fact]
    public async Task Two_cosignatures_by_one_witness_are_no_cosignature() =>
        await Assert.ThrowsAsync<UnavailableException>(() => AskAsync(HttpStatusCode.OK, Line(head.Text) + Line(head.Text)));

    [Fact]
    public async Task An_answer_in_an_unknown_character_set_is_read_all_the_same() =>
        Assert.True(head.With([await AskAsync(HttpStatusCode.OK, Line(head.Text), "text/plain; charset=none-such")]).IsSignedBy(cosigner.Verifier));

    [Theory]
    [InlineData(HttpStatusCode.OK, ""), InlineData(HttpStatusCode.OK, "— witness.example/1 AAAAAAA=\n"), InlineData(HttpStatusCode.Conflict, "-1\n"), InlineData(HttpStatusCode.Conflict, "0\n")]
    [InlineData(HttpStatusCode.NotFound, ""), InlineData(HttpStatusCode.Redirect, "")]
    public async Task Any_other_answer_is_none(HttpStatusCode status, string body) => await Assert.ThrowsAsync<UnavailableException>(() => AskAsync(status, body));

    [Theory]
    [InlineData(HttpStatusCode.Conflict, "1\n"), InlineData(HttpStatusCode.UnprocessableEntity, "")]
    public async Task A_witness_that_saw_more_or_something_else_stops_the_ledger(HttpStatusCode status, string body) =>
        await Assert.ThrowsAsync<LedgerBrokenException>(() => AskAsync(status, body));

    private string Line(string text) => new NoteSignature(cosigner.Verifier.Name, cosigner.Verifier.KeyId,
        (byte[])[0, 0, 0, 0, 0, 0, 0, 1, .. TestKeys.Key("witness.example/1").Sign(Encoding.UTF8.GetBytes($"cosignature/v1\ntime 1\n{text}"))]) + "\n";

    private async Task<NoteSignature> AskAsync(HttpStatusCode status, string body, string type = "text/plain")
    {
        using var http = new HttpClient(new Answering(status, body, type)) { BaseAddress = new("http://witness/") };
        return await new WitnessClient(http, cosigner.Verifier).CosignAsync(head, _ => ValueTask.FromResult<IReadOnlyList<Digest>>([]), TestContext.Current.CancellationToken);
    }

    private sealed class Answering(HttpStatusCode status, string body, string type) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
        {
            var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            content.Headers.TryAddWithoutValidation("Content-Type", type);
            return Task.FromResult(new HttpResponseMessage(status) { Content = content });
        }
    }
}
