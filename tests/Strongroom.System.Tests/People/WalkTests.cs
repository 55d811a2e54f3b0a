using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Ledger;

namespace Strongroom.System.Tests.People;

/// <summary>The walk of people, by nothing but the command line, against the programs as they ship.</summary>
public sealed class WalkTests
{
    [Fact]
    public async Task A_key_is_asked_for_by_one_person_and_approved_by_two_others()
    {
        await using var house = await House.BuildAsync();
        await house.FurnishAsync();
        var machine = (string)(await house.AsAsync(0, "olga", "machine", "list"))[0]!["machine"]!;

        var opened = await house.AsAsync(0, "olga", "request", "open", "storyteller", "--machine", machine, "--purpose", "inference", "--lease", "10m", "--yes");
        var request = (string)opened["subject"]!;
        Assert.Equal(["approval by 1 person of group owners", "approval by 1 person of group security"], opened["missing"]!.AsArray().Select(missing => (string)missing!));
        await house.AsAsync(4, "owner", "policy", "explain", request);

        var (own, _, why) = await house.AsAsync("olga", "approve", request, "--yes");
        Assert.Equal(1, own);
        Assert.Contains("nobody approves a request of their own", why, StringComparison.Ordinal);

        var (asked, _, words) = await house.AsAsync("owner", "approve", request);
        Assert.Equal(1, asked); // standard input is closed: nobody said yes
        Assert.Contains("for this purpose: inference", words, StringComparison.Ordinal);
        Assert.Contains("not signed", words, StringComparison.Ordinal);

        Assert.NotNull((await house.AsAsync(0, "owner", "approve", request, "--yes"))["missing"]);
        Assert.Equal(1, (await house.AsAsync("owner", "approve", request, "--yes")).Code);
        Assert.Null((await house.AsAsync(0, "guard", "approve", request, "--yes"))["missing"]);
        Assert.Equal("ready", (string)(await house.AsAsync(0, "guard", "request", "show", request))["status"]!);
        await house.AsAsync(0, "guard", "policy", "explain", request);

        await house.AsAsync(0, "olga", "revoke", request, "--reason", "a drill", "--yes");
        Assert.Equal("revoked", (string)(await house.AsAsync(1, "guard", "request", "show", request))["status"]!);
    }

    [Fact]
    public async Task One_administrator_changes_nothing_alone()
    {
        await using var house = await House.BuildAsync();
        var proposed = await house.AsAsync(4, "ada", "publisher", "add", "mallory", "K.key.publisher.pub", "--yes");
        var (code, _, error) = await house.AsAsync("ada", "approve", (string)proposed["subject"]!, "--yes");
        Assert.Equal(1, code);
        Assert.Contains("another person than its proposer", error, StringComparison.Ordinal);
        await house.AsAsync(0, "ben", "refuse", (string)proposed["subject"]!, "--yes");
        Assert.Empty((await house.AsAsync(0, "ada", "proposal", "list")).AsArray());
    }

