using System.Text.RegularExpressions;

namespace Strongroom.Tests;

/// <summary>Every test that docs/threats and docs/evidence.md name is there: a countermeasure without its attack is a wish.</summary>
public sealed partial class ThreatsTests
{
    [GeneratedRegex(@"(?:(\w+)(?:\.cs)?)?::(\w+)")]
    private static partial Regex TestName();

    [GeneratedRegex(@"\w+Tests\.cs")]
    private static partial Regex TestFile();

    public static TheoryData<string> Pages =>
        [.. Directory.EnumerateFiles(Path.Combine(SharedFiles.Repository(), "docs/threats"), "*.md").Select(page => Path.GetFileName(page)).Append("../evidence.md").Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_row_names_a_test_and_every_test_that_is_named_is_there(string page)
    {
        var sources = Directory.EnumerateFiles(Path.Combine(SharedFiles.Repository(), "tests"), "*.cs", SearchOption.AllDirectories)
            .ToLookup(path => Path.GetFileNameWithoutExtension(path), path => path);
        var missing = new List<string>();
        foreach (var row in Rows(page))
        {
            var cell = row.Split('|')[3];
            var file = "";
            if (!cell.Contains("::", StringComparison.Ordinal) && !cell.Contains("the same", StringComparison.Ordinal) && !NamesAFile(cell)) missing.Add($"no test in: {row}");
            foreach (Match name in TestName().Matches(cell))
            {
                if (name.Groups[1].Success) file = name.Groups[1].Value; // a name that begins with :: is in the file of the one before it
                var declared = new Regex($@"\b(?:void|Task) {name.Groups[2].Value}\(");
                if (!sources[file].Any(path => declared.IsMatch(File.ReadAllText(path)))) missing.Add($"{file}::{name.Groups[2].Value}");
            }
        }
        Assert.True(missing.Count == 0, string.Join('\n', missing));
    }

    /// <summary>A whole class of tests, where each of them is one way of the attack.</summary>
    private static bool NamesAFile(string cell) => TestFile().Match(cell) is { Success: true } file
        && Directory.EnumerateFiles(Path.Combine(SharedFiles.Repository(), "tests"), file.Value, SearchOption.AllDirectories).Any();

    private static IEnumerable<string> Rows(string page) =>
        File.ReadLines(Path.Combine(SharedFiles.Repository(), "docs/threats", page))
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal) && !line.StartsWith("| attack |", StringComparison.Ordinal) && !line.StartsWith("| check |", StringComparison.Ordinal))
            .Where(line => !line.StartsWith("| **", StringComparison.Ordinal)); // a heading between rows
}
