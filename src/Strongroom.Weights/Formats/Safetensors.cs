using System.Text.Json;
using Strongroom.Bytes;

namespace Strongroom.Weights.Formats;

/// <summary>
/// The safetensors format: an 8-byte little-endian header length, a JSON header, then the tensors' bytes without gaps or overlaps.
/// Reads the header alone; the numbers stay where they are.
/// </summary>
public static class Safetensors
{
    private const int MaxHeaderBytes = 100_000_000;
    private const int MaxTensors = 65_536;
    private const int MaxIndexBytes = 64 << 20;

    /// <exception cref="MalformedException">
    /// A header that is not JSON, repeats a name, has an unknown member or type; a tensor outside the file, with a gap or an overlap before it,
    /// or of a size that its shape does not give.
    /// </exception>
    public static IReadOnlyDictionary<string, Tensor> Parse(ModelFile file)
    {
        var length = file.U64(0, "the header's length");
        if (length is < 2 or > MaxHeaderBytes) throw new MalformedException(0, $"{file.Name}: a header of {length} bytes, 2 to {MaxHeaderBytes} are read");
        using var json = file.Json(8, (int)length, "the header");
        var data = 8 + (long)length;
        if (json.RootElement.ValueKind != JsonValueKind.Object || json.RootElement.GetPropertyCount() > MaxTensors)
            throw new MalformedException(8, $"{file.Name}: the header is an object of at most {MaxTensors} tensors");

        var entries = json.RootElement.EnumerateObject()
            .Where(member => !IsMetadata(file, member))
            .Select(member => Entry.Read(file, member))
            .OrderBy(entry => entry.Begin).ThenBy(entry => entry.End)
            .ToList();
        long end = 0;
        foreach (var entry in entries)
        {
            if (entry.Begin != end) throw new MalformedException(data + end, $"{file.Name}: {entry.Name} leaves a gap or overlaps its neighbour");
            end = entry.End;
        }
        if (end != file.Length - data) throw new MalformedException(data, $"{file.Name}: the tensors have {end} bytes, the file has {file.Length - data}");
        return entries.ToDictionary(entry => entry.Name, entry => new Tensor(entry.Name, entry.Type, entry.Shape,
            file.At(data + entry.Begin, entry.End - entry.Begin, entry.Name)));
    }

    /// <summary>
    /// The tensors of all <c>.safetensors</c> files. Several files need <c>model.safetensors.index.json</c>, and its map must name exactly the
    /// tensors that each file holds.
    /// </summary>
    public static IReadOnlyDictionary<string, Tensor> ParseAll(IReadOnlyList<ModelFile> files)
    {
        var shards = files.Where(file => file.Name.EndsWith(".safetensors", StringComparison.Ordinal)).ToList();
        var indexes = files.Where(file => file.Name.EndsWith(".safetensors.index.json", StringComparison.Ordinal)).ToList();
        if (indexes.Count > 1) throw new MalformedException(-1, $"{indexes[1].Name}: a second index");
        if (shards.Count > 1 && indexes.Count == 0) throw new MalformedException(-1, "several safetensors files and no model.safetensors.index.json");

        var tensors = new Dictionary<string, Tensor>();
        var homes = new Dictionary<string, string>();
        foreach (var shard in shards)
        {
            foreach (var (name, tensor) in Parse(shard))
            {
                if (!tensors.TryAdd(name, tensor)) throw new MalformedException(-1, $"{shard.Name}: {name} is in {homes[name]} already");
                homes[name] = shard.Name;
            }
        }
        if (indexes is [var index]) CheckIndex(index, homes);
        return tensors;
    }

    private static void CheckIndex(ModelFile index, Dictionary<string, string> homes)
    {
        using var json = index.Json(MaxIndexBytes);
        if (json.RootElement.ValueKind != JsonValueKind.Object
            || !json.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
            throw new MalformedException(0, $"{index.Name}: no weight_map");
        var folder = index.Name[..(index.Name.LastIndexOf('/') + 1)];
        foreach (var entry in map.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.String || !homes.TryGetValue(entry.Name, out var home) || home != folder + entry.Value.GetString())
                throw new MalformedException(-1, $"{index.Name}: {entry.Name} is not where the map says");
        }
        if (map.GetPropertyCount() != homes.Count) throw new MalformedException(-1, $"{index.Name}: the files hold tensors that the map leaves out");
    }

    private static bool IsMetadata(ModelFile file, JsonProperty member)
    {
        if (member.Name != "__metadata__") return false;
        if (member.Value.ValueKind != JsonValueKind.Object || member.Value.EnumerateObject().Any(entry => entry.Value.ValueKind != JsonValueKind.String))
            throw new MalformedException(8, $"{file.Name}: __metadata__ maps names to strings");
        return true;
    }

    private sealed record Entry(string Name, TensorType Type, long[] Shape, long Begin, long End)
    {
        public static Entry Read(ModelFile file, JsonProperty member)
        {
            MalformedException Bad(string what) => new(8, $"{file.Name}: {member.Name} {what}");
            var value = member.Value;
            if (value.ValueKind != JsonValueKind.Object || value.GetPropertyCount() != 3
                || !value.TryGetProperty("dtype", out var dtype) || dtype.ValueKind != JsonValueKind.String
                || !value.TryGetProperty("shape", out var shape) || shape.ValueKind != JsonValueKind.Array || shape.GetArrayLength() > 8
                || !value.TryGetProperty("data_offsets", out var offsets) || offsets.ValueKind != JsonValueKind.Array || offsets.GetArrayLength() != 2)
                throw Bad("has dtype, shape and data_offsets, nothing else");
            var type = dtype.GetString() switch
            {
                "F32" => TensorType.F32,
                "F16" => TensorType.F16,
                "BF16" => TensorType.BF16,
                var other => throw Bad($"has type {other}, F32, F16 and BF16 are read"),
            };
            var extents = shape.EnumerateArray().Select(Number).ToArray();
            var (begin, end) = (Number(offsets[0]), Number(offsets[1]));
            var size = Tensor.SizeInBytes(type, extents);
            if (size < 0 || begin < 0 || end < begin || end - begin != size) throw Bad("has offsets that do not fit its shape");
            return new(member.Name, type, extents, begin, end);

            long Number(JsonElement element) =>
                element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out var number) && number >= 0
                    ? number
                    : throw Bad("holds a number out of range");
        }
    }
}
