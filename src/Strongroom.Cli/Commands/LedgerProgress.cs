using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Cli.Commands;

/// <summary>Tells how much of a ledger has been read. Its bytes are known only afterwards: those to come are taken to be like those before.</summary>
internal sealed class LedgerProgress(Terminal terminal, string what, LedgerPlace place) : IDisposable
{
    private readonly Progress progress = terminal.Progress(what, 0);
    private long size;
    private long bytes;

    internal async Task<ReadOnlyMemory<byte>?> ReadAsync(string path, CancellationToken cancel)
    {
        var read = await place.ReadAsync(path, cancel);
        if (read is not { } found) return read;
        if (path == "checkpoint") size = SizeIn(found);
        bytes += found.Length;
        progress.Report(found.Length);
        return read;
    }

    /// <param name="index">The entry that is looked at now.</param>
    internal void Entry(long index) => progress.Expect((long)(bytes * ((double)size / (index + 1))));

    public void Dispose() => progress.Dispose();

    private static long SizeIn(ReadOnlyMemory<byte> checkpoint)
    {
        try
        {
            return Checkpoint.Parse(SignedNote.Parse(checkpoint.Span).Text).Size;
        }
        catch (MalformedException)
        {
            return 0; // whoever reads it says so
        }
    }
}
