using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Security;
using System.Security.Authentication;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Strongroom.Bytes;
using Strongroom.Enclave.Gateway;

namespace Strongroom.System.Tests.Enclave;

/// <summary>spec/inference-api.md over real TLS, with a real if senseless model.</summary>
public sealed class GatewayTests : IAsyncLifetime
{
    private readonly OpenedModel model = new();
    private readonly GatewayLimits limits = new() { MaxRequestBytes = 10_000, MaxWaiting = 0 };
    private Completions completions = null!;
    private WebApplication app = null!;
    private HttpClient client = null!;

    public async ValueTask InitializeAsync()
    {
        completions = new(model.Llama, "tiny", model.Memory, limits, TimeProvider.System);
        app = TlsListener.Create(new(IPAddress.Loopback, 0), ServerCertificate.Create(["127.0.0.1"], DateTimeOffset.UtcNow), limits.MaxRequestBytes, 16);
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

    [Fact]
    public async Task Lists_its_model()
    {
        var list = await GetAsync("v1/models");
        Assert.Equal("list", (string?)list["object"]);
        Assert.Equal("tiny", (string?)list["data"]![0]!["id"]);
        Assert.Equal("model", (string?)(await GetAsync("v1/models/tiny"))["object"]);
    }

    [Fact]
    public async Task Completes_a_text()
    {
        var answer = await PostAsync("v1/completions", """{"model":"tiny","prompt":"Once","max_tokens":5,"temperature":0}""");
        Assert.StartsWith("cmpl-", (string?)answer["id"]);
        Assert.Equal("text_completion", (string?)answer["object"]);
        Assert.NotNull((string?)answer["choices"]![0]!["text"]);
        Assert.Contains((string?)answer["choices"]![0]!["finish_reason"], (string[])["length", "stop"]);
        var usage = answer["usage"]!;
        Assert.Equal((int)usage["prompt_tokens"]! + (int)usage["completion_tokens"]!, (int)usage["total_tokens"]!);
    }

    [Fact]
    public async Task Completes_a_chat()
    {
        var answer = await PostAsync("v1/chat/completions", """
            {"model":"tiny","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"Hello"}]}],"max_completion_tokens":4}
            """);
        Assert.StartsWith("chatcmpl-", (string?)answer["id"]);
        Assert.Equal("chat.completion", (string?)answer["object"]);
        Assert.Equal("assistant", (string?)answer["choices"]![0]!["message"]!["role"]);
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_text()
    {
        const string Body = """{"model":"tiny","prompt":"Once","max_tokens":12,"seed":42}""";
        var first = (string?)(await PostAsync("v1/completions", Body))["choices"]![0]!["text"];
        Assert.Equal(first, (string?)(await PostAsync("v1/completions", Body))["choices"]![0]!["text"]);
    }

    [Fact]
    public async Task A_stream_adds_up_to_the_whole_answer_and_ends_with_done()
    {
        var whole = await PostAsync("v1/completions", """{"model":"tiny","prompt":"Once","max_tokens":12,"temperature":0}""");
        var events = await StreamAsync("v1/completions", """{"model":"tiny","prompt":"Once","max_tokens":12,"temperature":0,"stream":true,"stream_options":{"include_usage":true}}""");
        Assert.Equal("[DONE]", events[^1]);
        var chunks = events[..^1].Select(data => JsonNode.Parse(data)!).ToList();
        Assert.Equal((string?)whole["choices"]![0]!["text"], string.Concat(chunks[..^1].Select(chunk => (string?)chunk["choices"]![0]!["text"])));
        Assert.Equal((string?)whole["choices"]![0]!["finish_reason"], (string?)chunks[^2]["choices"]![0]!["finish_reason"]);
        Assert.Empty(chunks[^1]["choices"]!.AsArray());
        Assert.Equal((int)whole["usage"]!["total_tokens"]!, (int)chunks[^1]["usage"]!["total_tokens"]!);
        Assert.Single(chunks.Select(chunk => (string?)chunk["id"]).Distinct());
    }

    [Fact]
    public async Task A_chat_stream_says_who_speaks_first()
    {
        var events = await StreamAsync("v1/chat/completions", """{"model":"tiny","messages":[{"role":"user","content":"Hi"}],"max_tokens":3,"stream":true}""");
        var first = JsonNode.Parse(events[0])!;
        Assert.Equal("chat.completion.chunk", (string?)first["object"]);
        Assert.Equal("assistant", (string?)first["choices"]![0]!["delta"]!["role"]);
        Assert.Equal("[DONE]", events[^1]);
    }

    [Fact]
    public async Task A_stop_text_ends_the_answer_and_is_not_part_of_it()
    {
        var whole = (string)(await PostAsync("v1/completions", """{"model":"tiny","prompt":"Once","max_tokens":30,"temperature":0}"""))["choices"]![0]!["text"]!;
        var stop = whole.First(letter => letter is >= ' ' and <= '~').ToString();
        var body = new JsonObject { ["model"] = "tiny", ["prompt"] = "Once", ["max_tokens"] = 30, ["temperature"] = 0, ["stop"] = new JsonArray(stop, "never this") };
        var choice = (await PostAsync("v1/completions", body.ToJsonString()))["choices"]![0]!;
        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], (string?)choice["text"]);
        Assert.Equal("stop", (string?)choice["finish_reason"]);
    }

