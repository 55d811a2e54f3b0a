using System.CommandLine;
using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Cli.Sealing;
using Strongroom.Crypto;
using Strongroom.Keys;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom key create|show</c>.</summary>
internal static class KeyCommand
{
    internal static Command Create() => new Command("key", "Make and look at keys").With(CreateKey(), ShowKey());

    private static Command CreateKey()
    {
        var path = new Argument<string>("path") { Description = "Where the key goes; nothing there is overwritten" };
        var unprotected = new Option<bool>("--danger-unprotected") { Description = "No passphrase: whoever reads the file has the key" };
        var hpke = new Option<string?>("--hpke") { Description = "Make a recipient's key instead: x25519 or p256; others seal to PATH.pub", HelpName = "KEM" };
        hpke.AcceptOnlyFromAmong("x25519", "p256");
        var passphrase = SealedModelOptions.PassphraseOption();
        return new Command(
            "create",
            """
            Make a custody key, which wraps the keys of models, and a publisher's key, which signs them.

            Writes PATH (custody, keep it secret), PATH.publisher (signing, keep it secret) and PATH.publisher.pub (give it to everyone who
            verifies). Both secret files are sealed by a passphrase with scrypt unless --danger-unprotected is given.
            """).With(path, unprotected, hpke, passphrase).Runs((parsed, terminal) =>
        {
            var to = parsed.GetValue(path)!;
            var kem = parsed.GetValue(hpke);
            string[] written = kem is null ? [to, $"{to}.publisher", $"{to}.publisher.pub"] : [to, $"{to}.pub"];
            if (written.FirstOrDefault(Path.Exists) is { } there) throw new UsageException($"{there} exists; keys are never overwritten, name another path");
            using var phrase = parsed.GetValue(unprotected) ? null : SigningKey.AskNew(terminal, to, parsed.GetValue(passphrase));
            var answer = kem is null ? CreatePair(to, phrase) : CreateRecipient(to, kem, phrase);
            answer["written"] = new JsonArray([.. written.Select(each => (JsonNode)each)]);
            terminal.Answer(answer, words =>
            {
                foreach (var file in written) words.WriteLine($"wrote {file}");
                if (phrase is null) words.WriteLine("The secret files are not protected by a passphrase: file permissions are all that guards them.");
            });
            return ExitCode.Ok;
        });
    }

    private static Command ShowKey()
    {
        var path = new Argument<string>("path") { Description = "A key file or a .pub" };
        var passphrase = SealedModelOptions.PassphraseOption();
        return new Command("show", "Say what a key file is: its purpose, its public name, how it is protected; never the key").With(path, passphrase).Runs((parsed, terminal) =>
        {
            var answer = Describe(parsed.GetValue(path)!, SealedModelOptions.Passphrase(parsed.GetValue(passphrase), terminal, parsed.GetValue(path)!));
            terminal.Answer(answer, words =>
            {
                foreach (var (name, value) in answer) words.WriteLine($"{name.Replace('_', ' '),-11} {value}");
            });
            return ExitCode.Ok;
        });
    }

    private static JsonObject CreatePair(string path, Secret? phrase)
    {
        using var custody = Secret.Random(KeyFile.KeySizeInBytes);
        KeyFile.Write(path, FileKeys.Purpose, custody, phrase);
        var publisher = PublisherKeys.Create($"{path}.{PublisherKeys.Purpose}", phrase);
        using var opened = KeyProvider.Open($"file:{path}", () => Secret.CopyOf(phrase!.Span));
        return new() { ["custody"] = $"file {opened.KeyId}", ["publisher"] = publisher.ToString() };
    }

    private static JsonObject CreateRecipient(string path, string kem, Secret? phrase)
    {
        using var secret = RecipientKeys.Create(path, kem, phrase, out var publicKey);
        return new() { ["recipient"] = $"hpke:{publicKey}" };
    }

    private static JsonObject Describe(string path, Func<Secret> passphrase)
    {
        if (path.EndsWith(PublisherKeys.PublicExtension, StringComparison.Ordinal))
        {
            var line = File.ReadAllText(path).TrimEnd('\n');
            return line.Contains(':') ? new() { ["purpose"] = "recipient", ["public_key"] = $"hpke:{HpkePublicKey.Parse(line)}" } : new() { ["purpose"] = "publisher", ["public_key"] = Ed25519PublicKey.Parse(line).ToString() };
        }
        var purpose = KeyFile.PurposeOf(path);
        using var file = KeyFile.Read(path, purpose, passphrase);
        var answer = new JsonObject { ["purpose"] = purpose, ["protection"] = file.IsProtected ? "passphrase (scrypt)" : "none" };
        switch (purpose)
        {
            case FileKeys.Purpose:
                answer["key_id"] = $"file {file.Id}";
                break;
            case PublisherKeys.Purpose:
                using (var key = Ed25519PrivateKey.FromSeed(file.Key.Span)) answer["public_key"] = key.PublicKey.ToString();
                break;
            case "x25519" or "p256":
                using (var key = HpkePrivateKey.From(purpose, file.Key.Span)) answer["public_key"] = $"hpke:{key.PublicKey}";
                break;
        }
        return answer;
    }
}
