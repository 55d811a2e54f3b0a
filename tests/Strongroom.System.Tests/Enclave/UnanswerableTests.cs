using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Strongroom.Bytes;
using Strongroom.Enclave.Gateway;

namespace Strongroom.System.Tests.Enclave;

/// <summary>Prompts for which a model gives no numbers: its answer to the space and to the letter x is one token for which it gives none.</summary>
public sealed class UnanswerableTests : IAsyncLifetime
{
    private readonly OpenedModel model = new(speechless: true);
    private Completions completions = null!;
    private WebApplication app = null!;
    private HttpClient client = null!;

    public async ValueTask InitializeAsync()
    {
        completions = new(model.Llama, "tiny", model.Memory, new(), TimeProvider.System);
        app = TlsListener.Create(new(IPAddress.Loopback, 0), ServerCertificate.Create(["127.0.0.1"], DateTimeOffset.UtcNow), 10_000, 16);
        app.MapGateway(completions, new([Digest.Of("key"u8)]));
        await app.StartAsync();
        client = new(new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, _, _, _) => true }) { BaseAddress = new(app.Address()) };
        client.DefaultRequestHeaders.Authorization = new("Bearer", "key");
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await app.DisposeAsync();
        completions.Dispose();
        model.Dispose();
    }

    [Theory]
    [InlineData("completions", """{"model":"tiny","prompt":"y"}""", "prompt")]
    [InlineData("completions", """{"model":"tiny","prompt":"y","stream":true}""", "prompt")]
    [InlineData("completions", """{"model":"tiny","prompt":"x","temperature":0}""", "prompt")]
    [InlineData("chat/completions", """{"model":"tiny","messages":[{"role":"user","content":"y"}]}""", "messages")]
    public async Task Are_refused_and_are_no_failure_of_the_enclave(string path, string body, string parameter)
    {
        using var response = await PostAsync(path, body);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        AssertRefusal(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), parameter);
    }

    [Fact]
    public async Task End_a_stream_with_an_error_event_and_no_done()
    {
        using var response = await PostAsync("completions", """{"model":"tiny","prompt":"x","temperature":0,"stream":true}""");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var events = (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        AssertRefusal(events[^1]["data: ".Length..], "prompt");
    }

    [Fact]
    public async Task One_token_of_them_can_be_answered()
    {
        using var response = await PostAsync("completions", """{"model":"tiny","prompt":"x","temperature":0,"max_tokens":1}""");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    private static void AssertRefusal(string json, string parameter)
    {
        var error = JsonNode.Parse(json)!["error"]!;
        Assert.Equal("invalid_request_error", (string?)error["type"]);
        Assert.Equal("invalid_value", (string?)error["code"]);
        Assert.Equal(parameter, (string?)error["param"]);
    }

    private Task<HttpResponseMessage> PostAsync(string path, string body) =>
        client.PostAsync("v1/" + path, new StringContent(body, Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken);
}
