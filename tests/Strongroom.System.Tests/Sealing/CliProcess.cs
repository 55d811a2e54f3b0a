using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;

namespace Strongroom.System.Tests.Sealing;

/// <summary>The built CLI as a script sees it: exit code and both streams.</summary>
internal static class CliProcess
{
    internal static string Program([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../artifacts/bin/Strongroom.Cli/release/Strongroom.Cli.dll"));

    internal static Process Start(string directory, params string[] arguments) => Process.Start(new ProcessStartInfo("dotnet", [Program(), .. arguments])
    {
        WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
    })!;

    internal static async Task<(int Code, string Output, string Error)> RunAsync(string directory, params string[] arguments)
    {
        using var process = Start(directory, arguments);
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }

    /// <summary>Runs with --json and expects success.</summary>
    internal static async Task<JsonNode> AnswerAsync(string directory, params string[] arguments)
    {
        var (code, output, error) = await RunAsync(directory, [.. arguments, "--json"]);
        Assert.True(code == 0, $"{string.Join(' ', arguments)} exited with {code}: {error}");
        return JsonNode.Parse(output)!;
    }

    /// <summary>Anonymous memory in bytes; 0 once the process is gone.</summary>
    internal static long RssAnon(Process process)
    {
        try
        {
            var line = File.ReadLines($"/proc/{process.Id}/status").FirstOrDefault(each => each.StartsWith("RssAnon:", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) * 1024;
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
