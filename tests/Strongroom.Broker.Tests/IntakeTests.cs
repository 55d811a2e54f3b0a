using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Tests;

/// <summary>Long bodies of strangers do not fill the memory, and take no room from anybody else.</summary>
public sealed class IntakeTests : IAsyncLifetime
{
    private TestBroker broker = null!;

    public async ValueTask InitializeAsync() => broker = await TestBroker.StartAsync();

    public ValueTask DisposeAsync() => broker.DisposeAsync();

    [Fact]
    public async Task Two_long_bodies_of_one_caller_are_read_at_a_time_and_ordinary_ones_beside_them()
    {
        var held = Enumerable.Range(0, Intake.PlacesPerCaller).Select(_ => new Unfinished(Listener.MaxEvidenceBodySizeInBytes)).ToList();
        var sending = held.ConvertAll(body => SendAsync(body)); // a body begins when the broker asks for it, and it asks whom it gave a place
        await BegunAsync(held, sending);
        using var another = Long(Listener.MaxEvidenceBodySizeInBytes);
        Assert.Contains("too many long bodies", await TestBroker.RefusedAsync("too-many", await SendAsync(another)), StringComparison.Ordinal);
        using var ordinary = Long(Intake.OrdinaryBodySizeInBytes);
        await TestBroker.RefusedAsync("malformed", await SendAsync(ordinary));
        foreach (var body in held) body.End();
        foreach (var sent in sending) await TestBroker.RefusedAsync("malformed", await sent);
        using var free = Long(Listener.MaxEvidenceBodySizeInBytes);
        await TestBroker.RefusedAsync("malformed", await SendAsync(free));
    }

