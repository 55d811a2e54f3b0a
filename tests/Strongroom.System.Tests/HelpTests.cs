using System.Diagnostics;

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
    [InlineData("measure", "--pcr", "1")]
    [InlineData("walk")]
    [InlineData("run", "--sealed", "somewhere")]
    public async Task What_is_wrong_with_an_enclaves_command_line_stands_alone(params string[] arguments)
    {
        var (code, _, error) = await RunAsync("Enclave", arguments);
        Assert.Equal(64, code);
        Assert.EndsWith("; see strongroom enclave --help", Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
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
