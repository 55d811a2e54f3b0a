using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.System.Tests.Sealing;
using Strongroom.Tests.Attestation;

namespace Strongroom.System.Tests.Evidence;

/// <summary>Results as tokens, as a script sees them.</summary>
public sealed class EvidenceTokenTests : IDisposable
{
    private const UnixFileMode Mine = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static readonly string Nonce = TestTpm.Transcript.ToString();

    private readonly string directory = Directory.CreateTempSubdirectory("strongroom-token-").FullName;
    private readonly TestTpm tpm = new();

    public EvidenceTokenTests()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        File.WriteAllBytes(At("evidence"), TestAttestation.Write(tpm.Key, tpm.Evidence()));
        File.WriteAllText(At("policy.yaml"), $"attestation_keys:\n  - {Convert.ToHexStringLower(tpm.Key.Name())}\n");
        File.WriteAllText(At("key.pem"), key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(At("public.pem"), key.ExportSubjectPublicKeyInfoPem());
        File.SetUnixFileMode(At("key.pem"), Mine);
        File.SetUnixFileMode(At("public.pem"), Mine);
    }

    public void Dispose()
    {
        tpm.Dispose();
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task A_result_becomes_a_token_that_says_no_more_than_it_does()
    {
        Assert.Equal(0, (await VerifyAsync("key.pem")).Code);
        File.WriteAllText(At("keys.json"), (await CliProcess.RunAsync(directory, "evidence", "token-keys", "key.pem")).Output);
        Assert.Equal(Mine, File.GetUnixFileMode(At("token")));

        // the policy asks for no reference value, so nobody looked at what runs there
        var (code, output, error) = await CheckAsync("--audience", "vault");
        Assert.True(code == 1, output + error);
        var failed = JsonNode.Parse(output)!["checks"]!.AsArray().Where(check => (string)check!["result"]! == "failed").Select(check => (string)check!["id"]!);
        Assert.Equal(["ear.12.tpm", "ear.13.tpm"], failed);

        (_, output, _) = await CheckAsync("--audience", "somebody");
        Assert.Contains("\"ear.7\"", output, StringComparison.Ordinal);
        (_, output, _) = await CheckAsync("--absent", "audience", "--needed-claim", "hardware");
        Assert.Contains("\"ear.7\"", output, StringComparison.Ordinal);
        Assert.DoesNotContain(JsonNode.Parse(output)!["checks"]!.AsArray(), check => (string)check!["id"]! == "ear.13.tpm" && (string)check["result"]! == "failed");
        Assert.Equal(64, (await CheckAsync()).Code);
        Assert.Equal(64, (await CheckAsync("--audience", "vault", "--absent", "audience")).Code);
        Assert.Equal(64, (await CheckAsync("--audience", "vault", "--needed-claim", "virtue")).Code);
        Assert.Equal(64, (await CliProcess.RunAsync(directory, "evidence", "token", "token", "--issuer", "house", "--audience", "vault")).Code);
        Assert.Equal(2, (await CliProcess.RunAsync(directory, "evidence", "token", "evidence", "--jwks", "keys.json", "--issuer", "house", "--audience", "vault")).Code);
    }

    [Fact]
    public async Task A_result_that_looked_at_everything_becomes_a_token_that_affirms_it()
    {
        var policy = $$"""{"attestation_keys":["{{Convert.ToHexStringLower(tpm.Key.Name())}}"],"reference_values":{"0":"{{tpm.Values()[0]}}"} }""";
        File.WriteAllText(At("policy.yaml"), policy);
        Assert.Equal(0, (await VerifyAsync("key.pem")).Code);
        File.WriteAllText(At("keys.json"), (await CliProcess.RunAsync(directory, "evidence", "token-keys", "key.pem")).Output);
        var (code, output, error) = await CheckAsync("--audience", "vault", "--submodule", "tpm", "--policy-id", Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(policy))));
        Assert.True(code == 0, output + error);
    }

    [Fact]
    public async Task A_key_that_others_may_read_signs_nothing()
    {
        File.SetUnixFileMode(At("key.pem"), Mine | UnixFileMode.GroupRead);
        var (code, _, error) = await VerifyAsync("key.pem");
        Assert.Equal((1, false), (code, File.Exists(At("token"))));
        Assert.Contains("others may read", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_public_key_or_a_policy_is_no_signing_key()
    {
        Assert.Equal(2, (await VerifyAsync("public.pem")).Code);
        File.SetUnixFileMode(At("policy.yaml"), Mine);
        Assert.Equal(2, (await VerifyAsync("policy.yaml")).Code);
    }

    private Task<(int Code, string Output, string Error)> VerifyAsync(string key) => CliProcess.RunAsync(directory,
        "evidence", "verify", "--kind", "tpm", "--evidence", "evidence", "--policy", "policy.yaml", "--nonce", Nonce, "--at", "2027-01-15T08:00:00Z",
        "--ear", "token", "--ear-key", key, "--ear-issuer", "house", "--ear-audience", "vault", "--ear-nonce", Nonce);

    private Task<(int Code, string Output, string Error)> CheckAsync(params string[] more) => CliProcess.RunAsync(directory,
        ["evidence", "token", "token", "--jwks", "keys.json", "--issuer", "house", "--nonce", Nonce, "--at", "2027-01-15T08:01:00Z", "--json", .. more]);

    private string At(string name) => Path.Combine(directory, name);
}
