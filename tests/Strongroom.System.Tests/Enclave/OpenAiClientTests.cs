using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Strongroom.System.Tests.Enclave;

/// <summary>The client library that most users have (npm `openai`), unchanged, against the built enclave.</summary>
public sealed class OpenAiClientTests
{
    private const string Package = "openai@6.49.0";

    private const string Script = """
        import OpenAI from "openai";
        const client = new OpenAI({ baseURL: process.env.GATEWAY + "/v1", apiKey: process.env.KEY, maxRetries: 0 });
        const named = async (call) => { try { await call; return "none"; } catch (e) { return `${e.constructor.name} ${e.status} ${e.code}`; } };
        const messages = [{ role: "user", content: "Hello" }];
        const chat = await client.chat.completions.create({ model: "tiny", messages, max_tokens: 6, temperature: 0 });
        let streamed = "", usage = null;
        for await (const chunk of await client.chat.completions.create({ model: "tiny", messages, max_tokens: 6, temperature: 0, stream: true, stream_options: { include_usage: true } })) {
          streamed += chunk.choices[0]?.delta?.content ?? "";
          usage = chunk.usage ?? usage;
        }
        const text = await client.completions.create({ model: "tiny", prompt: "Once", max_tokens: 3 });
        console.log(JSON.stringify({
          models: (await client.models.list()).data.map((model) => model.id),
          chat: chat.choices[0].message.content, streamed, usage: usage.total_tokens === chat.usage.total_tokens, text: typeof text.choices[0].text,
          stranger: await named(new OpenAI({ baseURL: process.env.GATEWAY + "/v1", apiKey: "other", maxRetries: 0 }).models.list()),
          model: await named(client.completions.create({ model: "other", prompt: "x" })),
          range: await named(client.completions.create({ model: "tiny", prompt: "x", temperature: 9 })),
        }));
        """;

    [Fact]
    public async Task The_usual_client_works_unchanged()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        var directory = Path.Combine(setup.Directory, "client");
        Directory.CreateDirectory(directory);
        await File.WriteAllTextAsync(Path.Combine(directory, "ask.mjs"), Script, TestContext.Current.CancellationToken);
        if (await RunAsync("npm", directory, [], "install", "--no-audit", "--no-fund", "--ignore-scripts", Package) is null) Assert.Skip($"npm cannot install {Package} here");
        using var enclave = setup.Run();
        var address = (string)(await enclave.ExpectAsync("ready"))["address"]!;
        (string, string)[] environment = [("GATEWAY", address), ("KEY", EnclaveSetup.ClientKey), ("NODE_EXTRA_CA_CERTS", Path.Combine(setup.State, "enclave.crt"))];
        var said = JsonNode.Parse(await RunAsync("node", directory, environment, "ask.mjs") ?? throw new InvalidOperationException("the client failed"))!;
        Assert.Equal("tiny", (string?)said["models"]![0]);
        Assert.Equal((string?)said["chat"], (string?)said["streamed"]);
        Assert.True((bool)said["usage"]!);
        Assert.Equal("string", (string?)said["text"]);
        Assert.Equal("AuthenticationError 401 invalid_api_key", (string?)said["stranger"]);
        Assert.Equal("NotFoundError 404 model_not_found", (string?)said["model"]);
        Assert.Equal("BadRequestError 400 invalid_value", (string?)said["range"]);
    }

    /// <summary>Standard output, or null where the program is missing or failed.</summary>
    private static async Task<string?> RunAsync(string program, string directory, (string Name, string Value)[] environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = directory, RedirectStandardOutput = true };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        try
        {
            using var process = Process.Start(start)!;
            var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return process.ExitCode == 0 ? output : null;
        }
        catch (global::System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
