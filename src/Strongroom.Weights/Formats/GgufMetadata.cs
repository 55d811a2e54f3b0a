using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Weights.Formats;

/// <summary>A GGUF file's metadata, each value read as one type or refused by name.</summary>
public sealed class GgufMetadata
{
    private readonly string file;
    private readonly IReadOnlyDictionary<string, object> values;

    internal GgufMetadata(string file, IReadOnlyDictionary<string, object> values) => (this.file, this.values) = (file, values);

    public IEnumerable<string> Keys => values.Keys;

    public long IntegerOr(string key, long otherwise) => Get<long>(key, out var value) ? value : otherwise;

    public double NumberOr(string key, double otherwise) => Get<double>(key, out var value) ? value : otherwise;

    public bool FlagOr(string key, bool otherwise) => Get<bool>(key, out var value) ? value : otherwise;

    public string? Text(string key) => Get<byte[]>(key, out var value) ? Encoding.UTF8.GetString(value) : null;

    public IReadOnlyList<byte[]>? Texts(string key) => Get<byte[][]>(key, out var value) ? value : null;

    public IReadOnlyList<double>? Numbers(string key) => Get<double[]>(key, out var value) ? value : null;

    public IReadOnlyList<long>? Integers(string key) => Get<long[]>(key, out var value) ? value : null;

    /// <summary>A whole number from 1 to <paramref name="max"/>.</summary>
    public int Extent(string key, int max) => ExtentOr(key, max, null) ?? throw Bad(key, "is missing");

    /// <summary>A whole number from 1 to <paramref name="max"/>, or what stands in for an absent one.</summary>
    public int? ExtentOr(string key, int max, int? otherwise)
    {
        if (!Get<long>(key, out var value)) return otherwise;
        return value >= 1 && value <= max ? (int)value : throw Bad(key, $"is not a whole number from 1 to {max}");
    }

    internal MalformedException Bad(string key, string what) => new(-1, $"{file}: {key} {what}");

    private bool Get<T>(string key, out T value)
    {
        value = default!;
        if (!values.TryGetValue(key, out var found)) return false;
        value = found is T typed ? typed : throw Bad(key, "has another type");
        return true;
    }
}
