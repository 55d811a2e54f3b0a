using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Ledger;
using Strongroom.Tests.Attestation;
using Strongroom.Tests.Facts;
using Strongroom.Tests.Ledger;

namespace Strongroom.System.Tests.Ledger;

/// <summary><c>strongroom ledger</c> on the copy of a ledger with people, a request and a grant, and on what an attacker makes of it.</summary>
public sealed class LedgerCommandTests : IAsyncLifetime
{
    private readonly string directory = Directory.CreateTempSubdirectory("strongroom-").FullName;
    private readonly NoteSigner signer = TestKeys.Signer(Town.Origin);
    private readonly MemoryWitness witness = new();
    private Town town = null!;

    private string[] Pins => ["--key", $"{signer.Verifier}", "--witness", $"{witness.Verifier}"];

    public async ValueTask InitializeAsync()
    {
        town = Town.Furnished();
        Assert.Equal(Outcome.Allowed, town.Ask(town.Approved(town.Owner1, town.Owner2)).Record.Outcome);
        await WriteCopyAsync(directory, witness);
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(directory, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Verify_accepts_a_ledger_as_it_was_written()
    {
        var (code, answer, _) = await RunAsync(["ledger", "verify", directory, .. Pins, "--json"]);
        Assert.Equal(0, code);
        var facts = JsonNode.Parse(answer)!;
        Assert.True((bool)facts["sound"]!);
        Assert.Equal(town.Entries.Count, (int)facts["size"]!);
        Assert.Equal(1, (int)facts["grants"]!);
        Assert.Equal(4, (int)facts["blobs"]!); // manifest and evidence, and what the machine measured, named by its enrolment and by the release
    }

    [Fact]
    public async Task Verify_without_a_witness_says_what_it_cannot_see()
    {
        var (code, _, error) = await RunAsync("ledger", "verify", directory, "--key", $"{signer.Verifier}");
        Assert.Equal(0, code);
        Assert.Contains("nothing shows that other readers see the same ledger", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("checkpoint")]
    [InlineData("tile/entries")]
    [InlineData("tile/0")]
    [InlineData("blob")]
    public async Task Verify_refuses_one_changed_bit(string where)
    {
        var file = Directory.GetFiles(directory, "*", SearchOption.AllDirectories).First(name => Path.GetRelativePath(directory, name).StartsWith(where, StringComparison.Ordinal));
        var bytes = await File.ReadAllBytesAsync(file);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);
        Assert.Equal(1, (await RunAsync(["ledger", "verify", directory, .. Pins])).Code);
    }

    /// <summary>Whoever holds the ledger's key and the witness's can make the hashes fit; what was decided still has to follow from the policy.</summary>
    [Fact]
    public async Task Verify_refuses_a_grant_that_the_policy_would_not_have_given()
    {
        var approval = town.Entries.FindLastIndex(entry => LedgerRecord.Parse(entry) is CommandRecord { Command: Approval });
        town.Entries.RemoveAt(approval);
        var forged = Directory.CreateTempSubdirectory("strongroom-").FullName;
        try
        {
            await WriteCopyAsync(forged, new MemoryWitness());
            var (code, _, error) = await RunAsync(["ledger", "verify", forged, .. Pins]);
            Assert.Equal(1, code);
            Assert.Contains($"entry {town.Entries.Count - 1}: the decision comes out otherwise", error, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(forged, recursive: true);
        }
    }

    [Fact]
    public async Task Verify_since_refuses_another_history()
    {
        var kept = Path.Combine(directory, "kept");
        await File.WriteAllTextAsync(kept, signer.Sign(new Checkpoint(Town.Origin, 3, Digest.Of([])).Text).ToString());
        var (code, _, error) = await RunAsync(["ledger", "verify", directory, .. Pins, "--since", kept]);
        Assert.Equal(1, code);
        Assert.Contains("history was rewritten", error, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync(["ledger", "verify", directory, .. Pins, "--since", Path.Combine(directory, "checkpoint")])).Code);
    }

    [Fact]
    public async Task Verify_says_whose_fault_it_is()
    {
        Assert.Equal(66, (await RunAsync(["ledger", "verify", Path.Combine(directory, "none"), .. Pins])).Code);
        Assert.Equal(64, (await RunAsync("ledger", "verify", directory)).Code);
        Assert.Equal(64, (await RunAsync("ledger", "verify", directory, "--key", "nonsense")).Code);
        Assert.Equal(3, (await RunAsync(["ledger", "verify", "http://127.0.0.1:1", .. Pins])).Code);
        Assert.Equal(1, (await RunAsync("ledger", "verify", directory, "--key", $"{TestKeys.Signer("example.com/other").Verifier}")).Code);
    }

    [Fact]
    public async Task Prove_prints_a_proof_that_convinces_a_stranger()
    {
        var (code, proof, _) = await RunAsync(["ledger", "prove", "5", "--ledger", directory, .. Pins]);
        Assert.Equal(0, code);
        Assert.Equal(5, LedgerReceipt.Check(town.Entries[5], proof, new(Town.Origin, signer.Verifier, [witness.Verifier])).Index);
        Assert.Equal(64, (await RunAsync("ledger", "prove", $"{town.Entries.Count}", "--ledger", directory)).Code);
    }

    [Fact]
    public async Task Show_prints_a_proved_entry()
    {
        var (code, entry, _) = await RunAsync(["ledger", "show", "0", "--ledger", directory, .. Pins]);
        Assert.Equal(0, code);
        Assert.Equal(Town.Text(town.Entries[0]) + "\n", entry);
        Assert.Equal(await File.ReadAllTextAsync(Path.Combine(directory, "checkpoint")), (await RunAsync("ledger", "show", "--ledger", directory)).Output);
    }

    [Fact]
    public async Task Replay_says_what_another_policy_would_have_decided()
    {
        var stricter = Path.Combine(directory, "stricter.json");
        await File.WriteAllBytesAsync(stricter, Town.Policy(owners: 3).Canonical.ToArray());
        var (code, answer, error) = await RunAsync(["ledger", "replay", directory, .. Pins, "--policy", stricter, "--json"]);
        Assert.True(code == 0, error);
        Assert.Equal("pending", (string?)Assert.Single(JsonNode.Parse(answer)!["differences"]!.AsArray())!["would"]);
    }

    [Fact]
    public async Task A_copy_taken_from_a_server_verifies()
    {
        await EnrolTpmAsync();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        await using var server = builder.Build();
        server.Urls.Add("http://127.0.0.1:0");
        server.MapGet("/{**path}", (string path) =>
            File.Exists(Path.Combine(directory, path)) ? Results.Bytes(File.ReadAllBytes(Path.Combine(directory, path))) : Results.NotFound());
        await server.StartAsync();
        var copy = directory + "-copy";
        try
        {
            Assert.Equal(0, (await RunAsync("ledger", "copy", server.Urls.Single(), copy)).Code);
            Assert.Equal(5, Directory.GetFiles(Path.Combine(copy, "blob")).Length); // manifest, evidence of the release and what it measured, two certificates of the TPM
            var (verified, _, error) = await RunAsync(["ledger", "verify", copy, .. Pins]);
            Assert.True(verified == 0, error);
            Assert.Equal(0, (await RunAsync(["ledger", "verify", server.Urls.Single(), .. Pins])).Code);
            Assert.Equal(64, (await RunAsync("ledger", "copy", server.Urls.Single(), copy)).Code);
        }
        finally
        {
            Directory.Delete(copy, recursive: true);
        }
    }

    /// <summary>One more machine, whose record refers to certificates beside the ledger.</summary>
    private async Task EnrolTpmAsync()
    {
        using var tpm = new TestTpm();
        using var maker = new TestMaker();
        using var endorsement = RSA.Create(2048);
        town.Now = TestTpm.Now;
        town.Agree(new AddRoot("tpm-ek", maker.Root));
        town.Write(town.EnrolTpm(tpm, maker.Certify(endorsement), maker.Intermediate));
        Directory.Delete(directory, recursive: true);
        await WriteCopyAsync(directory, new MemoryWitness());
    }

    private async Task WriteCopyAsync(string to, MemoryWitness by)
    {
        await using var ledger = new MemoryLedger(signer, [by.Client()]);
        await ledger.OpenAsync();
        foreach (var entry in town.Entries) await ledger.AppendAsync(entry, []);
        foreach (var tile in TilePath.Of(ledger.Size)) await WriteAsync(tile.ToString(), (await ledger.ReadTileAsync(tile))!);
        foreach (var (digest, blob) in town.Blobs) await WriteAsync($"blob/{digest}", blob.ToArray());
        await WriteAsync("checkpoint", global::System.Text.Encoding.UTF8.GetBytes(ledger.Checkpoint.Note.ToString()));

        async Task WriteAsync(string path, byte[] bytes)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(to, path))!);
            await File.WriteAllBytesAsync(Path.Combine(to, path), bytes);
        }
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Strongroom.Cli.dll"), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }
}
