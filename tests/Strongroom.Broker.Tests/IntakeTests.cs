using System.Net;
using System.Net.Http.Headers;
using System.Text;

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
        var sending = held.ConvertAll<Task<HttpResponseMessage>>(SendAsync); // a body begins when the broker asks for it, and it asks whom it gave a place
        foreach (var body in held) await body.Begun;
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

    private Task<HttpResponseMessage> SendAsync(HttpContent content) =>
        broker.Client.SendAsync(new(HttpMethod.Post, "/v1/releases") { Content = content, Headers = { ExpectContinue = true } });

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