    [Fact]
    public async Task Says_a_proposed_policy_back_to_the_person_who_is_to_sign_it()
    {
        await using var house = await House.BuildAsync();
        await house.FurnishAsync();
        var proposed = await house.AsAsync(4, "ada", "policy", "sign", "policy.yaml", "--yes");
        var (_, _, words) = await house.AsAsync("ben", "approve", (string)proposed["subject"]!);
        Assert.Contains("the key of model storyteller, newest version only, may be released for inference", words, StringComparison.Ordinal);
        Assert.Contains("WARNING: rule \"try it\": development evidence proves nothing", words, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Warns_proposer_and_approver_of_a_policy_that_the_people_enrolled_now_cannot_meet()
    {
        const string warning = "WARNING, by the people enrolled now: rule \"try it\": nobody can meet it: group security lacks";
        await using var house = await House.BuildAsync();
        await house.FurnishAsync();
        Assert.DoesNotContain("by the people enrolled now", (await house.AsAsync("ada", "policy", "sign", "policy.yaml")).Error, StringComparison.Ordinal);
        var guard = (await house.AsAsync(0, "ada", "person", "list")).AsArray().Single(person => person!["groups"]!.AsArray().Any(group => (string)group! == "security"))!;
        await house.AsAsync(0, "ada", "revoke", (string)guard["person"]!, "--reason", "left the house", "--yes"); // who has left is counted no more

        var (code, proposed, said) = await house.AsAsync("ada", "policy", "sign", "policy.yaml", "--yes", "--json");
        Assert.Equal(4, code);
        Assert.Contains(warning, said, StringComparison.Ordinal);
        Assert.Contains(warning, (await house.AsAsync("ben", "approve", (string)JsonNode.Parse(proposed)!["subject"]!)).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Talks_to_no_broker_but_the_pinned_one()
    {
        await using var house = await House.BuildAsync();
        var profile = JsonNode.Parse(await File.ReadAllTextAsync(house.At("people/ada.json")))!;
        profile["broker_key"] = Digest.Of("another"u8).ToString();
        await File.WriteAllTextAsync(house.At("people/mallory.json"), profile.ToJsonString());
        var (code, output, error) = await house.AsAsync("mallory", "person", "list");
        Assert.Equal(3, code);
        Assert.Empty(output);
        Assert.StartsWith("strongroom: the broker at", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Signs_nothing_that_was_not_shown()
    {
        await using var house = await House.BuildAsync();
        await house.FurnishAsync();
        var machine = (string)(await house.AsAsync(0, "olga", "machine", "list"))[0]!["machine"]!;
        var opened = await house.AsAsync(0, "olga", "request", "open", "storyteller", "--machine", machine, "--purpose", "inference", "--yes");
        var request = (string)opened["subject"]!;
        var details = await house.AsAsync(4, "owner", "request", "show", request);
        details.AsObject().Remove("changed"); // the client's own word, which no broker says
        details["command"]!["id"] = new string('0', 32); // another request under the name of the one that was asked for
        await using var liar = await LyingBroker.StartAsync(house, $"/v1/requests/{request}", details.ToJsonString());

        var (code, _, error) = await house.AsAsync("liar", "approve", request, "--yes");
        Assert.Equal(1, code);
        Assert.Contains($"the broker answered with another request than {request}", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("purpose")]
    [InlineData("index")]
    public async Task Signs_nothing_that_does_not_stand_in_the_witnessed_ledger(string lie)
    {
        await using var house = await House.BuildAsync();
        await house.FurnishAsync();
        var machine = (string)(await house.AsAsync(0, "olga", "machine", "list"))[0]!["machine"]!;
        var opened = await house.AsAsync(0, "olga", "request", "open", "storyteller", "--machine", machine, "--purpose", "inference", "--yes");
        var request = (string)opened["subject"]!;
        var details = await house.AsAsync(4, "owner", "request", "show", request);
        details.AsObject().Remove("changed");
        if (lie == "purpose") details["command"]!["purpose"] = "something harmless";
        else details["index"] = (long)details["index"]! - 1;
        await using var liar = await LyingBroker.StartAsync(house, $"/v1/requests/{request}", details.ToJsonString());

        var (code, _, error) = await house.AsAsync("liar", "approve", request, "--yes");
        Assert.Equal(1, code);
        Assert.Contains("what the broker shows is not what stands in the ledger", error, StringComparison.Ordinal);
    }

    /// <summary>The broker that each of these profiles leads to is honest, and the ledger is not the one that the person pinned.</summary>
    [Theory]
    [InlineData("ledger")]
    [InlineData("witnesses")]
    public async Task Signs_nothing_under_a_head_that_the_pinned_ledger_and_witness_did_not_sign(string pin)
    {
        await using var house = await House.BuildAsync();
        var proposal = (string)(await house.AsAsync(4, "ada", "publisher", "add", "later", "K.key.publisher.pub", "--yes"))["subject"]!;
        var profile = JsonNode.Parse(await File.ReadAllTextAsync(house.At("people/ben.json")))!;
        var name = pin == "ledger" ? (string)profile["ledger_key"]! : (string)profile["witnesses"]![0]!;
        using var stranger = Ed25519PrivateKey.FromSeed(Digest.Of("stranger"u8).Span);
        var other = $"{new VerifierKey(VerifierKey.Parse(name).Name, VerifierKey.Parse(name).Algorithm, stranger.PublicKey)}";
        if (pin == "ledger") profile["ledger_key"] = other;
        else profile["witnesses"]![0] = other;
        await File.WriteAllTextAsync(house.At("people/mallory.json"), profile.ToJsonString());
        var (code, _, error) = await house.AsAsync("mallory", "approve", proposal, "--yes");
        Assert.True(code == 1, error);
        Assert.DoesNotContain("Sign this?", error, StringComparison.Ordinal);
        Assert.Single((await house.AsAsync(0, "ada", "proposal", "list")).AsArray());
    }

    [Fact]
    public async Task Signs_nothing_that_an_old_head_does_not_hold()
    {
        await using var house = await House.BuildAsync();
        await house.FurnishAsync();
        using var http = await LyingBroker.HonestAsync(house);
        var old = await http.GetStringAsync(new Uri("checkpoint", UriKind.Relative), TestContext.Current.CancellationToken);
        var proposal = (string)(await house.AsAsync(4, "ada", "publisher", "add", "later", "K.key.publisher.pub", "--yes"))["subject"]!;
        await using var liar = await LyingBroker.StartAsync(house, "/checkpoint", old);
        var (code, _, error) = await house.AsAsync("liar", "approve", proposal, "--yes");
        Assert.True(code == 1, error);
        Assert.Contains("the witnessed ledger has no entry", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Signs_no_answer_to_a_proposal_in_other_words_than_the_ledgers()
    {
        await using var house = await House.BuildAsync();
        await house.FurnishAsync();
        await house.AsAsync(4, "ada", "publisher", "add", "later", "K.key.publisher.pub", "--yes");
        var shown = (await house.AsAsync(0, "ada", "proposal", "list")).AsArray();
        shown[0]!["command"]!["change"]!["name"] = "somebody-else";
        await using var liar = await LyingBroker.StartAsync(house, "/v1/proposals", shown.ToJsonString());
        foreach (var answer in (string[])["approve", "refuse"])
        {
            var (code, _, error) = await house.AsAsync("liar", answer, (string)shown[0]!["proposal"]!, "--yes");
            Assert.True(code == 1, error);
            Assert.Contains("what the broker shows is not what stands in the ledger", error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Signs_nothing_under_a_policy_that_was_never_in_force()
    {
        await using var house = await House.BuildAsync();
        await house.FurnishAsync();
        var machine = (string)(await house.AsAsync(0, "olga", "machine", "list"))[0]!["machine"]!;
        var request = (string)(await house.AsAsync(0, "olga", "request", "open", "storyteller", "--machine", machine, "--purpose", "inference", "--yes"))["subject"]!;
        using var http = await LyingBroker.HonestAsync(house);
        var policy = JsonNode.Parse(await http.GetStringAsync(new Uri("v1/policy", UriKind.Relative), TestContext.Current.CancellationToken))!;
        policy["policy"]!["rules"]![0]!["maximum_approval_seconds"] = 30 * 86_400;
        await using var liar = await LyingBroker.StartAsync(house, "/v1/policy", policy.ToJsonString());
        var (code, _, error) = await house.AsAsync("liar", "approve", request, "--yes");
        Assert.True(code == 1, error);
        Assert.Contains("the policy that the broker shows was never put in force", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restored_copy_that_is_behind_its_witness_does_not_start()
    {
        await using var house = await House.BuildAsync();
        await house.CopyAsync("backup", "broker", "copy");
        Assert.DoesNotContain("names.db", Directory.EnumerateFiles(house.At("copy")).Select(Path.GetFileName));
        await house.AsAsync(4, "ada", "publisher", "add", "later", "K.key.publisher.pub", "--yes");
        await house.StopBrokerAsync();
        await house.CopyAsync("restore", "copy", "restored");
        using var broker = house.Run("Broker", "--dir", "restored");
        await broker.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(71, broker.ExitCode);
        Assert.Contains("old copy", await broker.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Says_whose_fault_it_is_in_one_line()
    {
        await using var house = await House.FoundAsync();
        foreach (var (code, arguments) in (IEnumerable<(int, string[])>)[
            (66, ["person", "list", "--profile", "nowhere.json"]),
            (64, ["approve", "nonsense", "--profile", "people/ada.json"]),
            (64, ["request", "open", "storyteller", "--machine", "m", "--purpose", "p", "--lease", "soon"]),
            (64, ["init", "again", "--ledger", "a.test/b", "--person", "alone", "--witness", "w", "--witness-url", "http://127.0.0.1:1"]),
            (64, ["init", "broker", "--ledger", "a.test/b", "--person", "ada", "--person", "ben", "--witness", "w", "--witness-url", "http://127.0.0.1:1"]),
            (64, ["init", "again", "--ledger", "a.test/b", "--person", "ada", "--person", "ben", "--witness", "w", "--witness-url", "http://witness.test"]),
            (64, ["reference", "add", "laptop", "measured", "--profile", "people/ada.json"]),
            (64, ["machine", "measure", "--danger-development-evidence", "m.key", "--tpm", "device:/dev/tpmrm0"]),
            (64, ["machine", "measure", "--danger-development-evidence", "m.key", "--pcrs", "0,1"]),
            (64, ["machine", "enrol", "--danger-development-evidence", "m.key", "--intermediate", "a.pem", "--profile", "people/ada.json"]),
            (64, ["machine", "evidence", "--evidence", "tpm", "--out", "e.json"]),
            (64, ["machine", "evidence", "--out", "K.key"]),
            (2, ["machine", "evidence", "--nonce", "5a5a", "--out", "e.json"]),
            (66, ["policy", "check", "nowhere.yaml"]),
            (66, ["root", "add", "nowhere.pem", "--profile", "people/ada.json"]),
            (3, ["person", "list", "--profile", "people/ada.json"])])
        {
            var (exit, output, error) = await Sealing.CliProcess.RunAsync(house.Directory, arguments);
            Assert.True(code == exit, $"{string.Join(' ', arguments)} exited with {exit}: {error}");
            Assert.Empty(output);
            Assert.StartsWith("strongroom: ", error, StringComparison.Ordinal);
            Assert.Single(error.TrimEnd().Split('\n'));
        }
    }

    [Fact]
    public async Task Keeps_secrets_to_their_owner()
    {
        await using var house = await House.FoundAsync();
        const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
        foreach (var file in (string[])["broker/ledger.key", "broker/tls.key", "broker", "people", "people/ada.key"])
            Assert.Equal(default, File.GetUnixFileMode(house.At(file)) & Others);
    }
}
