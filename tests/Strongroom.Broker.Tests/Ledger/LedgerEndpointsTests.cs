using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Strongroom.Broker.Ledger;
using Strongroom.Bytes;
using Strongroom.Ledger;
using Strongroom.Tests.Ledger;

namespace Strongroom.Broker.Tests.Ledger;

/// <summary>C2SP tlog-tiles over HTTP: names, types, caching, and that a client of it finds the ledger sound.</summary>
public sealed class LedgerEndpointsTests : IAsyncLifetime
{
    private static readonly byte[] Evidence = new byte[3 * LedgerStore.BlobPieceSizeInBytes];

    private readonly MemoryLedger ledger = new(TestKeys.Signer("example.com/ledger"), [new MemoryWitness().Client()]);
    private WebApplication app = null!;
    private HttpClient http = null!;

    public async ValueTask InitializeAsync()
    {
        await ledger.OpenAsync();
        for (var i = 0; i < 259; i++) await ledger.AppendAsync(LedgerStoreContract.Entry(i), []);
        await ledger.AppendAsync(Encoding.ASCII.GetBytes($"{Digest.Of(Evidence)}"), [Evidence]);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<LedgerStore>(ledger);
        app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.MapLedger();
        await app.StartAsync();
        http = new() { BaseAddress = new(app.Urls.Single()) };
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await app.DisposeAsync();
        await ledger.DisposeAsync();
    }

    [Fact]
    public async Task A_client_of_the_specification_finds_the_ledger_sound()
    {
        var audit = await LedgerAudit.RunAsync(
            ReadAsync, ledger.Trust.Ledger, ledger.Trust.Witnesses, null, (index, _, _) => new(index == 259 ? [Digest.Of(Evidence)] : (IReadOnlyList<Digest>)[]));
        Assert.Empty(audit.Findings);
        Assert.Equal((260, 1), (audit.Checkpoint?.Size, audit.Blobs));
    }

    [Fact]
    public async Task A_blob_is_not_held_whole_for_who_may_read_it_slowly()
    {
        using var response = await http.GetAsync($"blob/{Digest.Of(Evidence)}");
        Assert.Equal(Evidence.Length, response.Content.Headers.ContentLength);
        Assert.Equal(Evidence, await response.Content.ReadAsByteArrayAsync());
        Assert.Equal(LedgerStore.BlobPieceSizeInBytes, ledger.LongestPiece);
    }

    [Theory]
    [InlineData("checkpoint", "text/plain; charset=utf-8", "no-cache")]
    [InlineData("tile/0/000", "application/octet-stream", "public, max-age=31536000, immutable")]
    [InlineData("tile/0/001.p/4", "application/octet-stream", "public, max-age=31536000, immutable")]
    [InlineData("tile/0/001.p/3", "application/octet-stream", "public, max-age=31536000, immutable")] // of an earlier head
    [InlineData("tile/entries/001.p/4", "application/octet-stream", "public, max-age=31536000, immutable")]
    public async Task Types_and_caching_are_those_of_the_specification(string path, string type, string caching)
    {
        using var response = await http.GetAsync(path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(type, response.Content.Headers.GetValues("Content-Type").Single());
        Assert.Equal(caching.Split(", ").Order(), response.Headers.GetValues("Cache-Control").Single().Split(", ").Order());
    }

    [Theory]
    [InlineData("tile/0/001")]
    [InlineData("tile/0/001.p/5")]
    [InlineData("tile/1/001.p/1")]
    [InlineData("tile/0/1")]
    [InlineData("tile/entries")]
    [InlineData("blob/0000000000000000000000000000000000000000000000000000000000000000")]
    public async Task What_is_not_there_is_404(string path) => Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync(path)).StatusCode);

    private async Task<ReadOnlyMemory<byte>?> ReadAsync(string path, CancellationToken cancel)
    {
        using var response = await http.GetAsync(path, cancel);
        return response.StatusCode == HttpStatusCode.OK ? await response.Content.ReadAsByteArrayAsync(cancel) : default(ReadOnlyMemory<byte>?);
    }
}
