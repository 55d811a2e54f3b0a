using System.Text.Json.Nodes;
using Strongroom.Attestation;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Cli.Approving;
using Strongroom.Cli;
using Strongroom.Cli.References;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.System.Tests.People;

/// <summary>What an approver is told of a machine that measures otherwise than the one that was approved last.</summary>
public sealed class WhatChangedTests : IAsyncLifetime
{
    private static readonly Dictionary<string, string> Old = new() { ["measured"] = "nothing" };
    private static readonly Dictionary<string, string> New = new() { ["measured"] = "nothing", ["microcode"] = "9" };

    private House house = null!;

    public async ValueTask InitializeAsync()
    {
        house = await House.BuildAsync();
        await house.FurnishAsync();
    }

    public ValueTask DisposeAsync() => house.DisposeAsync();

    [Fact]
    public async Task An_approver_is_told_each_claim_that_changed_since_the_last_approved_machine()
    {
        var first = await OpenAsync(Old);
        var (_, _, before) = await house.AsAsync("owner", "approve", first);
        Assert.Contains("According to the broker the model was never released before, nor anything on this machine; there is nothing to compare with", before, StringComparison.Ordinal);
        Assert.Contains("  measured nothing", before, StringComparison.Ordinal);

        await ReleaseAsync(first);
        var second = await OpenAsync(New);
        await AskAsync(second, New); // and the machine shows what it measures now
        var (asked, _, words) = await house.AsAsync("owner", "approve", second);
        Assert.Equal(1, asked); // nobody said yes: all of this stands before the question
        Assert.Contains("What changed since the last approved machine (machine-", words, StringComparison.Ordinal);
        Assert.Contains("  microcode: absent -> 9\n  1 other claims are the same", words, StringComparison.Ordinal);

        var changed = (await house.AsAsync(4, "guard", "request", "show", second))["changed"]!;
        Assert.Equal("""[{"claim":"microcode","after":"9"}]""", changed["claims"]!.ToJsonString());
        Assert.Equal(Measurement.Of("development", Old).ToString(), (string)changed["since"]!["measurement"]!);
        var (_, shown, _) = await house.AsAsync("guard", "request", "show", second);
        Assert.Contains("microcode: absent -> 9", shown, StringComparison.Ordinal);

        Assert.Contains("nothing: it measures the same", (await house.AsAsync("owner", "approve", await OpenAsync(Old))).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_approver_is_told_that_it_is_another_machine_although_it_measures_the_same()
    {
        await ReleaseAsync(await OpenAsync(Old));
        var known = (string)(await house.AsAsync(0, "olga", "machine", "list"))[0]!["machine"]!;
        var other = (string)(await house.AsAsync(0, "olga", "machine", "enrol", "--danger-development-evidence", "other.key", "--yes"))["subject"]!;
        var request = await OpenAsync(Old, other);
        var (_, _, words) = await house.AsAsync("owner", "approve", request);
        Assert.Contains($"  ANOTHER MACHINE: {other}, enrolled by person-", words, StringComparison.Ordinal);
        Assert.Contains("  what it measures is the same", words, StringComparison.Ordinal);
        Assert.DoesNotContain("nothing:", words, StringComparison.Ordinal);
        var changed = (await house.AsAsync(4, "guard", "request", "show", request))["changed"]!["machine_changed"]!;
        Assert.Equal((known, other), ((string)changed["before"]!, (string)changed["after"]!));

        var (_, machines, _) = await house.AsAsync("owner", "machine", "list", "--json");
        var told = JsonNode.Parse(machines)!.AsArray();
        told[1]!["index"] = (long)told[0]!["index"]!; // as if this one were enrolled where the known one was
        await using var liar = await LyingBroker.StartAsync(house, "/v1/machines", told.ToJsonString());
        var (code, _, error) = await house.AsAsync("liar", "approve", request, "--yes");
        Assert.Equal(1, code);
        Assert.Contains($"does not show where {other} was enrolled: sign nothing", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_chip_and_another_GPU_are_told()
    {
        var (chip, gpu) = (new string('1', 128), new string('a', 64));
        var before = Enrolled(new(chip, [gpu, new string('b', 64)]));
        Assert.Contains("  devices: 2 -> 1, 0 of them were not there before", new MachineChange(before, Enrolled(new(chip, [gpu]))).Words);
        Assert.Contains($"  the same processor: {chip}", new MachineChange(before, Enrolled(new(chip, [gpu]))).Words);
        var change = new MachineChange(before, Enrolled(new(new string('2', 128), [gpu, new string('c', 64)])));
        Assert.Contains($"  processor now    {new string('2', 128)}", change.Words);
        Assert.Contains("  devices: 2 -> 2, 1 of them were not there before", change.Words);
        Assert.Equal("""{"before":2,"after":2,"new":1}""", change.ToJson()["devices"]!.ToJsonString());

        static EnrolMachine Enrolled(MachineIdentity identity) =>
            new("house.test/ledger", Facts.Command.NewId(), "person-1", DateTimeOffset.UnixEpoch, identity.MachineId(), "sev-snp", identity.ToBytes(), [], 0);
    }

    [Fact]
    public void A_key_that_a_guest_got_is_a_release_to_compare_with()
    {
        var (at, measured) = (DateTimeOffset.UnixEpoch, Digest.Of("measured"u8));
        var asked = new GuestTranscript("house.test/ledger", new byte[32], at, "snp", null!, "machine-1", "request-1", Digest.Of("model"u8), Digest.Of("broker"u8));
        var given = new GuestDecided(at, Outcome.Allowed, asked, "storyteller", 1, Digest.Of("evidence"u8), 8, Measurement: measured, Grant: new("lease-1", [], "rule", 60, at, false));
        Assert.Equal(new Released(at, "request-1", "machine-1", "storyteller", 1, measured), Released.Of(given));
        Assert.Null(Released.Of(given with { Grant = null }));
    }

    [Fact]
    public async Task A_measurement_that_nobody_can_show_is_told_as_unknown()
    {
        await ReleaseAsync(await OpenAsync(Old));
        var request = await OpenAsync(New);
        var (_, _, words) = await house.AsAsync("owner", "approve", request);
        Assert.Contains($"UNKNOWN: nobody can show what the measurement {Measurement.Of("development", New)} stands for", words, StringComparison.Ordinal);
        Assert.DoesNotContain("measures the same", words, StringComparison.Ordinal);
        Assert.Equal(Measurement.Of("development", New).ToString(), (string)(await house.AsAsync(4, "guard", "request", "show", request))["changed"]!["unknown"]!);
    }

    [Fact]
    public async Task Shows_no_measurement_but_the_one_with_that_digest()
    {
        var request = await OpenAsync(Old);
        var harmless = global::System.Text.Encoding.UTF8.GetString(Measurement.From("development", New).ToBytes());
        await using var liar = await LyingBroker.StartAsync(house, $"/v1/measurements/{Measurement.Of("development", Old)}", harmless);
        foreach (var command in (string[][])[["approve", request, "--yes"], ["request", "show", request]])
        {
            var (code, _, error) = await house.AsAsync("liar", command);
            Assert.Equal(1, code);
            Assert.Contains("is something else: sign nothing", error, StringComparison.Ordinal);
        }
        Assert.Contains("You REFUSE", (await house.AsAsync("liar", "refuse", request)).Error, StringComparison.Ordinal); // a lie keeps nobody from saying no
    }

    [Theory]
    [InlineData("enrolment")]
    [InlineData("own release")]
    [InlineData("beyond")]
    public async Task Compares_with_nothing_but_a_release_on_record(string lie)
    {
        var first = await OpenAsync(Old);
        await ReleaseAsync(first);
        var request = lie == "own release" ? first : await OpenAsync(New);
        var (_, output, _) = await house.AsAsync("owner", "request", "show", request, "--json");
        var details = JsonNode.Parse(output)!;
        details.AsObject().Remove("changed"); // the client's own word, which no broker says
        details["last_release"] = lie switch
        {
            "enrolment" => (long)(await house.AsAsync(0, "owner", "machine", "list"))[0]!["index"]!,
            "own release" => (long)(await house.AsAsync(0, "owner", "lease", "list"))[0]!["index"]!,
            _ => 10_000,
        };
        await using var liar = await LyingBroker.StartAsync(house, $"/v1/requests/{request}", details.ToJsonString());
        var (code, _, error) = await house.AsAsync("liar", "approve", request, "--yes");
        Assert.Equal(1, code);
        Assert.Contains(lie == "beyond" ? "has no entry 10000" : "sign nothing", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reference_values_are_taken_from_a_machine_and_loosened_by_name()
    {
        await ReleaseAsync(await OpenAsync(Old));
        await AskAsync(await OpenAsync(New), New);
        await house.ChangeAsync("reference", "add", "laptop", "--machine", "machine-", "--minimum", "microcode");
        var set = await house.AsAsync(0, "ada", "reference", "show", "laptop");
        Assert.Equal((2, "development"), ((long)set["version"]!, (string)set["kind"]!));
        Assert.Equal("""{"measured":"nothing","microcode":"\u003E=9"}""", set["values"]!.ToJsonString());
        Assert.Equal("laptop", (string)Assert.Single((await house.AsAsync(0, "ada", "reference", "list")).AsArray())!["name"]!);

        var (misspelled, _, _) = await house.AsAsync("ada", "reference", "add", "laptop", "--machine", "machine-", "--any", "microcod", "--yes");
        Assert.Equal(64, misspelled);
        var (old, _, why) = await house.AsAsync("ada", "reference", "add", "laptop", "measured=nothing", "--kind", "development", "--version", "2", "--yes");
        Assert.Equal(1, old);
        Assert.Contains("the version of laptop must be higher than 2", why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reference_values_that_the_shell_lost_are_not_asked_for_a_signature()
    {
        var (code, _, error) = await house.AsAsync("ada", "reference", "add", "laboratory"); // $(strongroom machine measure) failed, and gave nothing
        Assert.Equal(64, code);
        Assert.Contains("no value of laboratory is given", Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_reference_values_are_taken_from_a_machine_that_proved_nothing()
    {
        var (code, _, error) = await house.AsAsync("ada", "reference", "add", "rack", "--machine", "machine-", "--yes");
        Assert.Equal(1, code);
        Assert.Contains("has not proved yet how it boots", error, StringComparison.Ordinal);
        Assert.Contains("its operator's word", (await house.AsAsync("ada", "machine", "show", "machine-")).Output, StringComparison.Ordinal);
        await AskAsync(await OpenAsync(New), New);
        var (_, machines, _) = await house.AsAsync("owner", "machine", "list", "--json");
        foreach (var lie in (string[])["machine", "index"])
        {
            var told = JsonNode.Parse(machines)!.AsArray();
            if (lie == "machine") told[0]!["machine"] = "machine-00000000000000000000000000000000";
            else told[0]!["proved"] = (long)told[0]!["index"]!;
            await using var liar = await LyingBroker.StartAsync(house, "/v1/machines", told.ToJsonString());
            var (refused, _, why) = await house.AsAsync("liar", "reference", "add", "rack", "--machine", "machine-", "--yes");
            Assert.Equal(1, refused);
            Assert.Contains("does not prove how machine-", why, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Who_approves_reference_values_is_told_what_differs_from_the_set_that_they_replace()
    {
        await house.ChangeAsync("reference", "add", "laptop", "measured=nothing", "image=1", "kernel=6", "--kind", "development");
        var proposed = (string)(await house.AsAsync(4, "ada", "reference", "add", "laptop", "measured=nothing", "image=2", "kernel=*", "--kind", "development", "--yes"))["subject"]!;
        var (_, _, words) = await house.AsAsync("ben", "approve", proposed);
        Assert.Contains("What changes against version 2 (ledger entry ", words, StringComparison.Ordinal);
        Assert.Contains("  image:\n    before 1\n    now    2\n  LOOSER kernel:\n    before 6\n    now    *\n  1 values are the same", words, StringComparison.Ordinal);
        var (_, sets, _) = await house.AsAsync("owner", "reference", "list", "--json");
        var told = JsonNode.Parse(sets)!.AsArray();
        told[0]!["proposed"] = (long)told[0]!["index"]!;
        await using var liar = await LyingBroker.StartAsync(house, "/v1/references", told.ToJsonString());
        var (code, _, error) = await house.AsAsync("liar", "approve", proposed, "--yes");
        Assert.Equal(1, code);
        Assert.Contains("was never put in force in the ledger: sign nothing", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_CoRIM_that_vouches_no_longer_is_told()
    {
        var values = new Dictionary<string, string> { ["vmpl"] = "0" };
        var before = new SetReference("images", "sev-snp", values, 1, new CorimSource(Digest.Of("file"u8), new byte[] { 1 }, new Dictionary<string, CorimTagVersion>()));
        Assert.Contains(SetBefore.Differences(before, new("images", "sev-snp", values, 2), 7), line => line.StartsWith("  LOOSER no CoRIM vouches for it any more", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("*", "any provider's key")]
    [InlineData("cloud", "the provider's (cloud) key")]
    [InlineData(null, null)]
    public void Whose_key_may_sign_reports_beside_the_chips_own_is_told(string? provider, string? told)
    {
        var values = new Dictionary<string, string> { ["vmpl"] = "0", ["signing_key"] = "*" };
        if (provider is not null) values["provider"] = provider;
        var said = InWords.Lent(new("images", "sev-snp", values, 1));
        Assert.Equal(told is not null, said.Any(line => line.Contains(told ?? "key", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("*")]
    [InlineData("good|bad")]
    [InlineData(">=5")]
    public void What_a_machine_measured_is_never_taken_for_a_pattern(string value) => Assert.Contains(
        "more than one value", Assert.Throws<RefusedException>(() => new ReferenceDraft("tpm").Take("tpm", [KeyValuePair.Create("pcr4", value)])).Message, StringComparison.Ordinal);

    private async Task<string> OpenAsync(Dictionary<string, string> claims, string? on = null)
    {
        var machine = on ?? (string)(await house.AsAsync(0, "olga", "machine", "list"))[0]!["machine"]!;
        var opened = await house.AsAsync(
            0, "olga", "request", "open", "storyteller", "--machine", machine, "--purpose", "inference", "--measurement", $"{Measurement.Of("development", claims)}", "--yes");
        return (string)opened["subject"]!;
    }

    private async Task ReleaseAsync(string request)
    {
        await house.AsAsync(0, "owner", "approve", request, "--yes");
        await house.AsAsync(0, "guard", "approve", request, "--yes");
        Assert.IsType<ReleaseReply.Granted>(await AskAsync(request, Old));
    }

    /// <summary>As an enclave asks on a machine that measures this.</summary>
    private async Task<ReleaseReply?> AskAsync(string request, Dictionary<string, string> claims)
    {
        using var machine = Ed25519PrivateKey.FromSeed(Convert.FromBase64String((await File.ReadAllTextAsync(house.At("machine.key"))).Trim()));
        using var enclave = HpkePrivateKey.Generate();
        using var http = await LyingBroker.HonestAsync(house);
        var broker = new BrokerClient(http);
        var profile = ClientProfile.Parse(await File.ReadAllBytesAsync(house.At("people/owner.json")));
        var publisher = Ed25519PublicKey.Parse((await File.ReadAllTextAsync(house.At("K.key.publisher.pub"))).Trim());
        var configuration = new Configuration(profile.LedgerKey.Name, $"{profile.LedgerKey}", [.. profile.Witnesses.Select(witness => $"{witness}")], profile.BrokerKey, [publisher]).Digest();
        var challenge = await broker.ChallengeAsync(new ChallengeRequest(request, enclave.PublicKey, "secret", configuration));
        var evidence = DevelopmentEvidence.Sign(machine, challenge.Transcript.Digest(), claims, [EnclaveStart.Of(enclave.PublicKey, configuration)]);
        try
        {
            return await broker.ReleaseAsync(new(challenge.Id, evidence));
        }
        catch (RefusedException)
        {
            return null; // a changed machine is refused, and what it measured is on record all the same
        }
    }
}
