using System.Globalization;
using System.Net;
using System.Security.Cryptography;
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
