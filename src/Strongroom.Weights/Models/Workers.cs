namespace Strongroom.Weights.Models;

/// <summary>
/// Threads that stay, and share out the chunks of one job at a time with the caller. A chunk is claimed when a thread is free, so a thread that the
/// system has set aside delays nobody but the chunk that it holds.
/// </summary>
internal sealed class Workers : IDisposable
{
    private const int ChunkBits = 20;
    private const int SpinsBeforeSleep = 2000;

    private readonly Thread[] threads;
    private readonly SemaphoreSlim wake = new(0);

    // Round in the high bits, then chunks in the round, then chunks claimed. While claimed < chunks the round's job cannot change,
    // so a successful claim proves that the job read between reading and claiming belongs to it.
    private long state;
    private Job? job;
    private int finished;
    private int sleeping;
    private volatile bool stopped;

    public Workers(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        threads = new Thread[count - 1];
        for (var i = 0; i < threads.Length; i++)
        {
            var worker = i + 1;
            threads[i] = new Thread(() => Work(worker)) { IsBackground = true, Name = $"engine {worker}" };
            threads[i].Start();
        }
    }

    /// <summary>Threads that work on a job, the caller included.</summary>
    public int Count => threads.Length + 1;

    /// <summary>Returns when every chunk is done. One caller at a time.</summary>
    public void Run(Job work, int chunks)
    {
        if (threads.Length == 0 || chunks == 1)
        {
            for (var chunk = 0; chunk < chunks; chunk++) work.Do(chunk, 0);
            return;
        }
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(chunks, 1 << ChunkBits);
        (job, finished) = (work, 0);
        var round = unchecked((ulong)state >> (2 * ChunkBits)) + 1;
        Volatile.Write(ref state, unchecked((long)(round << (2 * ChunkBits)) | ((long)chunks << ChunkBits)));
        if (Volatile.Read(ref sleeping) > 0) wake.Release(Interlocked.Exchange(ref sleeping, 0));

        while (TryDoOne(0))
        {
        }
        var spin = default(SpinWait);
        while (Volatile.Read(ref finished) < chunks) spin.SpinOnce(sleep1Threshold: -1);
    }

    public void Dispose()
    {
        stopped = true;
        wake.Release(Math.Max(1, threads.Length));
        foreach (var thread in threads) thread.Join();
        wake.Dispose();
    }

    private void Work(int worker)
    {
        var idle = 0;
        while (!stopped)
        {
            if (TryDoOne(worker))
            {
                idle = 0;
            }
            else if (++idle < SpinsBeforeSleep)
            {
                Thread.SpinWait(8);
            }
            else
            {
                // A round published just now may be missed: the caller then does it alone and wakes this thread for the next one.
                Interlocked.Increment(ref sleeping);
                wake.Wait();
                idle = 0;
            }
        }
    }

    private bool TryDoOne(int worker)
    {
        var seen = Volatile.Read(ref state);
        var chunk = Claimed(seen);
        if (chunk >= Chunks(seen)) return false;
        var work = Volatile.Read(ref job)!;
        if (Interlocked.CompareExchange(ref state, seen + 1, seen) != seen) return true;
        work.Do(chunk, worker);
        Interlocked.Increment(ref finished);
        return true;
    }

    private static int Claimed(long state) => (int)(state & ((1 << ChunkBits) - 1));

    private static int Chunks(long state) => (int)((state >> ChunkBits) & ((1 << ChunkBits) - 1));

    /// <summary>Work in chunks that may be done in any order, each by any thread.</summary>
    internal abstract class Job
    {
        /// <param name="chunk">Which part.</param>
        /// <param name="worker">Which thread, from 0; no two parts run on one thread at the same time.</param>
        public abstract void Do(int chunk, int worker);
    }
}
