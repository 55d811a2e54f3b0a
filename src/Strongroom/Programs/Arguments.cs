using System.Text.Json;
using Strongroom.Bytes;

namespace Strongroom.Programs;

/// <summary>The options of one program or verb: which take a value, which may be repeated, which stand alone.</summary>
public sealed record Arguments(IReadOnlyList<string> Values, IReadOnlyList<string> Lists, IReadOnlyList<string> Switches)
{
    private const string FileOption = "config";

    /// <exception cref="UsageException">An option is unknown, has no value, or is given twice.</exception>
    /// <exception cref="MalformedException">The file of options is none.</exception>
    /// <param name="arguments">The command line behind the verb.</param>
    /// <param name="read">Opens the file that --config names; null for those that know no such option.</param>
    public ILookup<string, string> Parse(IReadOnlyList<string> arguments, Func<string, byte[]>? read = null)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var given = new List<(string Name, string Value)>();
        for (var i = 0; i < arguments.Count; i++)
        {
            var name = arguments[i].StartsWith("--", StringComparison.Ordinal) ? arguments[i][2..] : throw new UsageException($"{arguments[i]}: options begin with --");
            if (Switches.Contains(name)) given.Add((name, "true"));
            else if (!(name == FileOption && read is not null) && !Values.Contains(name) && !Lists.Contains(name)) throw new UsageException($"--{name} is not known");
            else if (i + 1 == arguments.Count) throw new UsageException($"--{name} needs a value");
            else if (name == FileOption) given.AddRange(Members(arguments[++i], read!));
            else given.Add((name, arguments[++i]));
        }
        var twice = given.GroupBy(option => option.Name).FirstOrDefault(group => group.Count() > 1 && !Lists.Contains(group.Key));
        return twice is null ? given.ToLookup(option => option.Name, option => option.Value) : throw new UsageException($"--{twice.Key} is given twice");
    }

    private List<(string Name, string Value)> Members(string path, Func<string, byte[]> read)
    {
        using var file = Open(path, read);
        if (file.RootElement.ValueKind != JsonValueKind.Object) throw new MalformedException(-1, $"{path} is no JSON object");
        var given = new List<(string Name, string Value)>();
        foreach (var member in file.RootElement.EnumerateObject())
        {
            var name = member.Name.Replace('_', '-');
            var isList = Lists.Contains(name) && member.Value.ValueKind == JsonValueKind.Array;
            foreach (var value in isList ? member.Value.EnumerateArray().ToList() : [member.Value]) given.Add((name, Text(path, name, value)));
        }
        return given;
    }

    private string Text(string path, string name, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String when Values.Contains(name) || Lists.Contains(name) => value.GetString()!,
        JsonValueKind.True when Switches.Contains(name) => "true",
        _ => throw new MalformedException(-1, $"{path}: {name} is not known, or of another type"),
    };

    private static JsonDocument Open(string path, Func<string, byte[]> read)
    {
        try
        {
            return JsonDocument.Parse(read(path), new() { AllowDuplicateProperties = false });
        }
        catch (JsonException e)
        {
            throw new MalformedException(e.BytePositionInLine ?? -1, $"{path} is not JSON");
        }
    }
}