    [Fact]
    public async Task Members_that_ask_for_nothing_are_accepted() => await PostAsync("v1/chat/completions", """
        {"model":"tiny","messages":[{"role":"user","content":"Hi"}],"max_tokens":1,"n":1,"presence_penalty":0,"frequency_penalty":0.0,"user":"u","logprobs":false,
         "tools":[],"response_format":{"type":"text"},"logit_bias":{},"stop":null,"stream":false,"top_p":1}
        """);

    [Fact]
    public async Task An_answer_can_be_sent_back_with_all_its_members() => await PostAsync("v1/chat/completions", """
        {"model":"tiny","messages":[{"role":"user","content":"Hi","name":"ada"},
         {"role":"assistant","content":"Hello","refusal":null,"annotations":[],"audio":null,"function_call":null,"tool_calls":null},{"role":"user","content":"Go on"}],"max_tokens":1}
        """);

    [Theory]
    [InlineData("""{"prompt":"x"}""", 400, "model", null)]
    [InlineData("""{"model":"tiny"}""", 400, "prompt", "missing_required_parameter")]
    [InlineData("""{"model":"other","prompt":"x"}""", 404, "model", "model_not_found")]
    [InlineData("""{"model":"tiny","prompt":"x","bogus":1}""", 400, "bogus", "unknown_parameter")]
    [InlineData("""{"model":"tiny","prompt":"x","n":2}""", 400, "n", "unsupported_parameter")]
    [InlineData("""{"model":"tiny","prompt":"x","presence_penalty":0.5}""", 400, "presence_penalty", "unsupported_parameter")]
    [InlineData("""{"model":"tiny","prompt":"x","temperature":3}""", 400, "temperature", "invalid_value")]
    [InlineData("""{"model":"tiny","prompt":"x","top_p":0}""", 400, "top_p", "invalid_value")]
    [InlineData("""{"model":"tiny","prompt":"x","max_tokens":0}""", 400, "max_tokens", "invalid_value")]
    [InlineData("""{"model":"tiny","prompt":"x","seed":1.5}""", 400, "seed", "invalid_value")]
    [InlineData("""{"model":"tiny","prompt":"x","stop":["a","b","c","d","e"]}""", 400, "stop", "invalid_value")]
    [InlineData("""{"model":"tiny","prompt":"x","stop":""}""", 400, "stop", "invalid_value")]
    [InlineData("""{"model":"tiny","prompt":"x","prompt":"y"}""", 400, "prompt", null)]
    [InlineData("""{"model":"tiny","prompt":[1,2]}""", 400, "prompt", null)]
    [InlineData("""{"model":"tiny","prompt":["x","y"]}""", 400, "prompt", null)]
    [InlineData("""{"model":"tiny","prompt":"x","stream_options":{"include_usage":true}}""", 400, "stream_options", null)]
    [InlineData("""{"model":"tiny","prompt":"x"} trailing""", 400, null, null)]
    [InlineData("""{"model":"tiny","prompt":"\ud800"}""", 400, "prompt", "invalid_type")]
    [InlineData("""{"model":"tiny","prompt":"x","temperature":"hot"}""", 400, "temperature", "invalid_type")]
    [InlineData("""{"model":"tiny","prompt":"x","stream":1}""", 400, "stream", "invalid_type")]
    [InlineData("""{"model":"tiny","prompt":"x","stream":true,"stream_options":{"include_usage":true,"include_usage":false}}""", 400, "stream_options", null)]
    [InlineData("""not json""", 400, null, null)]
    [InlineData("", 400, null, null)]
    public async Task Refuses_in_the_shape_that_clients_expect(string body, int status, string? parameter, string? code)
    {
        using var response = await client.PostAsync("v1/completions", Json(body), TestContext.Current.CancellationToken);
        Assert.Equal(status, (int)response.StatusCode);
        var error = (await ReadAsync(response))["error"]!;
        Assert.Equal("invalid_request_error", (string?)error["type"]);
        Assert.NotEmpty((string)error["message"]!);
        Assert.Equal(parameter, (string?)error["param"]);
        Assert.Equal(code, (string?)error["code"]);
    }

