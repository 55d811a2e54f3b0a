using System.Text.Json.Nodes;
using Strongroom.System.Tests.People;

namespace Strongroom.System.Tests;

/// <summary>One table for all programs: a mistake has the same exit code and the same shape whoever is told of it. docs/house.md, Errors.</summary>
public sealed class ExitCodeTests(ExitCodeTests.Founded founded) : IClassFixture<ExitCodeTests.Founded>
{
    [Theory]
    [InlineData(64, "Cli", "K.key exists", "key create K.key --danger-unprotected")]
    [InlineData(64, "Cli", "sealed", "seal model sealed --custody file:K.key --name storyteller --version 2")]
    [InlineData(64, "Cli", "broker exists", "init broker --ledger a.example/l --person a --person b --witness W --witness-url http://127.0.0.1:1 --danger-unprotected")]
    [InlineData(64, "Cli", "K.key exists", "person key K.key --danger-unprotected")]
    [InlineData(64, "Cli", "people exists", "backup broker people")]
    [InlineData(64, "Broker", "people exists", "copy --dir broker --to people")]
    [InlineData(64, "Witness", "witness.key exists", "key create witness.key --name again")]
    [InlineData(64, "Cli", "'vault:x' names no place", "seal model new --custody vault:x --name n --version 1")]
    [InlineData(64, "Cli", "'vault:x' names no place", "open sealed new --custody vault:x")]
    [InlineData(64, "Cli", "'file:' names no place", "open sealed new --custody file: --publisher K.key.publisher.pub")]
    [InlineData(66, "Cli", "typo; check the path", "open sealed new --custody file:typo")]
    [InlineData(66, "Cli", "typo; check the path", "verify sealed --custody file:typo")]
    [InlineData(66, "Cli", "typo; check the path", "seal model new --custody file:typo --name n --version 1")]
    [InlineData(66, "Cli", "nowhere", "open nowhere new --custody file:K.key")]
    [InlineData(66, "Cli", "nowhere is no broker's directory", "backup nowhere new")]
    [InlineData(66, "Broker", "there is no directory nowhere: check --dir", "--dir nowhere")]
    [InlineData(66, "Broker", "model/broker.json; check the path", "--dir model")]
    [InlineData(66, "Broker", "nowhere is no broker's directory", "copy --dir nowhere --to new")]
    [InlineData(66, "Witness", "typo; check the path", "--key typo --ledger LEDGER --state s --listen 127.0.0.1:0")]
    [InlineData(66, "Enclave", "nowhere", "measure --danger-development-evidence nowhere/k")]
    [InlineData(2, "Broker", "everywhere is not ADDRESS:PORT", "--dir broker --listen everywhere")]
    [InlineData(2, "Enclave", "is not JSON", "run --config K.key")]
    public async Task A_mistake_has_one_exit_code_whoever_is_told(int expected, string program, string what, string line)
    {
        var (code, output, error) = await founded.RunAsync(program, [.. line.Split(' ').Select(word => word == "LEDGER" ? founded.Ledger : word), "--json"]);
        Assert.True(expected == code, $"{code}, not {expected}: {error}");
        Assert.Contains(what, Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.DoesNotContain("Could not find", error, StringComparison.Ordinal);
        Assert.Equal(expected, (int)JsonNode.Parse(output)!["exit_code"]!);
        Assert.False(Path.Exists(Path.Combine(founded.Directory, "new")));
    }

    /// <summary>A house that was founded and does nothing.</summary>
    public sealed class Founded : IAsyncLifetime
    {
        private House? house;

        internal string Directory => house!.Directory;

        internal string Ledger => (string)JsonNode.Parse(File.ReadAllText(house!.At("people/ada.json")))!["ledger_key"]!;

        public async ValueTask InitializeAsync() => house = await House.FoundAsync();

        public ValueTask DisposeAsync() => house!.DisposeAsync();

        internal async Task<(int Code, string Output, string Error)> RunAsync(string program, string[] arguments)
        {
            using var process = house!.Run(program, arguments);
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return (process.ExitCode, await output, await error);
        }
    }
}
