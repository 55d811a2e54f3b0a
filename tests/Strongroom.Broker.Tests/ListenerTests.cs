using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Strongroom.Broker.Tests.Release;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Ledger;
using Strongroom.Protocol;

namespace Strongroom.Broker.Tests;

/// <summary>What a stranger can do to the door.</summary>
public sealed class ListenerTests : IAsyncLifetime
{
    private TestBroker broker = null!;

    public async ValueTask InitializeAsync() => broker = await TestBroker.StartAsync();

    public ValueTask DisposeAsync() => broker.DisposeAsync();

    [Fact]
    public async Task Speaks_TLS_1_3()
    {
        using var stream = await HandshakeAsync(SslProtocols.Tls12 | SslProtocols.Tls13);
        Assert.Equal(SslProtocols.Tls13, stream.SslProtocol);
    }

    [Fact]
    public async Task Refuses_TLS_1_2() => await Assert.ThrowsAnyAsync<Exception>(() => HandshakeAsync(SslProtocols.Tls12));

    [Fact]
    public async Task Refuses_plain_HTTP()
    {
        using var client = new HttpClient();
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(new UriBuilder(broker.Host.Address) { Scheme = "http", Path = "/health" }.Uri));
    }

    [Theory]
    [InlineData("/v1/commands", Listener.MaxBodySizeInBytes)]
    [InlineData("/v1/challenges", Listener.MaxBodySizeInBytes)]
    [InlineData("/v1/machines", Listener.MaxEvidenceBodySizeInBytes)]
    [InlineData("/v1/releases", Listener.MaxEvidenceBodySizeInBytes)]
    [InlineData("/v1/endorsements", Listener.MaxBundleBodySizeInBytes)]
    [InlineData("/v1/models", Listener.MaxManifestBodySizeInBytes)]
    public async Task Refuses_a_body_larger_than_the_address_takes(string path, int most)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent("\"" + new string('a', most) + "\"", Encoding.UTF8, "application/json") };
        request.Headers.ExpectContinue = true; // the refusal comes before the body is sent, and would be lost behind a broken pipe
        await TestBroker.RefusedAsync("too-large", await broker.Client.SendAsync(request));
    }

    [Fact]
    public async Task Takes_JSON_alone()
    {
        using var body = new StringContent("{}", Encoding.UTF8, "text/plain");
        await TestBroker.RefusedAsync("not-json", await broker.Client.PostAsync("/v1/commands", body));
    }

    [Fact]
    public async Task Says_not_found_and_not_allowed_as_problems()
    {
        await TestBroker.RefusedAsync("not-found", await broker.Client.GetAsync("/v2/keys"));
        await TestBroker.RefusedAsync("not-allowed", await broker.Client.GetAsync("/v1/commands"));
    }

    [Theory]
    [InlineData("""{"Request":"r"}""")]
    [InlineData("""{"request":"r","request":"s"}""")]
    [InlineData("""{"request":null,"hpke_key":"x25519:","memory":"secret","configuration":""}""")]
    [InlineData("""{"request":"r","hpke_key":"x25519:AAAA","memory":"secret","configuration":"0000000000000000000000000000000000000000000000000000000000000000"}""")]
    public async Task Reads_strictly(string json)
    {
        using var body = new StringContent(json, Encoding.UTF8, "application/json");
        await TestBroker.RefusedAsync("malformed", await broker.Client.PostAsync("/v1/challenges", body));
    }

    [Fact]
    public async Task Strangers_are_rate_limited_and_leave_nothing_in_the_ledger()
    {
        await using var scene = await ReleaseScene.StartAsync(TestBroker.Generous with { StrangerBurst = 20, StrangerPerSecond = 1 });
        using var enclave = HpkePrivateKey.Generate();
        var before = scene.Broker.State.Size;
        var responses = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => scene.Broker.PostAsync(
            "/v1/challenges", new(scene.RequestId, enclave.PublicKey, "secret", scene.Configuration), ProtocolJson.Default.ChallengeRequest)));
        Assert.Contains(responses, response => response.StatusCode == HttpStatusCode.OK);
        var shed = responses.Where(response => response.StatusCode == HttpStatusCode.TooManyRequests).ToList();
        Assert.True(shed.Count > 50);
        Assert.Equal("1", shed[0].Headers.GetValues("Retry-After").Single());
        await TestBroker.RefusedAsync("too-many", shed[0]);
        Assert.Equal(before, scene.Broker.State.Size);
        Assert.Equal(shed.Count, (await scene.Broker.GetAsync("/health", ProtocolJson.Default.HealthReply)).Shed);
    }

    [Fact]
    public async Task One_address_reads_so_many_blobs_at_a_time()
    {
        var blob = new byte[4 * LedgerStore.BlobPieceSizeInBytes];
        await broker.Host.Ledger.AppendAsync(Encoding.ASCII.GetBytes($"{Digest.Of(blob)}"), [blob]);
        var held = new List<HttpResponseMessage>();
        for (var i = 0; i < Limits.AtATimePerCaller; i++) held.Add(await ReadAsync(blob));
        Assert.All(held, response => Assert.Equal(HttpStatusCode.OK, response.StatusCode));
        using var another = await ReadAsync(blob);
        await TestBroker.RefusedAsync("too-many", another);
        foreach (var response in held) Assert.Equal(blob, await response.Content.ReadAsByteArrayAsync());
        using var free = await ReadAsync(blob);
        Assert.Equal(HttpStatusCode.OK, free.StatusCode);
    }

    /// <summary>Begins to read; over HTTP/2, whose windows keep the broker from sending more than is taken.</summary>
    private Task<HttpResponseMessage> ReadAsync(byte[] blob) => broker.Client.SendAsync(
        new(HttpMethod.Get, $"/blob/{Digest.Of(blob)}") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact }, HttpCompletionOption.ResponseHeadersRead);

    private async Task<SslStream> HandshakeAsync(SslProtocols protocols)
    {
        var client = new TcpClient();
        await client.ConnectAsync(broker.Host.Address.Host, broker.Host.Address.Port);
        var stream = new SslStream(client.GetStream());
        var options = broker.Pinned(protocols).SslOptions;
        options.TargetHost = "broker.test";
        await stream.AuthenticateAsClientAsync(options);
        return stream;
    }
}
