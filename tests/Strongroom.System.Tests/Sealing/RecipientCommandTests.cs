using System.Text;
using Strongroom.Bytes;
using Strongroom.Cli.Sealing;
using Strongroom.Crypto;
using Strongroom.Keys;
using Strongroom.Sealing;

namespace Strongroom.System.Tests.Sealing;

/// <summary><c>strongroom recipient</c>: one more holder, and nothing else changed; and what somebody would make of the file that names them.</summary>
public sealed class RecipientCommandTests : IAsyncLifetime
{
    private readonly string directory = Directory.CreateTempSubdirectory("strongroom-recipients-").FullName;

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(At("model"));
        File.WriteAllText(At("model/weights.bin"), "weights");
        foreach (var key in (string[])["K.key", "Other.key"]) await CliProcess.AnswerAsync(directory, "key", "create", key, "--danger-unprotected");
        await SealAsync("sealed", "tale");
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(directory, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_new_holder_opens_the_model_whose_digest_is_what_it_was()
    {
        var (before, manifest) = ((string)(await CliProcess.AnswerAsync(directory, "inspect", "sealed"))["model_digest"]!, File.ReadAllBytes(At("sealed/manifest.json")));
        var hpke = (string)(await CliProcess.AnswerAsync(directory, "key", "create", "R.key", "--hpke", "p256", "--danger-unprotected"))["recipient"]!;
        var mode = File.GetUnixFileMode(At("sealed/recipients.json"));
        Assert.Equal(before, (string)(await CliProcess.AnswerAsync(directory, "recipient", "add", "sealed", hpke, "--custody", "file:K.key"))["model_digest"]!);
        await CliProcess.AnswerAsync(directory, "recipient", "add", "sealed", "file:Other.key", "--identity", "R.key"); // who was added can add
        Assert.Equal((mode, manifest), (File.GetUnixFileMode(At("sealed/recipients.json")), File.ReadAllBytes(At("sealed/manifest.json"))), SameBytes);

        var listed = await CliProcess.AnswerAsync(directory, "recipient", "list", "sealed", "--custody", "file:Other.key");
        Assert.True((bool)listed["authenticated"]!);
        Assert.Equal(3, listed["recipients"]!.AsArray().Count);
        Assert.Contains(hpke, listed["recipients"]!.AsArray().Select(each => (string)each!));
        Assert.False((bool)(await CliProcess.AnswerAsync(directory, "recipient", "list", "sealed"))["authenticated"]!);

        string[][] holders = [["--custody", "file:K.key"], ["--custody", "file:Other.key"], ["--identity", "R.key"]];
        foreach (var (holder, i) in holders.Select((holder, i) => (holder, i)))
        {
            await CliProcess.AnswerAsync(directory, ["open", "sealed", $"out{i}", "--publisher", "K.key.publisher.pub", .. holder]);
            Assert.Equal("weights", File.ReadAllText(At($"out{i}/weights.bin")));
        }
        await FailsAsync(64, "is sealed to", "recipient", "add", "sealed", hpke, "--custody", "file:K.key");
    }

    [Fact]
    public async Task Recipients_of_another_model_and_changed_ones_are_refused_and_stay_as_they_are()
    {
        await SealAsync("foreign", "another-tale");
        var own = File.ReadAllBytes(At("sealed/recipients.json"));
        await RefusesAsync(File.ReadAllBytes(At("foreign/recipients.json")), "belongs to another model");
        await RefusesAsync(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(own).Replace("\"mac\":\"", "\"mac\":\"AA", StringComparison.Ordinal)), "recipients.json was changed");
        File.WriteAllBytes(At("sealed/recipients.json"), own);
        await FailsAsync(1, "not sealed to the custody key", "recipient", "add", "sealed", "file:K.key", "--custody", "file:Other.key");

        async Task RefusesAsync(byte[] planted, string reason)
        {
            File.WriteAllBytes(At("sealed/recipients.json"), planted);
            await FailsAsync(1, reason, "recipient", "add", "sealed", "file:Other.key", "--custody", "file:K.key");
            Assert.Equal(planted, File.ReadAllBytes(At("sealed/recipients.json")));
        }
    }

    [Fact]
    public async Task An_entry_slipped_in_by_who_holds_no_key_is_refused_before_anybody_is_added()
    {
        var hpke = (string)(await CliProcess.AnswerAsync(directory, "key", "create", "R.key", "--hpke", "x25519", "--danger-unprotected"))["recipient"]!;
        await CliProcess.AnswerAsync(directory, "recipient", "add", "sealed", hpke, "--custody", "file:K.key");
        var thief = (string)(await CliProcess.AnswerAsync(directory, "key", "create", "T.key", "--hpke", "x25519", "--danger-unprotected"))["recipient"]!;
        File.WriteAllText(At("sealed/recipients.json"), File.ReadAllText(At("sealed/recipients.json")).Replace(hpke[5..], thief[5..], StringComparison.Ordinal));
        await FailsAsync(1, "recipients.json was changed", "recipient", "add", "sealed", "file:Other.key", "--custody", "file:K.key");
        await FailsAsync(1, "recipients.json was changed", "recipient", "list", "sealed", "--custody", "file:K.key");
    }

    [Fact]
    public void Recipients_that_somebody_else_added_meanwhile_are_not_lost()
    {
        var (mine, theirs) = (SealedDirectory.Read(At("sealed")), SealedDirectory.Read(At("sealed")));
        Add(theirs);
        var after = File.ReadAllBytes(At("sealed/recipients.json"));
        Assert.Contains("changed meanwhile", Assert.Throws<RefusedException>(() => Add(mine)).Message, StringComparison.Ordinal);
        Assert.Equal(after, File.ReadAllBytes(At("sealed/recipients.json")));

        void Add(SealedDirectory model)
        {
            using var custody = KeyProvider.Open($"file:{At("K.key")}");
            using var key = custody.UnwrapModelKeyAsync(model.Recipients).GetAwaiter().GetResult();
            using var recipient = HpkePrivateKey.Generate();
            var digest = model.Manifest.ModelDigest;
            model.Replace(Recipients.Create(key, digest, [.. model.Recipients.Entries, Recipients.Wrap(key, digest, recipient.PublicKey)]));
        }
    }

    private static bool SameBytes((UnixFileMode Mode, byte[] Bytes) a, (UnixFileMode Mode, byte[] Bytes) b) => a.Mode == b.Mode && a.Bytes.AsSpan().SequenceEqual(b.Bytes);

    private Task SealAsync(string to, string name) =>
        CliProcess.AnswerAsync(directory, "seal", "model", to, "--custody", "file:K.key", "--name", name, "--version", "1");

    private async Task FailsAsync(int code, string because, params string[] arguments)
    {
        var (exit, _, error) = await CliProcess.RunAsync(directory, arguments);
        Assert.True(code == exit, $"{string.Join(' ', arguments)} exited with {exit}: {error}");
        Assert.Contains(because, error, StringComparison.Ordinal);
    }

    private string At(string path) => Path.Combine(directory, path);
}
