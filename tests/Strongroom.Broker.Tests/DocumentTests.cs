using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Strongroom.Broker.Tests;

/// <summary>What is written about the API is what the program does.</summary>
public sealed partial class DocumentTests
{
    [Fact]
    public async Task The_committed_OpenAPI_document_is_the_one_that_is_served()
    {
        await using var broker = await TestBroker.StartAsync();
        var served = (await broker.Client.GetStringAsync("/openapi/v1.json")).ReplaceLineEndings("\n").TrimEnd() + "\n";
        var committed = Path.Combine(Repository(), "docs/openapi.json");
        if (File.Exists(committed) && await File.ReadAllTextAsync(committed) == served) return;
        var copy = Path.Combine(Repository(), "artifacts/openapi.json");
        await File.WriteAllTextAsync(copy, served);
        Assert.Fail($"the API changed: look at the difference, and if it is meant, cp {copy} {committed}");
    }

    [Fact]
    public async Task Every_operation_says_what_it_answers_when_all_is_well()
    {
        await using var broker = await TestBroker.StartAsync();
        var paths = JsonNode.Parse(await broker.Client.GetStringAsync("/openapi/v1.json"))!["paths"]!.AsObject();
        var silent =
            from path in paths
            from operation in path.Value!.AsObject()
            where !operation.Value!["responses"]!.AsObject().Any(response => response.Key[0] == '2')
            select $"{operation.Key} {path.Key}";
        Assert.Empty(silent);
    }

    [Fact]
    public async Task The_page_of_problems_is_served_by_the_broker()
    {
        await using var broker = await TestBroker.StartAsync();
        Assert.Equal(Page(), await broker.Client.GetStringAsync("/problems"));
    }

    [Fact]
    public void Every_problem_stands_on_the_page_with_its_status_and_what_to_do()
    {
        var sections = Section().Matches(Page()).ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);
        Assert.Equal(Problem.All.Select(problem => problem.Name).Order(), sections.Keys.Order());
        foreach (var problem in Problem.All)
        {
            Assert.StartsWith($"{problem.Status}. ", sections[problem.Name], StringComparison.Ordinal);
            Assert.Contains("\n- You: ", sections[problem.Name], StringComparison.Ordinal);
            Assert.Contains("\n- Operator: ", sections[problem.Name], StringComparison.Ordinal);
        }
    }

    [Fact]
    public void No_problem_is_used_that_is_not_listed()
    {
        var fields = typeof(Problem).GetFields().Where(field => field.FieldType == typeof(Problem)).Select(field => (Problem)field.GetValue(null)!);
        Assert.Equal(fields.OrderBy(problem => problem.Name), Problem.All.OrderBy(problem => problem.Name));
    }

    private static string Page() => File.ReadAllText(Path.Combine(Repository(), "docs/problems.md"));

    private static string Repository([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../.."));

    [GeneratedRegex(@"^## (\S+)\n(.*?)(?=^## |\z)", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Section();
}
