using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Strongroom.System.Tests.Enclave;

/// <summary>A whole life of the built program: asks, waits for people, opens, answers, ends; and the lives that must be short.</summary>
public sealed class EnclaveLifeTests
{
    private const string Prompt = "a-prompt-that-nobody-else-would-write";

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
        using var client = enclave.Client((string)(await enclave.ExpectAsync("ready"))["address"]!);
        var answer = await CompleteAsync(client);
        Assert.Equal("text_completion", (string?)answer["object"]);
        Assert.InRange((int)answer["usage"]!["completion_tokens"]!, 1, 8);
        Assert.DoesNotContain(Prompt, enclave.Errors);
    }

    [Fact]
    public async Task A_broker_that_cannot_be_reached_at_first_is_asked_three_times_before_it_ends_with_3()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        using var enclave = setup.Run(("broker", "https://127.0.0.1:1"), ("memory", "locked"));
        await enclave.ExpectAsync("unavailable");
        await enclave.ExpectAsync("unavailable");
        Assert.Empty((await enclave.ToTheEndAsync()).Except(["reserving", "reserved", EnclaveProcess.Failed]));
        Assert.Equal(3, await enclave.ExitAsync());
        Assert.Contains("does not answer", enclave.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_grant_without_a_proof_ends_it_with_1()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        setup.Broker.Grant = grant => grant with { Proof = "" };
        await EndsAsync(setup, 1, "no proof");
    }

    [Fact]
    public async Task A_grant_with_a_wrong_proof_ends_it_with_1()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        setup.Broker.Grant = grant => grant with { Proof = setup.Broker.Prove("another entry"u8) };
        await EndsAsync(setup, 1, "does not have this one");
    }

    [Fact]
    public async Task A_grant_without_the_witness_ends_it_with_1()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        setup.Broker.Grant = grant => grant with { Proof = setup.Broker.Prove(grant.Entry.Span, cosigned: false) };
        await EndsAsync(setup, 1, "has not signed");
    }

    [Fact]
    public async Task Missing_approvals_end_it_with_4_where_it_was_told_not_to_wait()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        setup.Broker.PendingAnswers = 1;
        using var enclave = EnclaveProcess.Start(setup.State, [.. setup.Arguments(), "--no-wait"]);
        Assert.Equal(4, await enclave.ExitAsync());
    }

    [Theory]
    [InlineData("broker-key")]
    [InlineData("ledger")]
    [InlineData("witness")]
    [InlineData("publisher")]
    [InlineData("client-key-file")]
    [InlineData("danger-development-evidence")]
    public async Task Does_not_run_unpinned(string option)
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        using var enclave = setup.Run((option, null));
        Assert.Equal(64, await enclave.ExitAsync());
    }

    [Fact]
    public async Task A_broker_that_is_not_the_pinned_one_ends_it_with_3()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        using var enclave = setup.Run(("broker-key", new string('0', 64)));
        Assert.Equal(3, await enclave.ExitAsync());
    }

    [Fact]
    public async Task The_end_of_its_lease_ends_it()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        setup.Broker.LeaseSeconds = 6;
        setup.Broker.Renew = () => throw new InvalidOperationException("away");
        using var enclave = setup.Run();
        using var client = enclave.Client((string)(await enclave.ExpectAsync("ready"))["address"]!);
        Assert.Equal("the lease ended", (string?)(await enclave.ExpectAsync("ended"))["reason"]);
        Assert.Equal(1, await enclave.ExitAsync());
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => CompleteAsync(client));
    }

    [Fact]
    public async Task A_grant_that_comes_after_its_lease_opens_nothing()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        setup.Broker.LeaseSeconds = 1;
        setup.Broker.Renew = () => throw new InvalidOperationException("away");
        using var late = new ManualResetEventSlim();
        setup.Broker.Grant = grant => late.Wait(TimeSpan.FromSeconds(1.5)) ? throw new InvalidOperationException("nobody sets it") : grant;
        using var enclave = setup.Run();
        await enclave.ExpectAsync("granted");
        var said = await enclave.ToTheEndAsync();
        Assert.Equal(1, await enclave.ExitAsync());
        Assert.DoesNotContain("opened", said);
        Assert.DoesNotContain("ready", said);
    }

    [Fact]
    public async Task Fresh_evidence_renews_its_lease()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        setup.Broker.LeaseSeconds = 6;
        using var enclave = setup.Run();
        await enclave.ExpectAsync("ready");
        Assert.Contains("renewed for 600 s", (string)(await enclave.ExpectAsync("lease"))["words"]!);
        await setup.Broker.Renewed;
    }

    [Fact]
    public async Task A_revocation_ends_it_at_once()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        using var enclave = setup.Run();
        await enclave.ExpectAsync("ready");
        setup.Broker.Revoke("rack opened");
        Assert.Equal("revoked: rack opened", (string?)(await enclave.ExpectAsync("ended"))["reason"]);
        Assert.Equal(1, await enclave.ExitAsync());
    }

    [Theory]
    [InlineData("SIGTERM", 0)]
    [InlineData("revoked: rack opened", 1)]
    public async Task An_end_while_the_model_is_opened_ends_it_at_once(string reason, int code)
    {
        await using var setup = await EnclaveSetup.CreateAsync(padding: 32);
        setup.Broker.CheckTree = true;
        using var enclave = setup.Run(("memory", "locked"));
        await enclave.ExpectAsync("granted");
        if (reason == "SIGTERM") using (var kill = Process.Start("kill", ["-TERM", $"{enclave.Id}"])) await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        else setup.Broker.Revoke("rack opened");
        Assert.Equal(reason, (string?)(await enclave.ExpectOnlyAsync("ended"))["reason"]); // and never opened or ready
        Assert.Equal(code, await enclave.ExitAsync());
        Assert.Equal("", enclave.Errors.Trim());
    }

    [Fact]
    public async Task The_control_plane_tells_the_lease_and_carries_no_prompt_and_no_answer()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        using var enclave = setup.Run();
        var control = (string)(await enclave.ExpectAsync("control"))["address"]!;
        using var client = enclave.Client((string)(await enclave.ExpectAsync("ready"))["address"]!);
        using var operators = enclave.Client(control, EnclaveSetup.ControlKey);
        var text = (string)(await CompleteAsync(client))["choices"]![0]!["text"]!;

        var state = await operators.GetStringAsync("v1/state", TestContext.Current.CancellationToken);
        Assert.Equal("serving", (string?)JsonNode.Parse(state)!["stage"]);
        Assert.InRange((int)JsonNode.Parse(state)!["lease_seconds_left"]!, 1, 600);
        Assert.DoesNotContain(Prompt, state);
        Assert.DoesNotContain(text, state);
        foreach (var path in (string[])["v1/completions", "v1/chat/completions", "v1/models"])
            Assert.Equal(HttpStatusCode.NotFound, (await operators.GetAsync(path, TestContext.Current.CancellationToken)).StatusCode);
        // It takes no body at all, so nothing can be sent through it either.
        var sent = await operators.PostAsJsonAsync("v1/completions", new { model = "tiny", prompt = Prompt }, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, sent.StatusCode);

        using var stranger = enclave.Client(control);
        Assert.Equal(HttpStatusCode.Unauthorized, (await stranger.GetAsync("v1/state", TestContext.Current.CancellationToken)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("v1/state", TestContext.Current.CancellationToken)).StatusCode);

        Assert.Equal(HttpStatusCode.Accepted, (await operators.PostAsync("v1/shutdown", null, TestContext.Current.CancellationToken)).StatusCode);
        Assert.Equal(0, await enclave.ExitAsync());
    }

    [Fact]
    public async Task The_options_may_stand_in_a_file()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        var options = new JsonObject();
        foreach (var pair in setup.Arguments().Skip(2).Chunk(2)) options[pair[0][2..].Replace('-', '_')] = pair[1];
        options["witness"] = new JsonArray((string)options["witness"]!);
        var path = Path.Combine(setup.Directory, "enclave.json");
        File.WriteAllText(path, options.ToJsonString());
        using var enclave = EnclaveProcess.Start(setup.State, ["run", "--json", "--config", path]);
        await enclave.ExpectAsync("ready");
    }

    private static async Task EndsAsync(EnclaveSetup setup, int code, string reason)
    {
        using var enclave = setup.Run();
        Assert.Equal(code, await enclave.ExitAsync());
        Assert.Contains(reason, enclave.Errors);
    }

    private static async Task<JsonNode> CompleteAsync(HttpClient client)
    {
        using var response = await client.PostAsJsonAsync(
            "v1/completions", new { model = "tiny", prompt = Prompt, max_tokens = 8, temperature = 0 }, TestContext.Current.CancellationToken);
        var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.True(response.IsSuccessStatusCode, answer.ToJsonString());
        return answer;
    }
}
