using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Strongroom.Bytes;
using Strongroom.Sealing;

namespace Strongroom.Cli.Sealing;

/// <summary>Opens single tensors of sealed safetensors files: the header's chunks and the tensor's, nothing else is read.</summary>
internal static class TensorOpener
{
    /// <returns>Bytes written.</returns>
    /// <exception cref="UsageException">No file of the model has such a tensor.</exception>
    internal static long OpenInto(SealedDirectory model, Secret modelKey, string path, IReadOnlyList<string> tensors, Progress progress)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var parent = Path.GetDirectoryName(full) ?? throw new UsageException("/ cannot be opened into");
        Directory.CreateDirectory(parent);
        Staging.Sweep(parent);
        foreach (var tensor in tensors) FileName.Require(tensor + ".bin");
        var found = new Dictionary<string, SafeFileHandle>(StringComparer.Ordinal);
        try
        {
            var (written, expected) = (0L, 0L);
            for (var file = 0; file < model.Manifest.Files.Count && found.Count < tensors.Count; file++)
            {
                if (model.Manifest.Files[file].Safetensors is not { } index) continue;
                using var source = model.Open(file);
                using var fileKey = ContentKeys.Derive(modelKey, model.Manifest, file);
                using var reader = new SealedFileReader(fileKey, model.Manifest, file, (offset, buffer) =>
                {
                    if (RandomAccess.Read(source, buffer, offset) != buffer.Length) throw new RefusedException($"{model.PathOf(file)} was cut");
                });
                using var header = Header(reader, index);
                foreach (var tensor in tensors.Where(tensor => !found.ContainsKey(tensor)))
                {
                    if (!header.RootElement.TryGetProperty(tensor, out var entry)) continue;
                    found.Add(tensor, Linux.CreateUnnamed(parent));
                    var (from, to) = Place(reader, 8 + index.HeaderLength, entry.GetProperty("data_offsets"));
                    progress.Expect(expected += to - from);
                    written += Copy(reader, 8 + index.HeaderLength, from, to, found[tensor], progress);
                }
            }
            if (tensors.FirstOrDefault(tensor => !found.ContainsKey(tensor)) is { } unknown) throw new UsageException($"no safetensors file of {model.Path} has a tensor {unknown}");
            Staging.Publish(full, parent, [.. found.Select(each => (each.Key + ".bin", each.Value))]);
            return written;
        }
        finally
        {
            foreach (var handle in found.Values) handle.Dispose();
        }
    }

    private static JsonDocument Header(SealedFileReader reader, SafetensorsIndex index)
    {
        var bytes = new byte[index.HeaderLength];
        reader.Read(8, bytes);
        try
        {
            return JsonDocument.Parse(bytes);
        }
        catch (JsonException)
        {
            throw new MalformedException(8, "the safetensors header is not JSON");
        }
    }

    /// <summary>From its first byte to that after its last, counted behind the header.</summary>
    private static (long From, long To) Place(SealedFileReader reader, long start, JsonElement offsets) =>
        offsets.GetArrayLength() == 2 && offsets[0].TryGetInt64(out var first) && offsets[1].TryGetInt64(out var last) && first >= 0 && last >= first && last <= reader.Length - start
            ? (first, last)
            : throw new MalformedException(-1, "a tensor's data_offsets lie outside the file");

    private static long Copy(SealedFileReader reader, long start, long from, long to, SafeFileHandle target, Progress progress)
    {
        using var buffer = new Secret(SealedTree.PlainSegmentSize);
        for (var at = from; at < to; at += buffer.Length)
        {
            var part = buffer.Span[..(int)Math.Min(buffer.Length, to - at)];
            reader.Read(start + at, part);
            RandomAccess.Write(target, part, at - from);
            progress.Report(part.Length);
        }
        return to - from;
    }
}