    [Theory]
    [InlineData("""{"model":"tiny","messages":[]}""")]
    [InlineData("""{"model":"tiny","messages":[{"role":"robot","content":"x"}]}""")]
    [InlineData("""{"model":"tiny","messages":[{"role":"user"}]}""")]
    [InlineData("""{"model":"tiny","messages":[{"role":"user","content":[{"type":"image_url","image_url":"x"}]}]}""")]
    [InlineData("""{"model":"tiny","messages":[{"role":"user","content":"x","tool_calls":[]}]}""")]
    [InlineData("""{"model":"tiny","messages":[{"role":"user","content":"x","name":"a","name":"b"}]}""")]
    [InlineData("""{"model":"tiny","messages":[{"role":"user","content":"x","refusal":"no"}]}""")]
    [InlineData("""{"model":"tiny","messages":[{"role":"user","content":[{"type":"text","text":"x","text":"y"}]}]}""")]
    [InlineData("""{"model":"tiny","messages":[{"role":"user","content":[{"text":"x"}]}]}""")]
    [InlineData("""{"model":"tiny","messages":[{"role":"user","content":[{"type":"text"}]}]}""")]
    [InlineData("""{"model":"tiny","messages":[{"role":"user","content":["x"]}]}""")]
    [InlineData("""{"model":"tiny","prompt":"x"}""")]
    public async Task Refuses_messages_that_are_none(string body)
    {
        using var response = await client.PostAsync("v1/chat/completions", Json(body), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("invalid_request_error", (string?)(await ReadAsync(response))["error"]!["type"]);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Bearer other")]
    [InlineData("Bearer ")]
    [InlineData("Basic a2V5")]
    public async Task Refuses_who_has_no_key(string? authorization)
    {
        client.DefaultRequestHeaders.Authorization = authorization is null ? null : AuthenticationHeaderValue.Parse(authorization);
        using var response = await client.PostAsync("v1/completions", Json("""{"model":"tiny","prompt":"x"}"""), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("invalid_api_key", (string?)(await ReadAsync(response))["error"]!["code"]);
        Assert.Equal("Bearer", response.Headers.WwwAuthenticate.Single().Scheme);
    }

    [Theory]
    [InlineData("GET", "v1/nothing", 404)]
    [InlineData("GET", "v1/models/other", 404)]
    [InlineData("GET", "v1/completions", 405)]
    [InlineData("POST", "v1/models", 405)]
    [InlineData("POST", "v1/completions", 415)]
    public async Task Refuses_what_is_not_there(string method, string path, int status)
    {
        using var request = new HttpRequestMessage(new(method), path);
        if (status == 415) request.Content = new StringContent("prompt=x", Encoding.UTF8, "application/x-www-form-urlencoded");
        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("invalid_request_error", (string?)(await ReadAsync(response))["error"]!["type"]);
    }

    [Fact]
    public async Task Refuses_a_request_that_is_too_large()
    {
        var body = $$"""{"model":"tiny","prompt":"{{new string('x', limits.MaxRequestBytes)}}"}""";
        using var response = await client.PostAsync("v1/completions", Json(body), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Equal("request_too_large", (string?)(await ReadAsync(response))["error"]!["code"]);
    }

    [Fact]
    public async Task Refuses_a_prompt_beyond_the_context()
    {
        using var response = await client.PostAsync("v1/completions", Json($$"""{"model":"tiny","prompt":"{{new string('x', 600)}}"}"""), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("context_length_exceeded", (string?)(await ReadAsync(response))["error"]!["code"]);
    }

    [Fact]
    public async Task Answers_nothing_once_it_is_stopped()
    {
        completions.Stop();
        using var response = await client.PostAsync("v1/completions", Json("""{"model":"tiny","prompt":"x"}"""), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
    }

    [Fact]
    public async Task Health_needs_no_key_and_tells_nothing()
    {
        client.DefaultRequestHeaders.Authorization = null;
        Assert.Equal("""{"status":"ok"}""", await client.GetStringAsync("health", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Speaks_nothing_older_than_TLS_1_3()
    {
        var at = new Uri(app.Address());
        using var socket = new global::System.Net.Sockets.TcpClient(at.Host, at.Port);
        await using var tls = new SslStream(socket.GetStream(), false, (_, presented, _, _) => presented is not null);
        var options = new SslClientAuthenticationOptions { TargetHost = at.Host, EnabledSslProtocols = SslProtocols.Tls12 };
        await Assert.ThrowsAnyAsync<Exception>(() => tls.AuthenticateAsClientAsync(options, TestContext.Current.CancellationToken));
    }

    private static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");

    private async Task<JsonNode> GetAsync(string path) => JsonNode.Parse(await client.GetStringAsync(path, TestContext.Current.CancellationToken))!;

    private async Task<JsonNode> PostAsync(string path, string body)
    {
        using var response = await client.PostAsync(path, Json(body), TestContext.Current.CancellationToken);
        var answer = await ReadAsync(response);
        Assert.True(response.IsSuccessStatusCode, answer.ToJsonString());
        return answer;
    }

    private async Task<List<string>> StreamAsync(string path, string body)
    {
        using var response = await client.PostAsync(path, Json(body), TestContext.Current.CancellationToken);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return [.. text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(line => line["data: ".Length..])];
    }

    private static async Task<JsonNode> ReadAsync(HttpResponseMessage response) =>
        JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
}
