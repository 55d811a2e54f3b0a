using System.CommandLine;
using System.Text.Json.Nodes;
using Strongroom.Cli.Sealing;
using Strongroom.Crypto;
using Strongroom.Keys;
using Strongroom.Sealing;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom recipient add|list SEALED_DIR</c>: who can open a sealed model. Only recipients.json changes, so no signature and no approval does.</summary>
internal static class RecipientCommand
{
    private static readonly Argument<string> Sealed = new("SEALED_DIR") { Description = "What strongroom seal wrote" };

    internal static Command Create() => new Command("recipient", "Who can open a sealed model").With(Add(), List());

    private static Command Add()
    {
        var to = new Argument<string>("KEY") { Description = "Whom to add: hpke:x25519:BASE64, hpke:p256:BASE64, or another custody key, file:PATH" };
        var theirs = new Option<string?>("--new-passphrase-file") { Description = "The passphrase of that other custody key, instead of asking", HelpName = "FILE" };
        var keys = new SealedModelOptions();
        return new Command(
            "add",
            """
            Wrap the model's key for one more holder.

            Takes who can open it now (--custody or --identity). The model digest stays what it was: approvals, policies and the ledger are not
            concerned. A broker keeps the recipients that model add brought.
            """).With(Sealed, to, keys.Custody, keys.Identity, keys.PassphraseFrom, theirs).Runs(async (parsed, terminal, cancel) =>
        {
            var model = SealedDirectory.Read(parsed.GetRequiredValue(Sealed));
            using var key = await keys.ModelKeyAsync(parsed, terminal, model, cancel); // and with it the proof that recipients.json is as it was left
            var digest = model.Manifest.ModelDigest;
            var name = parsed.GetRequiredValue(to);
            Recipient entry;
            if (name.StartsWith(SealCommand.HpkePrefix, StringComparison.Ordinal)) entry = Recipients.Wrap(key, digest, SealCommand.Recipient(name));
            else
            {
                using var custody = SealedModelOptions.Open(name, SealedModelOptions.Passphrase(parsed.GetValue(theirs), terminal, name));
                entry = await custody.WrapModelKeyAsync(key, digest, cancel);
            }
            if (model.Recipients.Entries.Any(there => Name(there) == Name(entry))) throw new UsageException($"the model is sealed to {Name(entry)} already");
            model.Replace(Recipients.Create(key, digest, [.. model.Recipients.Entries, entry]));
            terminal.Answer(
                new JsonObject { ["added"] = Name(entry), ["model_digest"] = digest.ToString(), ["recipients"] = model.Recipients.Entries.Count + 1 },
                words => words.WriteLine($"{Name(entry)} can open {model.Manifest.Name} version {model.Manifest.Version} now; the model digest is {digest} as before"));
            return ExitCode.Ok;
        });
    }

    private static Command List()
    {
        var keys = new SealedModelOptions();
        return new Command("list", "Who can open it; proved with --custody or --identity, else only what the file says").With(Sealed, keys.Custody, keys.Identity, keys.PassphraseFrom)
            .Runs(async (parsed, terminal, cancel) =>
        {
            var model = SealedDirectory.Read(parsed.GetRequiredValue(Sealed));
            var proved = parsed.GetValue(keys.Custody) is not null || parsed.GetValue(keys.Identity) is not null;
            if (proved) (await keys.ModelKeyAsync(parsed, terminal, model, cancel)).Dispose();
            terminal.Answer(
                new JsonObject { ["authenticated"] = proved, ["recipients"] = new JsonArray([.. model.Recipients.Entries.Select(entry => (JsonNode)Name(entry))]) },
                words =>
                {
                    foreach (var entry in model.Recipients.Entries) words.WriteLine(Name(entry));
                    if (!proved) words.WriteLine("This is what the file says; who holds a key can prove it: --custody or --identity.");
                });
            return ExitCode.Ok;
        });
    }

    private static string Name(Recipient entry) => entry switch
    {
        CustodyRecipient custody => $"custody {custody.Provider} {custody.Key}",
        HpkeRecipient hpke => SealCommand.HpkePrefix + hpke.Key,
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
