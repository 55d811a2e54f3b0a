using System.Security.Cryptography;
using Strongroom.Attestation.Composite;
using Strongroom.System.Tests.Sealing;
using Strongroom.Tests.Attestation;

namespace Strongroom.System.Tests.Evidence;

/// <summary><c>strongroom evidence</c> and <c>strongroom endorsements</c> as a script sees them.</summary>
public sealed class EvidenceCommandTests : IDisposable
{
    private static readonly string Nonce = TestTpm.Transcript.ToString();

    private readonly string directory = Directory.CreateTempSubdirectory("strongroom-evidence-").FullName;
    private readonly TestTpm tpm = new();

    public EvidenceCommandTests()
    {
        File.WriteAllBytes(At("evidence"), TestAttestation.Write(tpm.Key, tpm.Evidence()));
        File.WriteAllText(At("policy.yaml"), $"attestation_keys:\n  - {Convert.ToHexStringLower(tpm.Key.Name())}\n");
    }

    public void Dispose()
    {
        tpm.Dispose();
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task Evidence_that_is_right_exits_0_and_says_each_check_in_the_documented_form()
    {
        var result = await CliProcess.AnswerAsync(directory, "evidence", "verify", "--kind", "tpm", "--evidence", "evidence", "--policy", "policy.yaml", "--nonce", Nonce, "--at", "2027-01-15T08:00:00Z");
        Assert.Equal(["kind", "verdict", "at", "checks", "claims", "endorsements", "missing", "not_checked"], result.AsObject().Select(member => member.Key));
        Assert.Equal(("tpm", "verified", "2027-01-15T08:00:00Z"), ((string)result["kind"]!, (string)result["verdict"]!, (string)result["at"]!));
        Assert.All(result["checks"]!.AsArray(), check =>
        {
            Assert.Equal(["id", "what", "result", "detail"], check!.AsObject().Select(member => member.Key));
            Assert.Equal("passed", (string)check["id"]! == "tpm.14" ? "passed" : (string)check["result"]!);
        });
        Assert.Equal(7, (long)result["claims"]!["reset_count"]!);
        Assert.NotEmpty(result["not_checked"]!.AsArray());
    }

    [Fact]
    public async Task Each_failure_has_its_exit_code()
    {
        await ExitsAsync(1, "FAILED   tpm.6", "verify", "--kind", "tpm", "--evidence", "evidence", "--policy", "policy.yaml", "--nonce", "00");
        await ExitsAsync(1, "FAILED   tpm.1", "verify", "--kind", "tpm", "--evidence", "evidence", "--nonce", Nonce);
        File.WriteAllText(At("roots.yaml"), $"root_keys: [{Convert.ToHexStringLower(SHA256.HashData("a CA"u8))}]\n");
        await ExitsAsync(3, "missing: tpm.1", "verify", "--kind", "tpm", "--evidence", "evidence", "--policy", "roots.yaml", "--nonce", Nonce);
        File.WriteAllText(At("garbage"), "garbage");
        await ExitsAsync(2, "looks like no evidence", "verify", "--kind", "auto", "--evidence", "garbage", "--nonce", Nonce);
        await ExitsAsync(2, "attestation_key", "verify", "--kind", "tpm", "--evidence", "evidence", "--nonce", Nonce, "--policy", Write("typo.yaml", "attestation_key: []\n"));
        await ExitsAsync(64, "--danger-without binding", "verify", "--kind", "tpm", "--evidence", "evidence", "--policy", "policy.yaml");
        await ExitsAsync(64, "not everything", "verify", "--kind", "tpm", "--evidence", "evidence", "--danger-without", "everything");
        await ExitsAsync(64, "2026-01-31T23:59:59Z", "verify", "--kind", "tpm", "--evidence", "evidence", "--nonce", Nonce, "--at", "yesterday");
        await ExitsAsync(64, "there is no kind", "verify", "--kind", "abacus", "--evidence", "evidence", "--nonce", Nonce);
        await ExitsAsync(64, "is empty", "verify", "--kind", "tpm", "--evidence", "evidence", "--nonce", "");
        await ExitsAsync(64, "looked at by nobody", "verify", "--kind", "tpm", "--evidence", "evidence", "--nonce", Nonce, "--danger-without", "binding");
        await ExitsAsync(64, "--kind", "verify", "--evidence", "evidence", "--nonce", Nonce);
        await ExitsAsync(66, "there is no file", "verify", "--kind", "tpm", "--evidence", "nowhere", "--nonce", Nonce);
    }

    [Fact]
    public async Task A_group_is_left_out_by_name_and_stands_as_not_checked()
    {
        var result = await CliProcess.AnswerAsync(directory, "evidence", "verify", "--kind", "tpm", "--evidence", "evidence", "--policy", "policy.yaml", "--danger-without", "binding");
        Assert.Contains("binding: left out by name", result["not_checked"]!.AsArray().Select(line => (string)line!));
        Assert.Equal("skipped-by-policy", (string)result["checks"]!.AsArray().Single(check => (string)check!["id"]! == "tpm.6")!["result"]!);
    }

    [Fact]
    public async Task The_strict_policy_is_printed_as_one_that_can_be_given_back()
    {
        var (code, yaml, _) = await CliProcess.RunAsync(directory, "evidence", "verify", "--kind", "tpm", "--show-policy");
        Assert.Equal(0, code);
        await ExitsAsync(1, "FAILED   tpm.1", "verify", "--kind", "tpm", "--evidence", "evidence", "--nonce", Nonce, "--policy", Write("strict.yaml", yaml));
    }

    [Fact]
    public async Task Show_fits_a_terminal_and_names_what_is_dangerous()
    {
        File.WriteAllBytes(At("unbound"), TestAttestation.Write(tpm.Key, tpm.Evidence(quote => quote with { ExtraData = default })));
        var (code, text, _) = await CliProcess.RunAsync(directory, "evidence", "show", "unbound");
        Assert.Equal(0, code);
        Assert.Contains("DANGER: What the asker wanted quoted", text, StringComparison.Ordinal);
        Assert.All(text.Split('\n'), line => Assert.True(line.Length <= 100, line));
    }

    [Fact]
    public async Task Diff_says_what_changed_and_what_would_notice()
    {
        File.WriteAllBytes(At("slept"), TestAttestation.Write(tpm.Key, tpm.Evidence(quote => quote with { RestartCount = 2 })));
        var changes = (await CliProcess.AnswerAsync(directory, "evidence", "diff", "evidence", "slept"))["changes"]!.AsArray();
        Assert.Equal(["restartCount", "signature"], changes.Select(each => (string)each!["name"]!));
        var change = changes[0]!;
        Assert.Equal(("restartCount", "0", "2", "allow_restarts"), ((string)change["name"]!, (string)change["before"]!, (string)change["after"]!, (string)change["noticed_by"]!));
        var (_, none, _) = await CliProcess.RunAsync(directory, "evidence", "diff", "evidence", "evidence");
        Assert.Equal("the same, byte for byte\n", none);
    }

    [Fact]
    public async Task A_whole_machine_is_recognised_verified_shown_and_compared_part_by_part()
    {
        File.WriteAllBytes(At("machine"), Machine(0x11));
        File.WriteAllBytes(At("changed"), Machine(0x22));
        await ExitsAsync(1, "FAILED   composite.2.bound", "verify", "--kind", "composite", "--evidence", "machine", "--nonce", Nonce);
        await ExitsAsync(1, "FAILED   cpu.snp.1.signature", "verify", "--kind", "auto", "--evidence", "machine", "--nonce", Nonce);
        await ExitsAsync(1, "FAILED   composite.5.gpus", "verify", "--kind", "composite", "--evidence", "machine", "--nonce", Nonce, "--policy", Write("machine.yaml", "gpus: 1\ncpu:\n  vmpl: 0\n"));
        await ExitsAsync(2, "abacus", "verify", "--kind", "composite", "--evidence", "machine", "--nonce", Nonce, "--policy", Write("unknown.yaml", "abacus: 1\n"));
        await ExitsAsync(2, "", "verify", "--kind", "composite", "--evidence", "evidence", "--nonce", Nonce);
        await ExitsAsync(0, "cpu sev-snp", "show", "machine");
        var change = Assert.Single((await CliProcess.AnswerAsync(directory, "evidence", "diff", "machine", "changed"))["changes"]!.AsArray())!;
        Assert.Equal(("cpu: MEASUREMENT", "cpu.measurements"), ((string)change["name"]!, (string)change["noticed_by"]!));
        var (code, yaml, _) = await CliProcess.RunAsync(directory, "evidence", "verify", "--kind", "composite", "--show-policy");
        Assert.Equal(0, code);
        await ExitsAsync(1, "FAILED   composite.2.bound", "verify", "--kind", "composite", "--evidence", "machine", "--nonce", Nonce, "--policy", Write("given-back.yaml", yaml));
    }

    /// <summary>A report that nobody signed, alone in its machine.</summary>
    private static byte[] Machine(byte measured)
    {
        var report = new byte[0x4A0];
        (report[0], report[0x34]) = (3, 1);
        report.AsSpan(0x090, 48).Fill(measured);
        return new CompositeEvidence(new(report, "sev-snp"), []).ToBytes();
    }

    [Fact]
    public async Task A_bundle_crosses_an_air_gap_and_is_read_with_its_collectors_key_only()
    {
        using var maker = new TestMaker();
        Directory.CreateDirectory(At("collected"));
        File.WriteAllBytes(At("collected/root.cer"), maker.Root);
        foreach (var key in (string[])["K.key", "Other.key"]) await CliProcess.AnswerAsync(directory, "key", "create", key, "--danger-unprotected");
        await CliProcess.AnswerAsync(directory, "endorsements", "export", "collected", "bundle", "--key", "K.key.publisher");

        var (unpinned, _, which) = await CliProcess.RunAsync(directory, "endorsements", "list", "bundle");
        Assert.Equal((64, true), (unpinned, which.Contains("--collector", StringComparison.Ordinal)));
        Assert.Equal(1, (await CliProcess.RunAsync(directory, "endorsements", "list", "bundle", "--collector", "Other.key.publisher.pub")).Code);
        var listed = await CliProcess.AnswerAsync(directory, "endorsements", "list", "bundle", "--collector", "K.key.publisher.pub");
        Assert.Equal("CN=Test maker root", (string)Assert.Single(listed["endorsements"]!.AsArray())!["what"]!);

        var verify = (string[])["evidence", "verify", "--kind", "tpm", "--evidence", "evidence", "--policy", "policy.yaml", "--nonce", Nonce, "--endorsements", "bundle"];
        Assert.Equal(64, (await CliProcess.RunAsync(directory, verify)).Code);
        Assert.Equal(0, (await CliProcess.RunAsync(directory, [.. verify, "--collector", "K.key.publisher.pub"])).Code);
        await CliProcess.AnswerAsync(directory, "endorsements", "import", "bundle", "unpacked", "--collector", "K.key.publisher.pub");
        Assert.Equal(maker.Root, File.ReadAllBytes(At("unpacked/root.cer")));
        Assert.Equal(64, (await CliProcess.RunAsync(directory, "endorsements", "import", "bundle", "unpacked", "--collector", "K.key.publisher.pub")).Code);
    }

    private async Task ExitsAsync(int code, string says, params string[] arguments)
    {
        var (found, output, error) = await CliProcess.RunAsync(directory, ["evidence", .. arguments]);
        Assert.True(found == code, $"{string.Join(' ', arguments)}: exit code {found}, not {code}: {output}{error}");
        Assert.Contains(says, output + error, StringComparison.Ordinal);
    }

    private string Write(string name, string text)
    {
        File.WriteAllText(At(name), text);
        return name;
    }

    private string At(string name) => Path.Combine(directory, name);
}
