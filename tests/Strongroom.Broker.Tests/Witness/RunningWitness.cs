using System.Net;
using System.Net.Sockets;
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

    /// <summary>A client with connections of its own; <paramref name="connected"/> is told of each.</summary>
    public HttpClient Connect(Action connected) => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancel) =>
        {
            connected();
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(IPAddress.Loopback, Http.BaseAddress!.Port, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        },
    }) { BaseAddress = Http.BaseAddress, Timeout = TimeSpan.FromSeconds(60) };

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
