using System.CommandLine;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom person add|list|groups|leave|name|key</c>.</summary>
internal static class PersonCommand
{
    private static readonly Argument<string> Person = new("person") { Description = "A person's id, as strongroom person list shows it" };
    private static readonly Option<bool> Unprotected = new("--danger-unprotected") { Description = "No passphrase: whoever reads the key file is that person" };

    internal static Command Create() => new Command("person", "Who may do what; two administrators decide it").With(Add(), List(), Groups(), Leave(), Name(), Key());

    private static Command Add()
    {
        var name = new Argument<string>("name") { Description = "Names the profile and key file here; the ledger never learns it" };
        var publicKey = new Option<string?>("--public-key") { Description = "What strongroom person key printed for them; left out, a key is made here, which you must hand over and forget" };
        var groups = GroupOption();
        var people = new Option<string>("--people") { Description = "Where the profile, and the key if one is made, go", DefaultValueFactory = _ => "people" };
        return new Command("add", "Propose to enrol a person").With(name, publicKey, groups, people, Unprotected).Signs((parsed, session, terminal, _) =>
        {
            var (who, directory) = (parsed.GetRequiredValue(name), parsed.GetRequiredValue(people));
            if (who.Length is 0 or > 64 || who[0] == '.' || who.Contains('/', StringComparison.Ordinal)) throw new UsageException($"'{who}' cannot name a file");
            var profile = Path.Combine(directory, who + ".json");
            if (File.Exists(profile)) throw new UsageException($"{profile} exists; choose another name or --people");
            var key = parsed.GetValue(publicKey) is { } given ? Ed25519PublicKey.Parse(given) : null;
            var id = Ids.NewPerson();
            PrivateFile.CreateDirectory(directory);
            key ??= MakeKey(Path.Combine(directory, who + ".key"), parsed.GetValue(Unprotected), passphraseFile: null, terminal); // the option is the signer's
            PrivateFile.Write(profile, (session.Profile with { Person = id, Key = who + ".key" }).ToBytes());
            var change = new EnrolPerson(id, key, parsed.GetRequiredValue(groups));
            return Task.FromResult(new Signing(session, session.Propose(change))
            {
                Before = [$"{who} is {id}; the profile is {profile}."],
                Next = $"{Signing.SecondAdministrator}; then: strongroom person name {id} {who}",
                WhileMissing = ExitCode.NotYet,
            });
        });
    }

    private static Command List() => new Command("list", "Everybody who was ever enrolled").Talks(async (_, session, terminal, cancel) =>
    {
        var people = await session.Broker.PersonsAsync(cancel);
        terminal.Answer(people, ProtocolJson.Default.IReadOnlyListPersonDetails, text => Columns.Write(
            text, ["PERSON", "NAME", "GROUPS", ""],
            people.Select(person => (IReadOnlyList<string>)[person.Person, person.Name ?? "-", string.Join(",", person.Groups), person.Active ? "" : "left"]), "nobody"));
        return ExitCode.Ok;
    });

    private static Command Groups()
    {
        var groups = GroupOption();
        return new Command("groups", "Propose to replace a person's groups").With(Person, groups)
            .Proposes(parsed => new SetGroups(parsed.GetRequiredValue(Person), parsed.GetRequiredValue(groups)));
    }

    private static Command Leave() => new Command("leave", "Propose that a person leaves for ever; strongroom revoke does it at once, alone").With(Person)
        .Proposes(parsed => new RemovePerson(parsed.GetRequiredValue(Person)));

    private static Command Name()
    {
        var name = new Argument<string?>("name") { Description = "Goes into a table that can be emptied, never into the ledger; left out, the name is forgotten", Arity = ArgumentArity.ZeroOrOne };
        return new Command("name", "Say who a person id is, or forget it").With(Person, name).Talks(async (parsed, session, terminal, cancel) =>
        {
            var (person, called) = (parsed.GetRequiredValue(Person), parsed.GetValue(name));
            if (called is null) await session.Broker.ForgetNameAsync(person, cancel);
            else await session.Broker.SetNameAsync(person, called, cancel);
            terminal.Answer(new System.Text.Json.Nodes.JsonObject { ["person"] = person, ["name"] = called ?? "" },
                text => text.WriteLine(called is null ? $"the name of {person} is forgotten" : $"{person} is {called}"));
            return ExitCode.Ok;
        });
    }

    private static Command Key()
    {
        var file = new Argument<string>("file") { Description = "The key file to make" };
        var passphrase = Sealing.SealedModelOptions.PassphraseOption();
        return new Command("key", "Make your own key, and print the public half for an administrator").With(file, Unprotected, passphrase).Runs((parsed, terminal) =>
        {
            var path = parsed.GetRequiredValue(file);
            PrivateFile.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            var key = MakeKey(path, parsed.GetValue(Unprotected), parsed.GetValue(passphrase), terminal);
            terminal.Answer(new System.Text.Json.Nodes.JsonObject { ["public_key"] = key.ToString() }, text => text.WriteLine(key));
            return ExitCode.Ok;
        });
    }

    private static Ed25519PublicKey MakeKey(string path, bool unprotected, string? passphraseFile, Terminal terminal)
    {
        using var passphrase = unprotected ? null : SigningKey.AskNew(terminal, path, passphraseFile);
        using var key = SigningKey.Create(path, SigningKey.Person, passphrase);
        return key.PublicKey;
    }

    private static Option<string[]> GroupOption() => new("--group")
    {
        Description = "administrators, operators, publishers, requesters, or a group that the policy asks; may be repeated", Required = true,
    };
}
