using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Cli.Commands;

/// <summary>Takes a copy of a ledger. It believes what it reads as little as any reader: verify the copy, with keys that came another way.</summary>
internal static class LedgerCopy
{
    /// <returns>Number of files written.</returns>
    internal static async Task<int> TakeAsync(LedgerProgress source, DirectoryInfo directory, CancellationToken cancel)
    {
        var reader = new LedgerReader(source.ReadAsync);
        if (directory.Exists && directory.EnumerateFileSystemInfos().Any()) throw new UsageException($"{directory} is not empty");
        var head = await reader.CheckpointAsync(cancel);
        var files = 0;
        foreach (var tile in TilePath.Of(Checkpoint.Parse(head.Text).Size))
        {
            await WriteAsync(tile.ToString(), await source.ReadAsync(tile.ToString(), cancel) ?? throw new RefusedException($"{tile} is missing"));
            if (tile.Level is not null) continue;
            foreach (var (index, entry) in (await reader.EntriesAsync(tile, cancel)).Index())
            {
                source.Entry(tile.Index * TilePath.FullWidth + index);
                foreach (var digest in RecordAudit.BlobsOf(entry))
                {
                    // Absent blobs are for the audit to judge; a copy is taken all the same.
                    if (await reader.BlobAsync(digest, cancel) is { } blob) await WriteAsync($"blob/{digest}", blob);
                }
            }
        }
        await WriteAsync("checkpoint", System.Text.Encoding.UTF8.GetBytes(head.ToString())); // last: a copy without it is unfinished and says so
        return files;

        async Task WriteAsync(string path, ReadOnlyMemory<byte> bytes)
        {
            var file = Path.Combine(directory.FullName, path);
            if (File.Exists(file)) return;
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await File.WriteAllBytesAsync(file, bytes, cancel);
            files++;
        }
    }
}