    [Fact]
    public async Task A_body_that_does_not_say_how_long_it_is_is_not_read_beyond_the_ordinary()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/releases") { Content = Long(Intake.OrdinaryBodySizeInBytes + 1) };
        request.Headers.TransferEncodingChunked = true;
        request.Headers.ExpectContinue = true;
        await TestBroker.RefusedAsync("too-large", await broker.Client.SendAsync(request));
    }

    [Fact]
    public async Task Strangers_who_hold_all_their_places_keep_no_operators_bundle_out()
    {
        var @operator = await broker.EnrolAsync(Groups.Operators);
        using var collector = Ed25519PrivateKey.FromSeed(Digest.Of("collector"u8).Span);
        await broker.ChangeAsync(new AddCollector("lab", collector.PublicKey));
        var held = Enumerable.Range(0, Intake.PlacesForStrangers).Select(_ => new Unfinished(Listener.MaxEvidenceBodySizeInBytes)).ToList();
        var callers = Enumerable.Range(1, Intake.PlacesForStrangers / Intake.PlacesPerCaller + 1).Select(Caller).ToList();
        var sending = held.Select((body, i) => SendAsync(body, caller: callers[i / Intake.PlacesPerCaller])).ToList();
        await BegunAsync(held, sending);
        using var another = Long(Listener.MaxEvidenceBodySizeInBytes);
        await TestBroker.RefusedAsync("too-many", await SendAsync(another, caller: callers[^1])); // an address that holds none: the places are all taken

        var (ledger, id, by, at) = broker.By(@operator);
        var bundle = EndorsementBundle.Sign(at, [new(Encoding.ASCII.GetBytes($"{{{new string(' ', Intake.OrdinaryBodySizeInBytes)}}}"), "tcb.json")], collector);
        var record = new RecordEndorsements(ledger, id, by, at, "lab", Timestamp.WholeSecond(at), Digest.Of(bundle));
        var client = new BrokerClient(callers[0], new ReadSigner(TestBroker.Origin, @operator.Id, @operator.Key, broker.Clock));
        Assert.Null((await client.RecordEndorsementsAsync(new(@operator.Sign(record), bundle), TestContext.Current.CancellationToken)).Missing);
        Assert.Equal(record.Bundle, broker.State.Endorsements.Latest!.Digest);

        foreach (var body in held) body.End();
        foreach (var sent in sending) await TestBroker.RefusedAsync("malformed", await sent);
        foreach (var caller in callers) caller.Dispose();
    }

    [Theory]
    [InlineData("/v1/endorsements", Listener.MaxBundleBodySizeInBytes)]
    [InlineData("/v1/models", Listener.MaxManifestBodySizeInBytes)]
    [InlineData("/v1/machines", Listener.MaxEvidenceBodySizeInBytes)]
    public async Task What_only_people_send_is_not_read_at_length_before_one_of_them_signed(string path, int most)
    {
        var body = new Unfinished(most);
        body.End(); // once it began
        await TestBroker.RefusedAsync("unsigned", await SendAsync(body, path));
        await TestBroker.RefusedAsync("unsigned", await SendAsync(body, path, Signed(path, new TestPerson(Groups.Operators))));
        await TestBroker.RefusedAsync("unsigned", await SendAsync(body, path, Signed("/v1/commands", broker.Ada)));
        Assert.False(body.Begun.IsCompleted);
        using var ordinary = Long(Intake.OrdinaryBodySizeInBytes);
        await TestBroker.RefusedAsync("malformed", await SendAsync(ordinary, path));
        using var signed = Long(most);
        await TestBroker.RefusedAsync("malformed", await SendAsync(signed, path, Signed(path, broker.Ada)));
    }

    [Fact]
    public async Task One_person_has_no_more_places_than_one_stranger()
    {
        const string Path = "/v1/endorsements";
        var held = Enumerable.Range(0, Intake.PlacesPerCaller).Select(_ => new Unfinished(Listener.MaxBundleBodySizeInBytes)).ToList();
        var sending = held.ConvertAll(body => SendAsync(body, Path, Signed(Path, broker.Ada)));
        await BegunAsync(held, sending);
        using var another = Long(Listener.MaxBundleBodySizeInBytes);
        await TestBroker.RefusedAsync("too-many", await SendAsync(another, Path, Signed(Path, broker.Ada)));
        using var others = Long(Listener.MaxBundleBodySizeInBytes);
        await TestBroker.RefusedAsync("malformed", await SendAsync(others, Path, Signed(Path, broker.Ben)));
        foreach (var body in held) body.End();
        foreach (var sent in sending) await TestBroker.RefusedAsync("malformed", await sent);
    }

    /// <summary>All of them are being read; or the first is answered, and the test fails.</summary>
    private static async Task BegunAsync(IReadOnlyList<Unfinished> bodies, IReadOnlyList<Task<HttpResponseMessage>> sending)
    {
        foreach (var (body, sent) in bodies.Zip(sending)) Assert.Same(body.Begun, await Task.WhenAny(body.Begun, sent));
    }

    private Task<HttpResponseMessage> SendAsync(HttpContent content, string path = "/v1/releases", AuthenticationHeaderValue? signed = null, HttpClient? caller = null) =>
        (caller ?? broker.Client).SendAsync(new(HttpMethod.Post, path) { Content = content, Headers = { ExpectContinue = true, Authorization = signed } });

    private AuthenticationHeaderValue Signed(string path, TestPerson person) => new(SignedRead.Scheme, broker.Header(HttpMethod.Post, path, person));

    /// <summary>Somebody with an address of their own: all of 127/8 is this machine's.</summary>
    private HttpClient Caller(int number)
    {
        var handler = broker.Pinned(SslProtocols.Tls13);
        handler.ConnectCallback = async (context, cancel) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(new IPAddress([127, 0, 1, (byte)number]), 0));
            await socket.ConnectAsync(context.DnsEndPoint, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        };
        return new(handler) { BaseAddress = broker.Host.Address };
    }

    private static ByteArrayContent Long(int length) => new(Encoding.ASCII.GetBytes($"\"{new string('a', length - 2)}\"")) { Headers = { ContentType = new("application/json") } };

    /// <summary>A body that begins, and ends only when it is told.</summary>
    private sealed class Unfinished : HttpContent
    {
        private readonly TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously), end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly int length;

        public Unfinished(int length)
        {
            this.length = length;
            Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        public Task Begun => begun.Task;

        public void End() => end.SetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            var bytes = Encoding.ASCII.GetBytes($"\"{new string('a', length - 2)}\"");
            await stream.WriteAsync(bytes.AsMemory(0, length / 2));
            await stream.FlushAsync();
            begun.SetResult();
            await end.Task;
            await stream.WriteAsync(bytes.AsMemory(length / 2));
        }

        protected override bool TryComputeLength(out long size)
        {
            size = length;
            return true;
        }
    }
}
