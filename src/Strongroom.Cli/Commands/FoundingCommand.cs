using System.CommandLine;
using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;

using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary>
/// <c>strongroom init sign</c> and <c>init finish</c>: founders whose keys never meet. What they sign is the founding itself - origin, ledger key,
/// witnesses, broker key, each other - so that nobody is made an administrator, and nothing of it exchanged, without each of them.
/// </summary>
internal static class FoundingCommand
{
    internal const string FileName = "founding.json";

    internal static Command Sign()
    {
        var file = new Argument<string>("file") { Description = $"{FileName}, as strongroom init wrote it into the broker's directory" };
        var key = new Argument<string>("key") { Description = "Your own key file, of strongroom person key" };
        var passphrase = Sealing.SealedModelOptions.PassphraseOption();
        var yes = new Option<bool>("--yes") { Description = "Do not ask: for scripts, where somebody has read what is signed elsewhere" };
        return new Command("sign", "Read what you would found, and sign it: for each founder, at home").With(file, key, passphrase, yes).Runs((parsed, terminal) =>
        {
            var founding = Founding.Parse(File.ReadAllBytes(parsed.GetRequiredValue(file)));
            using var own = SigningKey.Open(parsed.GetRequiredValue(key), SigningKey.Person, parsed.GetValue(passphrase), terminal);
            var founder = founding.Administrators.FirstOrDefault(each => each.Key.Equals(own.PublicKey))
                ?? throw new RefusedException($"the founding names nobody with the key {own.PublicKey}");
            foreach (var line in CommandWords.Say(founding)) terminal.Note(line);
            terminal.Note($"You are {founder.Person}.");
            if (!parsed.GetValue(yes) && !terminal.Confirm("Sign this?")) throw new RefusedException("not signed");
            var signature = Convert.ToBase64String(own.Sign(founding.ToBeSigned()));
            terminal.Answer(new JsonObject { ["person"] = founder.Person, ["signature"] = signature }, text => text.WriteLine(signature));
            return ExitCode.Ok;
        });
    }

    internal static Command Finish()
    {
        var directory = new Argument<string>("dir") { Description = "The broker's directory, as strongroom init made it" };
        var signatures = new Option<string[]>("--signature") { Description = "What strongroom init sign printed for a founder; one for each of them, in any order", Required = true };
        return new Command("finish", "Put the founders' signatures under the founding: the broker can start").With(directory, signatures).Runs((parsed, terminal) =>
        {
            var place = parsed.GetRequiredValue(directory);
            var draft = Path.Combine(place, FileName);
            var founding = Founding.Parse(File.ReadAllBytes(draft));
            var given = parsed.GetRequiredValue(signatures).Select(Signature).ToList();
            var signed = founding.ToBeSigned();
            var inOrder = founding.Administrators.Select(founder => given.Find(each => founder.Key.Verify(signed, each))).ToList();
            if (given.Exists(each => !inOrder.Contains(each))) throw new RefusedException("a signature is no founder's, or not of this founding");
            if (founding.Administrators.Where((_, i) => inOrder[i] is null).Select(founder => founder.Person).ToList() is { Count: > 0 } missing)
            {
                terminal.Answer(
                    new JsonObject { ["missing"] = new JsonArray([.. missing.Select(person => (JsonNode)person)]) },
                    text => text.WriteLine($"not founded yet; these have not signed: {string.Join(", ", missing)}"));
                return ExitCode.NotYet;
            }
            var genesis = new Genesis(Session.Now, founding, [.. inOrder.Select(each => (ReadOnlyMemory<byte>)each!)]);
            if (GenesisRules.Refusals(genesis) is { Count: > 0 } reasons) throw new RefusedException(reasons);
            PrivateFile.Write(Path.Combine(place, "genesis.json"), genesis.ToEntry());
            File.Delete(draft);
            terminal.Answer(new JsonObject { ["directory"] = place }, text => text.WriteLine($"founded; start the witness, then: strongroom broker --dir {place}"));
            return ExitCode.Ok;
        });
    }

    private static byte[] Signature(string text)
    {
        var bytes = new byte[Ed25519PrivateKey.SignatureSizeInBytes];
        return Convert.TryFromBase64String(text, bytes, out var length) && length == bytes.Length ? bytes : throw new MalformedException(-1, $"'{text}' is no signature: 64 bytes in base64");
    }
}
