namespace Strongroom.Enclave.Gateway;

/// <summary>A bounded queue for the engine: so many at work, so many arriving or waiting, and no one who waits for ever.</summary>
internal sealed class Turns(int atWork, int waiting) : IDisposable
{
    private readonly SemaphoreSlim free = new(atWork, atWork);
    private int inside;

    /// <summary>A place in the queue, to be had before anything of a request is kept; disposing it ends the turn too.</summary>
    /// <exception cref="ApiException">Too many are there already: 429.</exception>
    internal Place Enter()
    {
        if (Interlocked.Increment(ref inside) <= atWork + waiting) return new(this);
        Interlocked.Decrement(ref inside);
        throw new ApiException(429, "Too many requests are waiting. Try again shortly.", "rate_limit_exceeded");
    }

    public void Dispose() => free.Dispose();

    /// <summary>For one request, used by one thread at a time.</summary>
    internal sealed class Place(Turns turns) : IDisposable
    {
        private bool hasTurn;
        private bool ended;

        /// <summary>Completes when it is this request's turn.</summary>
        internal async Task WaitAsync(CancellationToken cancellation)
        {
            await turns.free.WaitAsync(cancellation);
            hasTurn = true;
        }

        public void Dispose()
        {
            if (ended) return;
            ended = true;
            Interlocked.Decrement(ref turns.inside);
            if (hasTurn) turns.free.Release();
        }
    }
}
