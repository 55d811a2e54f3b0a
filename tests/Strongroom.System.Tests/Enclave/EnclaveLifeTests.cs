using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Strongroom.System.Tests.Enclave;

/// <summary>A whole life of the built program: asks, waits for people, opens, answers, ends.</summary>
public sealed class EnclaveLifeTests
{
    [Theory]
    [InlineData("secret")]
    [InlineData("locked")]
    public async Task Waits_for_people_then_opens_and_answers(string memory)
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        setup.Broker.PendingAnswers = 1;
        setup.Broker.CheckTree = true;
        using var enclave = setup.Run(("memory", memory));
        await enclave.ExpectAsync("pending");
        var ready = await enclave.ExpectAsync("ready");
        using var client = enclave.Client((string)ready["address"]!);
        var response = await client.PostAsJsonAsync("v1/completions", new { model = "tiny", prompt = "Once", max_tokens = 8, temperature = 0 }, TestContext.Current.CancellationToken);
        var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.True(response.IsSuccessStatusCode, answer.ToJsonString());
        Assert.Equal("text_completion", (string?)answer["object"]);
        Assert.InRange((int)answer["usage"]!["completion_tokens"]!, 1, 8);
    }
}
