using System.Diagnostics;
using Strongroom.Enclave.Loader;

namespace Strongroom.System.Tests.Enclave;

/// <summary>A model is opened only while the enclave may live.</summary>
public sealed class OpeningTests
{
    private readonly TaskCompletionSource end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool stopped;

    [Fact]
    public async Task Is_cancelled_and_waited_for_when_the_end_comes_first()
    {
        var opening = Opening.UnlessAsync(end.Task, OpenForEverAsync, Opening.Patience);
        await begun.Task;
        Assert.False(opening.IsCompleted);
        end.SetResult();
        Assert.Null(await opening);
        Assert.True(stopped);
    }

    [Fact]
    public async Task Gives_nothing_that_was_opened_after_the_end()
    {
        end.SetResult();
        Assert.Null(await Opening.UnlessAsync(end.Task, _ => Task.FromResult("weights"), Opening.Patience));
    }

    [Fact]
    public async Task Gives_what_was_opened_in_time() => Assert.Equal("weights", await Opening.UnlessAsync(end.Task, _ => Task.FromResult("weights"), Opening.Patience));

    [Fact]
    public async Task Does_not_wait_for_work_that_hears_nothing_and_writes_nothing()
    {
        using var hangs = new ManualResetEventSlim();
        var opening = Opening.UnlessAsync(end.Task, _ => { begun.SetResult(); hangs.Wait(CancellationToken.None); return Task.FromResult("weights"); }, TimeSpan.Zero);
        await begun.Task;
        var since = Stopwatch.StartNew();
        end.SetResult();
        Assert.Null(await opening);
        Assert.True(since.Elapsed < Opening.Patience, "it waited as for work that writes");
        hangs.Set();
    }

    private async Task<string> OpenForEverAsync(CancellationToken cancellation)
    {
        begun.SetResult();
        try
        {
            await Task.Delay(Timeout.Infinite, cancellation);
            return "";
        }
        finally
        {
            stopped = true;
        }
    }
}
