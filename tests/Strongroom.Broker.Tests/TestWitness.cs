using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Strongroom.Crypto;
using Strongroom.Ledger;

namespace Strongroom.Broker.Tests;

/// <summary>A witness that answers in this process, can be away, and remembers more than a broker whose ledger was taken back.</summary>
internal sealed class TestWitness : HttpMessageHandler
{
    private readonly Ed25519PrivateKey key = Ed25519PrivateKey.FromSeed(RandomNumberGenerator.GetBytes(32));
    private readonly TimeProvider clock;
    private readonly Lock gate = new();
    private long seen;

    public TestWitness(TimeProvider clock)
    {
        this.clock = clock;
        Cosigner = new(key, "witness.test");
    }

    public Cosigner Cosigner { get; }

    public bool Away { get; set; }

    /// <summary>The same witness on a loopback port, for a broker in another process.</summary>
    public async Task<WebApplication> ListenAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.MapPost("/add-checkpoint", async (HttpContext context) =>
        {
            using var request = new HttpRequestMessage { Content = new StreamContent(context.Request.Body) };
            using var response = await SendAsync(request, context.RequestAborted);
            return Results.Text(await response.Content.ReadAsStringAsync(), statusCode: (int)response.StatusCode);
        });
        app.MapPost("/moved/add-checkpoint", () => Results.Redirect("/add-checkpoint", preserveMethod: true));
        await app.StartAsync();
        return app;
    }

    /// <summary>Each broker gets a handler of its own to dispose; the witness stays.</summary>
    public HttpMessageHandler Line() => new Wire(this);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (Away) throw new HttpRequestException("the witness is away");
        var asked = AddCheckpoint.Parse(await request.Content!.ReadAsStringAsync(cancellationToken));
        var checkpoint = Checkpoint.Parse(asked.Checkpoint.Text);
        lock (gate)
        {
            if (asked.OldSize != seen) return new(HttpStatusCode.Conflict) { Content = new StringContent(seen.ToString(CultureInfo.InvariantCulture) + "\n") };
            seen = checkpoint.Size;
        }
        return new(HttpStatusCode.OK) { Content = new StringContent(Cosigner.Cosign(checkpoint, clock.GetUtcNow()) + "\n") };
    }

    protected override void Dispose(bool disposing)
    {
        key.Dispose();
        base.Dispose(disposing);
    }

    private sealed class Wire(TestWitness witness) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => witness.SendAsync(request, cancellationToken);
    }
}
