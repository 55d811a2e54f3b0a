using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Strongroom.System.Tests;

/// <summary>Who asks is answered on standard output; who errs is told in one line where to ask.</summary>
public sealed class HelpTests
{
    [Theory]
    [InlineData("Broker", "--dir DIR")]
    [InlineData("Witness", "--state DIR")]
    [InlineData("Witness", "--name NAME", "key", "create")]
    [InlineData("Enclave", "--client-key-file")]
    [InlineData("Enclave", "--client-key-file", "run")]
    [InlineData("Enclave", "--pcrs", "measure")]
    [InlineData("Enclave", "--nonce", "evidence")]
    public async Task Each_program_and_each_of_its_verbs_has_help(string program, string expected, params string[] verb)
    {
        var (code, output, _) = await RunAsync(program, [.. verb, "--help"]);
        Assert.Equal(0, code);
        Assert.Contains(expected, output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Broker", "--dir is missing")]
    [InlineData("Broker", "--bogus is not known", "--bogus")]
    [InlineData("Broker", "--dir is given twice", "--dir", "a", "--dir", "b")]
    [InlineData("Broker", "vault:x names no place for keys", "--dir", "d", "--custody", "vault:x")]
    [InlineData("Broker", "--to is missing", "copy", "--dir", "d")]
    [InlineData("Broker", "--listen is not known", "copy", "--dir", "d", "--listen", "l")]
    [InlineData("Witness", "--key is missing", "--state", "x")]
    [InlineData("Witness", "--ledger VKEY is missing", "--state", "x", "--key", "k", "--listen", "127.0.0.1:0")]
    [InlineData("Witness", "--name NAME is missing", "key", "create", "k")]
    [InlineData("Witness", "where the key goes is missing", "key", "create", "--name", "n")]
    [InlineData("Witness", "keys: options begin with --", "keys")]
    [InlineData("Enclave", "--pcr is not known", "measure", "--pcr", "1")]
    [InlineData("Enclave", "there is no such verb", "walk")]
    [InlineData("Enclave", "prove this machine", "run", "--sealed", "somewhere")]
    [InlineData("Cli", "'opn'", "opn")]
    [InlineData("Cli", "'--versio'", "seal", "a", "b", "--name", "n", "--version", "1", "--versio", "2")]
    public async Task What_is_wrong_with_a_command_line_stands_alone(string program, string what, params string[] arguments)
    {
        var (code, output, error) = await RunAsync(program, [.. arguments, "--json"]);
        Assert.Equal(64, code);
        var line = Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        var name = program == "Cli" ? "strongroom" : $"strongroom {program.ToLowerInvariant()}";
        Assert.StartsWith(name + ": ", line, StringComparison.Ordinal);
        Assert.Contains(what, line, StringComparison.Ordinal);
        Assert.Contains("; see ", line, StringComparison.Ordinal);
        Assert.EndsWith("--help", line.TrimEnd('\''), StringComparison.Ordinal);
        var answer = JsonNode.Parse(output)!;
        Assert.Equal(64, (int)answer["exit_code"]!);
        Assert.Equal(line[(name.Length + 2)..], (string?)answer["error"]);
        Assert.Equal(line[(name.Length + 2)..], (string?)Assert.Single(answer["reasons"]!.AsArray()));
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, $"Strongroom.{program}.dll"), .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }
}
