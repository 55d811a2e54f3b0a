using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Tests.Release;

/// <summary>More connections of strangers than the broker has places: keys are renewed, revoked and approved all the same.</summary>
public sealed class CrowdTests : IAsyncLifetime
{
    private const int Many = 1100, Few = 64;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly HpkePrivateKey key = HpkePrivateKey.Generate();
    private readonly Crowd crowd = new();
    private ReleaseScene scene = null!;
    private string lease = null!;

    public async ValueTask InitializeAsync()
    {
        scene = await ReleaseScene.StartAsync();
        await scene.ApproveBothAsync();
        await scene.ReleasedAsync(key);
        lease = scene.Broker.State.Release.Leases.Keys.Single();
    }

    public async ValueTask DisposeAsync()
    {
        crowd.Dispose();
        key.Dispose();
        await scene.DisposeAsync();
    }

    /// <summary>Also from the address of the enclave and the operator, as behind a gateway that all share.</summary>
    [Theory]
    [InlineData("127.0.0.2")]
    [InlineData("127.0.0.1")]
    public async Task Silent_connections_shut_out_no_command_no_renewal_and_no_events_of_a_lease(string address)
    {
        using var patience = new CancellationTokenSource(Patience);
        var connections = 0;
        using var enclave = Connect(() => connections++); // as PinnedBroker does: all over one HTTP/2 connection
        await RenewAsync(enclave);
        await using var events = new BrokerClient(enclave).LeaseEventsAsync(lease, patience.Token).GetAsyncEnumerator(patience.Token);
        Assert.True(await events.MoveNextAsync());

        var spoken = 0;
        await crowd.GatherAsync(scene.Broker.Host.Address.Port, address, Many, wire => spoken++ % 20 == 0 ? HandshakeAsync(wire) : Task.FromResult(wire));

        using var another = Connect();
        scene.Broker.Clock.Wind(TimeSpan.FromSeconds(ReleaseScene.LeaseSeconds / 8));
        await RenewAsync(another);
        scene.Broker.Clock.Wind(TimeSpan.FromSeconds(ReleaseScene.LeaseSeconds / 8));
        await RenewAsync(enclave);
        using var console = Connect();
        var (ledger, id, by, at) = scene.Broker.By(scene.Operator);
        await new BrokerClient(console).SendAsync(scene.Operator.Sign(new Revoke(ledger, id, by, at, lease, "rack opened")), patience.Token);
        do Assert.True(await events.MoveNextAsync());
        while (events.Current.Kind == LeaseEventKind.Stands);
        Assert.Equal(("rack opened", 1), (events.Current.Reason, connections));
    }

    [Theory]
    [InlineData("a signed read")]
    [InlineData("an accepted command")]
    [InlineData("a renewal")]
    public async Task Who_proved_who_it_is_keeps_its_connection_among_strangers_of_its_address(string how) => Assert.Equal(1, await ConnectionsAsync(how));

    /// <summary>The other side of the same: one that was refused, or asked for no more than what anybody may.</summary>
    [Theory]
    [InlineData("a read")]
    [InlineData("a command of somebody else")]
    [InlineData("rubbish for evidence")]
    public async Task Who_proved_nothing_makes_room(string how) => Assert.Equal(2, await ConnectionsAsync(how));

    /// <returns>How many connections a client needed that did this, waited while strangers of its address crowded in, and asked for something.</returns>
    private async Task<int> ConnectionsAsync(string how)
    {
        await scene.Broker.StartAgainAsync(TestBroker.Generous with { Connections = Few });
        var connections = 0;
        using var client = Connect(() => connections++);
        await DoAsync(how, client);
        await crowd.GatherAsync(scene.Broker.Host.Address.Port, "127.0.0.1", 2 * Few, Task.FromResult);
        Assert.NotEmpty(await new BrokerClient(client).MachinesAsync());
        return connections;
    }

    private async Task DoAsync(string how, HttpClient client)
    {
        var broker = new BrokerClient(client);
        switch (how)
        {
            case "a renewal":
                await RenewAsync(client);
                break;
            case "a signed read":
                using (var request = new HttpRequestMessage(HttpMethod.Get, "/v1/persons") { Version = HttpVersion.Version20 })
                {
                    request.Headers.Authorization = new(SignedRead.Scheme, scene.Broker.Header(HttpMethod.Get, "/v1/persons", scene.Operator));
                    await TestBroker.MustAsync(HttpStatusCode.OK, await client.SendAsync(request));
                }
                break;
            case "an accepted command":
                await broker.SendAsync(scene.Broker.Ada.Sign(scene.Broker.Propose(scene.Broker.Ada, new RemovePerson(scene.Xena.Id))));
                break;
            case "a command of somebody else":
                await Assert.ThrowsAsync<RefusedException>(() => broker.SendAsync(scene.Operator.Sign(scene.Broker.Propose(scene.Broker.Ada, new RemovePerson(scene.Xena.Id)))));
                break;
            case "rubbish for evidence":
                var challenge = await broker.ChallengeAsync(lease, new(scene.Configuration));
                await Assert.ThrowsAsync<MalformedException>(() => broker.RenewAsync(lease, new(challenge.Id, "rubbish"u8.ToArray())));
                break;
            default:
                Assert.NotEmpty(await broker.MachinesAsync());
                break;
        }
    }

    private HttpClient Connect(Action? connected = null)
    {
        var handler = scene.Broker.Pinned(SslProtocols.Tls13);
        handler.ConnectCallback = async (_, cancel) =>
        {
            connected?.Invoke();
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(IPAddress.Loopback, scene.Broker.Host.Address.Port, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        };
        return new(handler) { BaseAddress = scene.Broker.Host.Address, DefaultRequestVersion = HttpVersion.Version20, Timeout = Patience };
    }

    private async Task RenewAsync(HttpClient http)
    {
        var broker = new BrokerClient(http);
        var challenge = await broker.ChallengeAsync(lease, new(scene.Configuration));
        await broker.RenewAsync(lease, new(challenge.Id, scene.Machine.Evidence(challenge.Transcript)));
    }

    private async Task<Stream> HandshakeAsync(Stream wire)
    {
        var tls = new SslStream(wire);
        var options = scene.Broker.Pinned(SslProtocols.Tls13).SslOptions;
        options.TargetHost = "broker.test";
        await tls.AuthenticateAsClientAsync(options);
        return tls;
    }
}
