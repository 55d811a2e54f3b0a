using System.Net;
using Microsoft.AspNetCore.Builder;
using Strongroom.Ledger;
using Strongroom.Tests.Ledger;
using Strongroom.Witness;

namespace Strongroom.Broker.Tests.Witness;

/// <summary>The real witness on a free loopback port, with a clock that stands still and a directory of its own.</summary>
internal sealed class RunningWitness : IAsyncDisposable
{
    private readonly WebApplication app;

    private RunningWitness(WebApplication app, VerifierKey verifier, string state)
    {
        (this.app, Verifier, State) = (app, verifier, state);
        Http = new() { BaseAddress = new(app.Urls.Single()) };
    }

    public VerifierKey Verifier { get; }

    public string State { get; }

    public HttpClient Http { get; }

    public WitnessClient Client() => new(Http, Verifier);

    public static async Task<RunningWitness> StartAsync(string state, params IReadOnlyList<VerifierKey> ledgers)
    {
        var cosigner = new Cosigner(TestKeys.Key("witness.example/1"), "witness.example/1");
        var app = WitnessApp.Build(new("", ledgers, state, new(IPAddress.Loopback, 0)), cosigner, new StoppedClock());
        await app.StartAsync();
        return new(app, cosigner.Verifier, state);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await app.DisposeAsync();
    }

    private sealed class StoppedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddDays(20_000);
    }
}
