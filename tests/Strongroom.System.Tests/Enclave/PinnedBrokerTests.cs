using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Strongroom.Bytes;
using Strongroom.Enclave.Gateway;
using Strongroom.Enclave.Loader;
using Strongroom.Protocol;

namespace Strongroom.System.Tests.Enclave;

/// <summary>How an enclave is connected to its broker.</summary>
public sealed class PinnedBrokerTests
{
    /// <summary>By the evidence on a connection the broker knows whose it is (spec/release-protocol.md): events on another one would be a stranger's.</summary>
    [Fact]
    public async Task What_an_enclave_sends_and_the_events_of_its_lease_go_over_one_connection()
    {
        var connections = new ConcurrentBag<string>();
        using var certificate = ServerCertificate.Create(["127.0.0.1"], DateTimeOffset.UtcNow);
        await using var app = TlsListener.Create(new(IPAddress.Loopback, 0), certificate, 1000, 8);
        app.Run(async http =>
        {
            connections.Add(http.Connection.Id);
            var isEvents = http.Request.Path.Value!.EndsWith("/events", StringComparison.Ordinal);
            await http.Response.WriteAsync(isEvents ? "data: {\"kind\":\"stands\",\"lease\":\"ours\"}\n\n" : "blob");
            await http.Response.Body.FlushAsync();
            if (isEvents) await Task.Delay(Timeout.Infinite, http.RequestAborted);
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var line = PinnedBroker.Connect(new(app.Address()), BrokerPin.Of(certificate));
        var broker = new BrokerClient(line);
        await broker.BlobAsync(Digest.Of("blob"u8), TestContext.Current.CancellationToken);
        await using var events = broker.LeaseEventsAsync("ours", TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await events.MoveNextAsync());
        await broker.BlobAsync(Digest.Of("blob"u8), TestContext.Current.CancellationToken);
        Assert.Equal(3, connections.Count);
        Assert.Single(connections.Distinct());
    }
}
