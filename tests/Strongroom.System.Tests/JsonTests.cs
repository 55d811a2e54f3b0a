using System.Text.Json.Nodes;
using Strongroom.System.Tests.People;

namespace Strongroom.System.Tests;

/// <summary>A script that starts the programs takes what it needs from their JSON, not out of sentences.</summary>
public sealed class JsonTests
{
    [Fact]
    public async Task Witness_and_broker_say_where_they_listen_and_with_which_key()
    {
        await using var house = await House.FoundAsync();
        var profile = Read(await File.ReadAllTextAsync(house.At("people/ada.json"), TestContext.Current.CancellationToken));
        var witness = Read(await house.StartAsync("Witness", "--key", "witness.key", "--ledger", (string)profile["ledger_key"]!, "--state", "watched", "--listen", "127.0.0.1:0", "--json"));
        Assert.Equal("listening", (string?)witness["event"]);
        Assert.Equal((string?)profile["witnesses"]![0], (string?)witness["key"]);
        var broker = Read(await house.StartAsync("Broker", "--dir", "broker", "--listen", "127.0.0.1:0", "--witness", (string)witness["address"]!, "--danger-development-evidence", "--json"));
        Assert.Equal("listening", (string?)broker["event"]);
        Assert.Equal((string?)profile["broker_key"], (string?)broker["broker_key"]);
        Assert.Equal("house.test/ledger", (string?)broker["origin"]);
        Assert.Equal("https", new Uri((string)broker["address"]!).Scheme);
    }

    [Fact]
    public async Task A_new_witness_key_is_told_as_its_verifier_key()
    {
        await using var house = House.Empty();
        var said = await SayAsync(house, "Witness", 0, "key", "create", "w.key", "--name", "w.example", "--json");
        Assert.StartsWith("w.example+", (string)said["key"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verbs_of_the_enclave_that_answer_in_JSON_anyway_take_the_option()
    {
        await using var house = House.Empty();
        string[] machine = ["--danger-development-evidence", "m.key", "--json"];
        await SayAsync(house, "Enclave", 0, ["introduce", .. machine]);
        Assert.Equal("development", (string?)(await SayAsync(house, "Enclave", 0, ["measure", .. machine]))["kind"]);
        Assert.Contains("--event-log", (string)(await SayAsync(house, "Enclave", 64, "rehearse-boot", "--json", "--tpm", "swtpm:unix:/nowhere"))["error"]!, StringComparison.Ordinal);
        Assert.Contains("tdx", (string)(await SayAsync(house, "Enclave", 3, "evidence", "--evidence", "tdx", "--json"))["error"]!, StringComparison.Ordinal);
    }

    private static async Task<JsonNode> SayAsync(House house, string program, int expected, params string[] arguments)
    {
        using var process = house.Run(program, arguments);
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(expected == process.ExitCode, $"{process.ExitCode}: {await error}");
        return Read(await output);
    }

    private static JsonNode Read(string json) => JsonNode.Parse(json)!;
}
