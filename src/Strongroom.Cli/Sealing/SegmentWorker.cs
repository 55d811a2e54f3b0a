using Microsoft.Win32.SafeHandles;

namespace Strongroom.Cli.Sealing;

/// <summary>Works on one segment (64 chunks, 1 MiB) at a time with its own buffers: that is all the memory that a file of any size needs.</summary>
internal abstract class SegmentWorker : IDisposable
{
    internal abstract void Process(long segment);

    public abstract void Dispose();

    /// <summary>All segments of a file, on all cores; the first failure stops every worker and is thrown.</summary>
    internal static void Run(long segments, Func<SegmentWorker> create, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var next = -1L;
        var workers = (int)Math.Min(Environment.ProcessorCount, segments);
        var tasks = new Task[workers];
        for (var i = 0; i < workers; i++) tasks[i] = i == workers - 1 ? Task.CompletedTask : Task.Run(Work, CancellationToken.None);
        try
        {
            Work(); // this thread is one of them: a small file never waits for another
        }
        finally
        {
            Task.WhenAll(tasks).ContinueWith(_ => { }, TaskScheduler.Default).Wait(CancellationToken.None);
        }
        foreach (var task in tasks) task.GetAwaiter().GetResult();
        cancellation.ThrowIfCancellationRequested();

        void Work()
        {
            try
            {
                using var worker = create();
                for (var at = Interlocked.Increment(ref next); at < segments && !stop.IsCancellationRequested; at = Interlocked.Increment(ref next)) worker.Process(at);
            }
            catch
            {
                stop.Cancel();
                throw;
            }
        }
    }

    /// <summary>Fills the buffer or says that the file ended before it should.</summary>
    protected static void ReadExactly(SafeFileHandle file, Span<byte> buffer, long offset, string name)
    {
        while (buffer.Length > 0)
        {
            var read = RandomAccess.Read(file, buffer, offset);
            if (read == 0) throw new IOException($"{name} became shorter while it was read");
            buffer = buffer[read..];
            offset += read;
        }
    }
}
