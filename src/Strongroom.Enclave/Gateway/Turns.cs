namespace Strongroom.Enclave.Gateway;

/// <summary>A bounded queue for the engine: so many at work, so many waiting, and no one who waits for ever.</summary>
internal sealed class Turns(int atWork, int waiting) : IDisposable
{
    private readonly SemaphoreSlim free = new(atWork, atWork);
    private int inside;

    /// <summary>Completes when it is the caller's turn; disposing what it returns ends the turn.</summary>
    /// <exception cref="ApiException">Too many wait already: 429.</exception>
    internal async Task<IDisposable> TakeAsync(CancellationToken cancellation)
    {
        if (Interlocked.Increment(ref inside) > atWork + waiting)
        {
            Interlocked.Decrement(ref inside);
            throw new ApiException(429, "Too many requests are waiting. Try again shortly.", "rate_limit_exceeded");
        }
        try
        {
            await free.WaitAsync(cancellation);
        }
        catch
        {
            Interlocked.Decrement(ref inside);
            throw;
        }
        return new Turn(this);
    }

    public void Dispose() => free.Dispose();

    private sealed class Turn(Turns turns) : IDisposable
    {
        private int ended;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref ended, 1) != 0) return;
            Interlocked.Decrement(ref turns.inside);
            turns.free.Release();
        }
    }
}
