using System.Text.Json;

namespace Strongroom.Tests.Crypto;

/// <summary>The published suites of Project Wycheproof and C2SP, one JSON document each.</summary>
internal static class Wycheproof
{
    /// <summary>Every test with the group it stands in.</summary>
    internal static IEnumerable<(JsonElement Group, JsonElement Test)> Read(string name)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Require($"vectors/wycheproof/{name}")));
        var root = document.RootElement.Clone();
        return
            from suite in root.GetProperty("testGroups").EnumerateArray()
            from test in suite.GetProperty("tests").EnumerateArray()
            select (suite, test);
    }

    internal static string Text(this JsonElement element, string name) => element.GetProperty(name).GetString()!;

    internal static byte[] Hex(this JsonElement element, string name) => Convert.FromHexString(element.Text(name));

    internal static bool HasFlag(this JsonElement test, string flag) => test.GetProperty("flags").EnumerateArray().Any(each => each.GetString() == flag);
}
