using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Strongroom.Bytes;
using Strongroom.Enclave.Gateway;

namespace Strongroom.System.Tests.Enclave;

/// <summary>Connections of people without a key, more than a listener has places: none shuts out a client who has one.</summary>
public sealed class FloodTests : IAsyncLifetime
{
    private const int Places = 32;
    private static readonly IPAddress Attacker = IPAddress.Parse("127.0.0.2"), Other = IPAddress.Parse("127.0.0.3");

    private readonly List<IDisposable> held = [];
    private readonly WebApplication app =
        TlsListener.Create(new(IPAddress.Loopback, 0), ServerCertificate.Create(["127.0.0.1"], DateTimeOffset.UtcNow), 10_000, Places);

    private readonly OpenedModel model = new();
    private Completions completions = null!;

    public async ValueTask InitializeAsync()
    {
        completions = new(model.Llama, "tiny", model.Memory, new(), TimeProvider.System);
        app.MapGateway(completions, new([Digest.Of("key"u8)]));
        await app.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var each in held) each.Dispose();
        await app.DisposeAsync();
        completions.Dispose();
        model.Dispose();
    }

    /// <summary>Also from the address of the attacker, as behind a proxy that passes TLS on.</summary>
    [Theory]
    [InlineData("127.0.0.3")]
    [InlineData("127.0.0.2")]
    public async Task Silent_connections_do_not_shut_out_a_client_with_a_key(string address)
    {
        for (var i = 0; i < 4 * Places; i++) held.Add(await ConnectAsync(Attacker));
        await AskAsync(IPAddress.Parse(address));
    }

    [Fact]
    public async Task Connections_that_ask_without_a_key_do_not_shut_out_a_client_with_one()
    {
        for (var i = 0; i < 2 * Places; i++)
        {
            var tls = await HandshakeAsync(Attacker);
            held.Add(tls);
            await tls.WriteAsync(Encoding.ASCII.GetBytes($"GET /{(i % 2 == 0 ? "health" : "v1/models")} HTTP/1.1\r\nHost: x\r\n\r\n"), TestContext.Current.CancellationToken);
            Assert.True(await tls.ReadAsync(new byte[1024], TestContext.Current.CancellationToken) > 0, "no answer");
        }
        await AskAsync(Other);
    }

    [Fact]
    public async Task A_flood_that_goes_on_does_not_shut_out_a_client_at_another_address()
    {
        using var over = new CancellationTokenSource();
        var flood = Enumerable.Range(0, 4).Select(_ => Task.Run(() => FloodAsync(over.Token))).ToList();
        for (var i = 0; i < 20; i++) await AskAsync(Other);
        await over.CancelAsync();
        Assert.True((await Task.WhenAll(flood)).Sum() > 2 * Places, "that was no flood");
    }

    [Fact]
    public async Task A_client_with_a_key_keeps_its_connection_during_a_flood()
    {
        await using var tls = await HandshakeAsync(Attacker);
        Assert.StartsWith("HTTP/1.1 200", await AskOnAsync(tls));
        for (var i = 0; i < 4 * Places; i++) held.Add(await ConnectAsync(Attacker));
        Assert.StartsWith("HTTP/1.1 200", await AskOnAsync(tls));
    }

    private static async Task<string> AskOnAsync(SslStream tls)
    {
        await tls.WriteAsync("GET /v1/models/tiny HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        var answer = "";
        var part = new byte[4096];
        while (!answer.EndsWith("\r\n0\r\n\r\n", StringComparison.Ordinal) && await tls.ReadAsync(part, TestContext.Current.CancellationToken) is > 0 and var length)
            answer += Encoding.ASCII.GetString(part, 0, length);
        return answer;
    }

    private async Task AskAsync(IPAddress from)
    {
        await using var tls = await HandshakeAsync(from);
        Assert.StartsWith("HTTP/1.1 200", await AskOnAsync(tls));
    }

    /// <returns>How many connections were made.</returns>
    private async Task<int> FloodAsync(CancellationToken over)
    {
        var made = new Queue<Socket>();
        var count = 0;
        for (; !over.IsCancellationRequested; count++)
        {
            try
            {
                made.Enqueue(await ConnectAsync(Attacker));
            }
            catch (SocketException)
            {
                // Turned away before it was through.
            }
            if (made.Count > 4 * Places) made.Dequeue().Dispose();
        }
        foreach (var each in made) each.Dispose();
        return count;
    }

    private async Task<SslStream> HandshakeAsync(IPAddress from)
    {
        var tls = new SslStream(new NetworkStream(await ConnectAsync(from), ownsSocket: true), false, (_, presented, _, _) => presented is not null);
        await tls.AuthenticateAsClientAsync("127.0.0.1");
        return tls;
    }

    private async Task<Socket> ConnectAsync(IPAddress from)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(from, 0));
        await socket.ConnectAsync(IPAddress.Loopback, new Uri(app.Address()).Port);
        return socket;
    }
}
