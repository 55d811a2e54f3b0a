using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Strongroom.Enclave.Gateway;
using Strongroom.Tests;
using Strongroom.Weights.Models;

namespace Strongroom.System.Tests.Enclave;

/// <summary>Clients that send or take their bytes slowly, or not at all, with a key that counts.</summary>
public sealed class SlowClientTests : IDisposable
{
    private const string Streamed = """{"model":"tiny","prompt":"x","max_tokens":50,"stream":true}""";

    /// <summary>Of a token in each layer: more than anything that is needed to encode a short prompt.</summary>
    private const int KeyValueBytes = 10_000;

    private readonly OpenedModel model = new();
    private readonly HandWoundClock clock = new();
    private readonly GatewayLimits limits = new() { MaxWaiting = 1 };
    private readonly Completions completions;

    public SlowClientTests() => completions = new(model.Llama, "tiny", model.Memory, limits, clock);

    public void Dispose()
    {
        completions.Dispose();
        model.Dispose();
    }

    [Fact]
    public async Task A_request_that_does_not_arrive_is_given_up()
    {
        var asking = completions.AnswerAsync(CompletionKind.Text, Request(new Pipe().Reader));
        clock.Wind(limits.MaxArrival);
        Assert.Equal(408, (await Assert.ThrowsAsync<ApiException>(() => asking)).Status);
    }

    [Fact]
    public async Task A_request_for_which_there_is_no_place_is_refused_before_it_arrives()
    {
        using var gone = new CancellationTokenSource();
        var asking = Enumerable.Range(0, limits.MaxConcurrent + limits.MaxWaiting)
            .Select(_ => completions.AnswerAsync(CompletionKind.Text, Request(new Pipe().Reader, gone.Token))).ToList();
        var refusal = await Assert.ThrowsAsync<ApiException>(() => completions.AnswerAsync(CompletionKind.Text, Request(new Pipe().Reader)));
        Assert.Equal(429, refusal.Status);
        await gone.CancelAsync();
        foreach (var each in asking) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => each);
        await completions.AnswerAsync(CompletionKind.Text, Request(await BodyAsync(Streamed)));
    }

    [Fact]
    public async Task A_client_that_does_not_read_holds_the_engine_no_longer_than_an_answer_may_take()
    {
        using var gone = new CancellationTokenSource();
        var full = new Pipe(new PipeOptions(pauseWriterThreshold: 1, resumeWriterThreshold: 1));
        var stuck = Request(await BodyAsync(Streamed), gone.Token);
        stuck.Features.Set<IHttpResponseBodyFeature>(new Unread(full.Writer));
        var unread = completions.AnswerAsync(CompletionKind.Text, stuck);
        _ = await full.Reader.ReadAsync(TestContext.Current.CancellationToken); // its first token is there, and stays there
        var next = completions.AnswerAsync(CompletionKind.Text, Request(await BodyAsync(Streamed)));
        clock.Wind(limits.MaxDuration);
        await next;
        Assert.False(unread.IsCompleted);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => unread);
    }

    [Fact]
    public async Task An_answer_that_the_end_cut_off_does_not_pass_for_one_that_its_length_ended()
    {
        var full = new Pipe(new PipeOptions(pauseWriterThreshold: 1, resumeWriterThreshold: 1));
        var stuck = Request(await BodyAsync(Streamed));
        stuck.Features.Set<IHttpResponseBodyFeature>(new Unread(full.Writer));
        var unread = completions.AnswerAsync(CompletionKind.Text, stuck);
        var first = await full.Reader.ReadAsync(TestContext.Current.CancellationToken);
        completions.Stop();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => unread);
        full.Reader.AdvanceTo(first.Buffer.Start);
        Assert.True(full.Reader.TryRead(out var rest));
        Assert.DoesNotContain("length", Encoding.UTF8.GetString(rest.Buffer), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_prompt_whose_client_has_gone_is_not_encoded_to_its_end()
    {
        using var gone = new CancellationTokenSource();
        using var first = new CancellationTokenSource();
        var memory = new WatchedMemory(model.Memory);
        using var watched = new Completions(model.Llama, "tiny", memory, limits, clock);
        var full = new Pipe(new PipeOptions(pauseWriterThreshold: 1, resumeWriterThreshold: 1));
        var stuck = Request(await BodyAsync(Streamed), first.Token);
        stuck.Features.Set<IHttpResponseBodyFeature>(new Unread(full.Writer));
        var unread = watched.AnswerAsync(CompletionKind.Text, stuck);
        _ = await full.Reader.ReadAsync(TestContext.Current.CancellationToken);
        var asking = watched.AnswerAsync(CompletionKind.Text, Request(await BodyAsync(Streamed), gone.Token)); // read, and waits for its turn
        memory.Allocated = gone.Cancel; // by what it first allocates in its turn
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => unread);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        Assert.True(gone.IsCancellationRequested);
        Assert.InRange(memory.Largest, 1, KeyValueBytes - 1); // the engine was not begun
    }

    [Fact]
    public async Task A_prompt_is_not_encoded_for_longer_than_an_answer_may_take()
    {
        var memory = new WatchedMemory(model.Memory);
        using var watched = new Completions(model.Llama, "tiny", memory, limits, clock);
        var request = new Pipe();
        var asking = watched.AnswerAsync(CompletionKind.Text, Request(request.Reader));
        memory.Allocated = () => clock.Wind(limits.MaxArrival); // each thing that it allocates takes so long
        await request.Writer.WriteAsync(Encoding.UTF8.GetBytes(Streamed), TestContext.Current.CancellationToken);
        await request.Writer.CompleteAsync();
        Assert.Equal((503, "overloaded"), await Assert.ThrowsAsync<ApiException>(() => asking) is var refusal ? (refusal.Status, refusal.Code) : default);
        Assert.InRange(memory.Largest, 1, KeyValueBytes - 1);
    }

    private static DefaultHttpContext Request(PipeReader body, CancellationToken gone = default)
    {
        var http = new DefaultHttpContext { RequestAborted = gone };
        http.Request.ContentType = "application/json";
        http.Request.Body = body.AsStream();
        return http;
    }

    private static async Task<PipeReader> BodyAsync(string json)
    {
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(json));
        await pipe.Writer.CompleteAsync();
        return pipe.Reader;
    }

    /// <summary>Tells the test of what is allocated after <see cref="Allocated"/> was set.</summary>
    private sealed class WatchedMemory(WorkingMemory inner) : WorkingMemory
    {
        public Action? Allocated { get; set; }

        public long Largest { get; private set; }

        public override nint Allocate(long bytes)
        {
            if (Allocated is not null) Largest = Math.Max(Largest, bytes);
            Allocated?.Invoke();
            return inner.Allocate(bytes);
        }

        public override void Free(nint memory, long bytes) => inner.Free(memory, bytes);
    }

    private sealed class Unread(PipeWriter writer) : IHttpResponseBodyFeature
    {
        public Stream Stream => writer.AsStream();

        public PipeWriter Writer => writer;

        public Task CompleteAsync() => Task.CompletedTask;

        public void DisableBuffering()
        {
        }

        public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task StartAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;
    }
}
