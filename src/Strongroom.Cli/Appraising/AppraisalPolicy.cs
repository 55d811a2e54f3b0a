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

    /// <summary>As YAML that can be saved, changed and given back.</summary>
    internal static void Write(JsonObject policy, TextWriter text)
    {
        foreach (var (name, value) in policy) text.WriteLine($"{name}: {value?.ToJsonString() ?? "[]"}");
    }
}
