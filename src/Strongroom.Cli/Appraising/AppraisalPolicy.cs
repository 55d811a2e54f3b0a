using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Cli.Policies;

namespace Strongroom.Cli.Appraising;

/// <summary>A policy for appraising, written as YAML like every policy here; the core reads JSON.</summary>
internal static class AppraisalPolicy
{
    /// <exception cref="MalformedException">Names the file and the place in it.</exception>
    internal static ReadOnlyMemory<byte> Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        if (bytes is [(byte)'{', ..]) return bytes;
        try
        {
            return CanonicalJson.Write(StrictYaml.Parse(bytes).ToJson());
        }
        catch (MalformedException e)
        {
            throw new MalformedException(-1, $"{path}: {e.Message}");
        }
    }

    /// <summary>As YAML that can be saved, changed and given back. What is not asked is a comment: this YAML has no word for nothing.</summary>
    internal static void Write(JsonObject policy, TextWriter text)
    {
        foreach (var (name, value) in policy) text.WriteLine(value is null ? $"# {name}: not asked" : $"{name}: {Asked(value).ToJsonString()}");
    }

    private static JsonNode Asked(JsonNode value) => value is JsonObject members
        ? new JsonObject(members.Where(member => member.Value is not null).Select(member => KeyValuePair.Create(member.Key, (JsonNode?)Asked(member.Value!))))
        : value.DeepClone();
}
