using System.Text.Json;
using Strongroom.Bytes;

namespace Strongroom.Weights.Models;

/// <summary>Members of a model's JSON files, each read as one type or refused by name. Null counts as absent, as these files use it.</summary>
internal sealed class JsonMembers
{
    private readonly string file;
    private readonly JsonElement members;

    public JsonMembers(string file, JsonElement members)
    {
        if (members.ValueKind != JsonValueKind.Object) throw new MalformedException(0, $"{file}: not an object");
        (this.file, this.members) = (file, members);
    }

    public JsonElement? this[string name] =>
        members.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>The member is there, if only as null.</summary>
    public bool Has(string name) => members.TryGetProperty(name, out _);

    public IEnumerable<JsonProperty> All() => members.EnumerateObject();

    public string? Text(string name) => this[name] switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => value.GetString(),
        _ => throw Bad(name, "is not text"),
    };

    public string? FirstText(string name) =>
        this[name] is { ValueKind: JsonValueKind.Array } values && values.GetArrayLength() > 0 && values[0].ValueKind == JsonValueKind.String
            ? values[0].GetString()
            : null;

    public JsonMembers? Object(string name) => this[name] is { } value ? new($"{file}: {name}", value) : null;

    public IEnumerable<JsonElement> Items(string name) => this[name] switch
    {
        null => [],
        { ValueKind: JsonValueKind.Array } value => value.EnumerateArray(),
        _ => throw Bad(name, "is not a list"),
    };

    public bool FlagOr(string name, bool otherwise) => this[name]?.ValueKind switch
    {
        null => otherwise,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Bad(name, "is not true or false"),
    };

    public int Extent(string name, int max) => ExtentOr(name, max, null) ?? throw Bad(name, "is missing");

    public int ExtentOr(string name, int max, int otherwise) => ExtentOr(name, max, (int?)otherwise)!.Value;

    public double NumberOr(string name, double otherwise) => this[name] switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.Number } value when value.TryGetDouble(out var number) && double.IsFinite(number) => number,
        _ => throw Bad(name, "is not a number"),
    };

    public double Positive(string name) => NumberOr(name, 0) is > 0 and var number ? number : throw Bad(name, "is not a positive number");

    /// <summary>One token id or a list of them.</summary>
    public IReadOnlyList<int> Tokens(string name) => this[name] switch
    {
        null => [],
        { ValueKind: JsonValueKind.Array } list when list.GetArrayLength() <= 64 => [.. list.EnumerateArray().Select(item => Token(name, item))],
        { } single => [Token(name, single)],
    };

    public void Absent(string name)
    {
        if (this[name] is not null) throw Bad(name, "is not supported");
    }

    public void Only(string name, string value)
    {
        if ((Text(name) ?? value) != value) throw Bad(name, $"is {Text(name)}, {value} is supported");
    }

    public void Only(string name, bool value)
    {
        if (FlagOr(name, value) != value) throw Bad(name, $"must be {value}");
    }

    public void Only(string name, int value)
    {
        if (this[name] is { } found && !(found.ValueKind == JsonValueKind.Number && found.TryGetInt32(out var number) && number == value))
            throw Bad(name, $"must be {value}");
    }

    public MalformedException Bad(string name, string what) => new(-1, $"{file}: {name} {what}");

    private int? ExtentOr(string name, int max, int? otherwise) => this[name] switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.Number } value when value.TryGetInt32(out var number) && number >= 1 && number <= max => number,
        _ => throw Bad(name, $"is not a whole number from 1 to {max}"),
    };

    private int Token(string name, JsonElement item) =>
        item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var token) && token >= 0 ? token : throw Bad(name, "is not a token");
}
