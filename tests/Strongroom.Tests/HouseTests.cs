using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Strongroom.Tests;

/// <summary>The arrows of docs/house.md, checked against using lines and project references.</summary>
public sealed partial class HouseTests
{
    // A folder may use the folders listed before it, and none after.
    private static readonly string[] CoreOrder = ["Bytes", "Crypto", "Sealing", "Ledger", "Attestation", "Policy", "Facts", "Protocol", "Programs"];

    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["Strongroom"] = [],
        ["Strongroom.Keys"] = ["Strongroom"],
        ["Strongroom.Weights"] = ["Strongroom"],
        ["Strongroom.Broker"] = ["Strongroom", "Strongroom.Keys"],
        ["Strongroom.Enclave"] = ["Strongroom", "Strongroom.Weights"],
        ["Strongroom.Witness"] = ["Strongroom"],
        ["Strongroom.Cli"] = ["Strongroom", "Strongroom.Keys", "Strongroom.Weights"],
    };

    [GeneratedRegex(@"^(?:global )?using (?:static )?Strongroom\.(\w+)", RegexOptions.Multiline)]
    private static partial Regex Using();

    [Fact]
    public void Folders_of_the_core_only_look_down()
    {
        var source = Path.Combine(SharedFiles.Repository(), "src/Strongroom");
        var offences =
            from file in Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories)
            let floor = Array.IndexOf(CoreOrder, Path.GetRelativePath(source, file).Split('/')[0])
            from match in Using().Matches(File.ReadAllText(file))
            let used = Array.IndexOf(CoreOrder, match.Groups[1].Value)
            where floor < 0 || used < 0 || used > floor
            select $"{Path.GetRelativePath(source, file)}: {match.Value}";
        Assert.Empty(offences);
    }

    [Fact]
    public void Projects_reference_only_what_the_house_allows()
    {
        var source = Path.Combine(SharedFiles.Repository(), "src");
        var projects = Directory.EnumerateFiles(source, "*.csproj", SearchOption.AllDirectories).ToList();
        Assert.Equal(Arrows.Keys.Order(), projects.Select(Path.GetFileNameWithoutExtension).Order());
        var offences =
            from project in projects
            from reference in XDocument.Load(project).Descendants("ProjectReference")
            let used = Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value)
            where !Arrows[Path.GetFileNameWithoutExtension(project)].Contains(used)
            select $"{Path.GetFileName(project)} -> {used}";
        Assert.Empty(offences);
    }
}
