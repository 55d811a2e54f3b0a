using System.Diagnostics;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json.Nodes;
using Strongroom.System.Tests.Sealing;

namespace Strongroom.System.Tests.People;

/// <summary>The README's walk as its readers walk it: every key under a passphrase, founders whose keys never meet, a person at a terminal.</summary>
public sealed class FoundingTests
{
    [Fact]
    public async Task Founders_whose_keys_never_meet_found_a_ledger_and_rule_it_under_passphrases()
    {
        await using var house = await FoundApartAsync();
        using (var early = house.Run("Broker", "--dir", "broker"))
        {
            await early.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(1, early.ExitCode);
            Assert.Contains("its founders have not signed yet", await early.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }
        var (ada, ben) = (await SignAsync(house, "ada"), await SignAsync(house, "ben"));
        await house.MustAsync(4, "init", "finish", "broker", "--signature", ada);
        await house.MustAsync(0, "init", "finish", "broker", "--signature", ben, "--signature", ada);
        await house.StartWitnessAsync();
        await house.StartBrokerAsync("--passphrase-file", "custody.pass");

        var (code, output, error) = await house.AsAsync("ada", "publisher", "add", "lab", "K.key.publisher.pub", "--yes", "--json", "--passphrase-file", "ada.pass");
        Assert.True(code == 4, error);
        var proposal = (string)JsonNode.Parse(output)!["subject"]!;
        Assert.Equal(1, (await house.AsAsync("ben", "approve", proposal, "--yes", "--passphrase-file", "ada.pass")).Code); // another's passphrase
        var said = await TypeAsync(house, ["approve", proposal, "--profile", "people/ben.json"], ("passphrase of", "ben knows"), ("Sign this?", "y"));
        Assert.Contains($"{proposal} is so now", said, StringComparison.Ordinal);
        Assert.DoesNotContain("ben knows", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_signature_of_a_stranger_or_of_another_founding_founds_nothing()
    {
        await using var house = await FoundApartAsync();
        var (ada, ben) = (await SignAsync(house, "ada"), await SignAsync(house, "ben"));
        await house.MustAsync(0, "person", "key", "people/mallory.key", "--danger-unprotected");
        await house.MustAsync(1, "init", "sign", "broker/founding.json", "people/mallory.key", "--yes");
        await house.MustAsync(1, "init", "finish", "broker", "--signature", ada, "--signature", ben, "--signature", Convert.ToBase64String(new byte[64]));

        var founding = await File.ReadAllTextAsync(house.At("broker/founding.json"));
        await File.WriteAllTextAsync(house.At("broker/founding.json"), founding.Replace("witness.test", "witness.evil", StringComparison.Ordinal));
        await house.MustAsync(1, "init", "finish", "broker", "--signature", ada, "--signature", ben);
        Assert.False(File.Exists(house.At("broker/genesis.json")));
        await house.MustAsync(64, "init", "other", "--ledger", "a.test/b", "--person", "ada=x", "--person", "ben", "--witness", "w", "--witness-url", "http://127.0.0.1:1");
    }

    [Fact]
    public async Task A_founding_from_which_the_other_founder_was_taken_founds_nothing()
    {
        await using var house = await FoundApartAsync();
        var founding = JsonNode.Parse(await File.ReadAllTextAsync(house.At("broker/founding.json")))!;
        founding["administrators"]!.AsArray().RemoveAt(1);
        await File.WriteAllTextAsync(house.At("broker/founding.json"), founding.ToJsonString(new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
        var (code, _, error) = await CliProcess.RunAsync(house.Directory, "init", "finish", "broker", "--signature", await SignAsync(house, "ada"));
        Assert.Equal(1, code);
        Assert.Contains("two administrators at least", error, StringComparison.Ordinal);
        Assert.False(File.Exists(house.At("broker/genesis.json")));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    public async Task A_passphrase_that_others_may_read_is_not_taken(UnixFileMode others)
    {
        await using var house = await FoundApartAsync();
        File.SetUnixFileMode(house.At("custody.pass"), UnixFileMode.UserRead | others);
        var (code, _, error) = await CliProcess.RunAsync(house.Directory, "verify", "sealed", "--custody", "file:K.key", "--decrypt", "--passphrase-file", "custody.pass");
        Assert.Equal(1, code);
        Assert.Contains("others may read or write", error, StringComparison.Ordinal);
    }

    /// <summary>Keys under passphrases, and a founding that nobody has signed yet.</summary>
    private static async Task<House> FoundApartAsync()
    {
        var house = House.Empty();
        foreach (var who in (string[])["custody", "ada", "ben"])
        {
            await File.WriteAllTextAsync(house.At($"{who}.pass"), $"{who} knows\n");
            File.SetUnixFileMode(house.At($"{who}.pass"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        Directory.CreateDirectory(house.At("model"));
        await File.WriteAllTextAsync(house.At("model/weights.bin"), "weights");
        await house.MustAsync(0, "key", "create", "K.key", "--passphrase-file", "custody.pass");
        await house.MustAsync(0, "seal", "model", "sealed", "--custody", "file:K.key", "--name", "storyteller", "--version", "1", "--passphrase-file", "custody.pass");
        var (ada, ben) = (await KeyAsync("ada"), await KeyAsync("ben"));
        await house.MustAsync(
            0, "init", "broker", "--ledger", "house.test/ledger", "--person", $"ada={ada}", "--person", $"ben={ben}", "--witness", await house.WitnessKeyAsync(),
            "--witness-url", house.WitnessUrl, "--listen", $"127.0.0.1:{House.FreePort()}", "--custody", "file:K.key");
        return house;

        async Task<string> KeyAsync(string who) =>
            (string)(await CliProcess.AnswerAsync(house.Directory, "person", "key", $"people/{who}.key", "--passphrase-file", $"{who}.pass"))["public_key"]!;
    }

    private static async Task<string> SignAsync(House house, string who) =>
        (string)(await CliProcess.AnswerAsync(house.Directory, "init", "sign", "broker/founding.json", $"people/{who}.key", "--yes", "--passphrase-file", $"{who}.pass"))["signature"]!;

    /// <summary>Somebody at a terminal of their own (script, of bsdutils): types each answer when its question stands there. Returns what the screen showed.</summary>
    private static async Task<string> TypeAsync(House house, string[] arguments, params (string Question, string Answer)[] typed)
    {
        var line = $"dotnet {Path.Combine(AppContext.BaseDirectory, "Strongroom.Cli.dll")} {string.Join(' ', arguments)}";
        using var terminal = Process.Start(new ProcessStartInfo("script", ["-qefc", line, "/dev/null"])
        {
            WorkingDirectory = house.Directory, RedirectStandardInput = true, RedirectStandardOutput = true,
        })!;
        var screen = new StringBuilder();
        var buffer = new char[1024];
        foreach (var (question, answer) in typed)
        {
            while (!screen.ToString().Contains(question, StringComparison.Ordinal)) await ReadAsync();
            await terminal.StandardInput.WriteAsync(answer + "\r");
            await terminal.StandardInput.FlushAsync();
        }
        screen.Append(await terminal.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
        await terminal.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(terminal.ExitCode == 0, screen.ToString());
        return screen.ToString();

        async Task ReadAsync()
        {
            var read = await terminal.StandardOutput.ReadAsync(buffer, TestContext.Current.CancellationToken);
            Assert.True(read > 0, $"the terminal closed: {screen}");
            screen.Append(buffer, 0, read);
        }
    }
}
