using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Strongroom.Crypto;

namespace Strongroom.Tests.Crypto;

/// <summary>Debian's python3-jwcrypto, which ./test installs: another implementation of JWE.</summary>
internal static class Jwcrypto
{
    private const string Program = "/usr/bin/python3";
    private const string Package = "/usr/lib/python3/dist-packages/jwcrypto";

    private const string Script = """
        import json, sys
        from jwcrypto import jwe, jwk
        for line in sys.stdin:
            asked = json.loads(line)
            token = jwe.JWE(algs=["RSA-OAEP-256", "ECDH-ES+A256KW", "A256GCM"])
            try:
                token.deserialize(json.dumps(asked["jwe"]), jwk.JWK(**asked["key"]))
                print(json.dumps({"content": token.payload.hex(), "resource": token.jose_header.get("resource")}))
            except Exception as e:
                print(json.dumps({"refused": str(e) or type(e).__name__}))
        """;

    /// <summary>What it makes of each message; content in hexadecimal, or why not.</summary>
    public static IReadOnlyList<JsonElement> Open(params IReadOnlyList<(GuestKey Key, Jwe Message)> messages)
    {
        if (!Directory.Exists(Package)) Assert.Skip("python3-jwcrypto is not here: ./test installs it");
        var start = new ProcessStartInfo(Program, ["-c", Script]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (said, wrong) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        foreach (var (key, message) in messages)
            process.StandardInput.WriteLine(new JsonObject { ["key"] = key.PrivateJwk(), ["jwe"] = JsonNode.Parse(Encoding.UTF8.GetString(message.ToBytes())) }.ToJsonString());
        process.StandardInput.Close();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, wrong.GetAwaiter().GetResult());
        return [.. said.GetAwaiter().GetResult().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line))];
    }
}
