using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Cli.Sealing;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Keys;
using Strongroom.Ledger;
using Strongroom.Protocol;

using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom init DIR</c>: a broker's directory (spec/broker-directory.md), and a key and a profile for each of the first people.</summary>
internal static class InitCommand
{
    private static readonly Argument<string> Directory = new("dir") { Description = "The broker's directory; must not exist" };
    private static readonly Option<string> Origin = new("--ledger") { Description = "The ledger's name, for ever: your domain and a word, such as example.org/strongroom", Required = true };
    private static readonly Option<string[]> People = new("--person")
    {
        Description = "NAME=KEY, where each founder printed his own KEY with strongroom person key; or NAME, and a key is made here. At least two: what defines trust always needs two people",
        Required = true,
    };
    private static readonly Option<string[]> WitnessKeys = new("--witness") { Description = "Verifier key of a witness (strongroom witness key create prints it); may be repeated", Required = true };
    private static readonly Option<string[]> WitnessUrls = new("--witness-url") { Description = "Where that witness listens, in the same order", Required = true };
    private static readonly Option<string> Listen = new("--listen") { Description = "ADDRESS:PORT of the broker", DefaultValueFactory = _ => "127.0.0.1:7440" };
    private static readonly Option<string?> Url = new("--url") { Description = "Where people and machines reach the broker; https:// and the address it listens on, if left out" };
    private static readonly Option<string?> Custody = new("--custody") { Description = "The key that models are sealed to, such as file:K.key; left out, a new one is made under --danger-unprotected" };
    private static readonly Option<string> PeopleDirectory = new("--people") { Description = "Where keys and profiles of the people go", DefaultValueFactory = _ => "people" };
    private static readonly Option<bool> Unprotected = new("--danger-unprotected") { Description = "No passphrase: whoever reads a person's key file is that person" };
    private static readonly Option<bool> Development = new("--danger-development-evidence") { Description = "Let software stand in for a TPM; marks this ledger and all that it ever says" };

    internal static Command Create() => new Command("init", "Make a broker's directory, and keys and profiles of the first people")
        .With(Directory, Origin, People, WitnessKeys, WitnessUrls, Listen, Url, Custody, PeopleDirectory, Unprotected, Development)
        .With(FoundingCommand.Sign(), FoundingCommand.Finish()).Runs(Run);

    private static int Run(ParseResult parsed, Terminal terminal)
    {
        var directory = Path.GetFullPath(parsed.GetRequiredValue(Directory));
        var asked = parsed.GetRequiredValue(People).Select(person => person.Split('=', 2)).Select(person => (Name: person[0], Key: person.ElementAtOrDefault(1))).ToList();
        RequirePeople([.. asked.Select(person => person.Name)]);
        if (asked.Exists(person => person.Key is null) && asked.Exists(person => person.Key is not null))
            throw new UsageException("either every founder brings a key, --person NAME=KEY, or all of them are made here");
        if (Path.Exists(directory)) throw new UsageException($"{directory} exists; init never writes over a ledger");
        var witnesses = Witnesses(parsed.GetRequiredValue(WitnessKeys), parsed.GetRequiredValue(WitnessUrls));
        var people = parsed.GetRequiredValue(PeopleDirectory);
        if (asked.Select(person => person.Name + (person.Key is null ? ".key" : ".json")).FirstOrDefault(file => Path.Exists(Path.Combine(people, file))) is { } there)
            throw new UsageException($"{people}/{there} exists; choose another --people");

        // Built beside its place and moved there whole: a broker's directory is complete or absent.
        var building = $"{directory}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}";
        PrivateFile.CreateDirectory(building);
        var founders = new List<(string Name, Founder Founder, Ed25519PrivateKey? Key)>();
        try
        {
            PrivateFile.CreateDirectory(people);
            foreach (var (name, key) in asked)
                founders.Add(key is null ? Enrol(Path.Combine(people, name + ".key"), name, parsed.GetValue(Unprotected), terminal) : (name, new(Ids.NewPerson(), Ed25519PublicKey.Parse(key)), null));
            var profile = Found(building, parsed, witnesses, founders);
            System.IO.Directory.Move(building, directory);
            foreach (var (name, founder, _) in founders)
                PrivateFile.Write(Path.Combine(people, name + ".json"), (profile with { Person = founder.Person, Key = name + ".key" }).ToBytes());
            Answer(terminal, directory, people, profile, founders);
            return ExitCode.Ok;
        }
        catch
        {
            if (System.IO.Directory.Exists(building)) System.IO.Directory.Delete(building, recursive: true);
            foreach (var (name, _, key) in founders)
                if (key is not null) File.Delete(Path.Combine(people, name + ".key"));
            throw;
        }
        finally
        {
            founders.ForEach(founder => founder.Key?.Dispose());
        }
    }

    private static (string, Founder, Ed25519PrivateKey?) Enrol(string path, string name, bool unprotected, Terminal terminal)
    {
        using var passphrase = unprotected ? null : SigningKey.AskNew(terminal, path, passphraseFile: null);
        var key = SigningKey.Create(path, SigningKey.Person, passphrase);
        return (name, new(Ids.NewPerson(), key.PublicKey), key);
    }

    /// <summary>Fills the directory and returns what everybody pins.</summary>
    private static ClientProfile Found(
        string directory, ParseResult parsed, IReadOnlyList<WitnessAddress> witnesses, IReadOnlyList<(string Name, Founder Founder, Ed25519PrivateKey? Key)> founders)
    {
        var (origin, listen) = (parsed.GetRequiredValue(Origin), parsed.GetRequiredValue(Listen));
        bool? development = parsed.GetValue(Development) ? true : null;
        using var ledgerKey = SigningKey.Create(Path.Combine(directory, "ledger.key"), SigningKey.Ledger, passphrase: null); // a broker starts by itself
        var ledger = new VerifierKey(origin, NoteAlgorithm.Ed25519, ledgerKey.PublicKey);
        var pin = Certify(directory, origin);
        var custody = MakeCustody(directory, parsed.GetValue(Custody), parsed.GetValue(Unprotected));

        var founding = new Founding(origin, ledger.ToString(), [.. witnesses.Select(witness => witness.Key)], pin, [.. founders.Select(founder => founder.Founder)], development);
        Sign(directory, founding, [.. founders.Select(founder => founder.Key)]);
        PrivateFile.Write(Path.Combine(directory, "broker.json"), new BrokerConfiguration(BrokerConfiguration.Kind, origin, listen, witnesses, custody, development).ToBytes());
        return new(ClientProfile.Kind, parsed.GetValue(Url) ?? $"https://{listen}", pin, ledger, [.. witnesses.Select(witness => VerifierKey.Parse(witness.Key))]);
    }

    /// <summary>Signed here where the keys are here; else left for the founders to sign, each with a key that never comes here.</summary>
    private static void Sign(string directory, Founding founding, IReadOnlyList<Ed25519PrivateKey?> keys)
    {
        var toBeSigned = founding.ToBeSigned();
        List<ReadOnlyMemory<byte>> signatures = [.. keys.OfType<Ed25519PrivateKey>().Select(key => (ReadOnlyMemory<byte>)key.Sign(toBeSigned))];
        var genesis = new Genesis(Session.Now, founding, signatures);
        if ((signatures.Count > 0 ? GenesisRules.Refusals(genesis) : GenesisRules.Refusals(founding)) is { Count: > 0 } reasons) throw new RefusedException(reasons);
        if (signatures.Count > 0) PrivateFile.Write(Path.Combine(directory, "genesis.json"), genesis.ToEntry());
        else PrivateFile.Write(Path.Combine(directory, FoundingCommand.FileName), founding.ToBytes());
    }

    /// <summary>The key is what everybody pins, so the certificate says nothing else and never expires (RFC 5280 section 4.1.2.5).</summary>
    private static Digest Certify(string directory, string origin)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var name = new X500DistinguishedNameBuilder();
        name.AddCommonName(origin);
        var request = new CertificateRequest(name.Build(), key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, new DateTimeOffset(9999, 12, 31, 23, 59, 59, TimeSpan.Zero));
        PrivateFile.Write(Path.Combine(directory, "tls.pem"), certificate.ExportCertificatePem() + "\n");
        PrivateFile.Write(Path.Combine(directory, "tls.key"), key.ExportPkcs8PrivateKeyPem() + "\n");
        return BrokerPin.Of(certificate).Key;
    }

    private static string MakeCustody(string directory, string? uri, bool unprotected)
    {
        if (SealedModelOptions.PathOf(uri) is { Length: > 0 } path)
        {
            var full = Path.GetFullPath(path);
            return File.Exists(full) ? "file:" + full : throw new FileNotFoundException(null, full);
        }
        if (uri is not null) return SealedModelOptions.Named(uri);
        if (!unprotected) throw new UsageException("name the key that models are sealed to with --custody, or let init make one that nothing protects with --danger-unprotected");
        using var key = Secret.Random(KeyFile.KeySizeInBytes);
        KeyFile.Write(Path.Combine(directory, "custody.key"), FileKeys.Purpose, key, passphrase: null);
        return "file:custody.key";
    }

    private static List<WitnessAddress> Witnesses(string[] keys, string[] urls)
    {
        if (keys.Length != urls.Length) throw new UsageException("give one --witness-url for each --witness, in the same order");
        return [.. keys.Zip(urls, (key, url) =>
        {
            var address = new WitnessAddress(url, key);
            if (address.Refusal() is { } reason) throw new UsageException(reason);
            if (VerifierKey.Parse(key).Algorithm != NoteAlgorithm.Cosignature) throw new UsageException($"{key} is a ledger's key, not a witness's");
            return address;
        })];
    }

    private static void RequirePeople(string[] names)
    {
        if (names.Distinct(StringComparer.Ordinal).Count() < 2) throw new UsageException("name two people at least, each with --person: nobody rules a ledger alone");
        if (names.Distinct(StringComparer.OrdinalIgnoreCase).Count() != names.Length) throw new UsageException("two people have the same name");
        if (names.FirstOrDefault(name => name.Length is 0 or > 64 || name[0] == '.' || name.Any(c => !char.IsLetterOrDigit(c) && !"._-".Contains(c))) is { } bad)
            throw new UsageException($"'{bad}' names a key file: letters, digits, dots, dashes and underscores, 64 at most");
    }

    private static void Answer(
        Terminal terminal, string directory, string people, ClientProfile profile, IReadOnlyList<(string Name, Founder Founder, Ed25519PrivateKey? Key)> founders)
    {
        string Of(string name, string extension) => Path.Combine(people, name + extension);
        terminal.Answer(
            new JsonObject
            {
                ["directory"] = directory,
                ["broker"] = profile.Broker,
                ["broker_key"] = profile.BrokerKey.ToString(),
                ["ledger_key"] = profile.LedgerKey.ToString(),
                ["witnesses"] = new JsonArray([.. profile.Witnesses.Select(key => JsonValue.Create(key.ToString()))]),
                ["founded"] = founders[0].Key is not null,
                ["people"] = new JsonArray([.. founders.Select(founder => new JsonObject
                {
                    ["name"] = founder.Name, ["person"] = founder.Founder.Person, ["key"] = Of(founder.Name, ".key"), ["profile"] = Of(founder.Name, ".json"),
                })]),
            },
            text =>
            {
                text.WriteLine($"{directory} is ready; everybody pins these:");
                text.WriteLine($"  ledger key  {profile.LedgerKey}");
                text.WriteLine($"  broker key  {profile.BrokerKey}");
                foreach (var (name, founder, _) in founders) text.WriteLine($"  {founder.Person} is {name}: {Of(name, ".json")}, {Of(name, ".key")}");
                if (founders[0].Key is not null) text.WriteLine("Give each person their two files, and keep none. Next, start a witness that watches this ledger key, then the broker:");
                else
                {
                    text.WriteLine($"Not founded yet. Each founder gets {Path.Combine(directory, FoundingCommand.FileName)} and the profile, puts his own key beside it under that name, and prints a signature:");
                    text.WriteLine($"  strongroom init sign {FoundingCommand.FileName} NAME.key");
                    text.WriteLine("Then, with all of them, finish; start a witness that watches this ledger key, and the broker:");
                    text.WriteLine($"  strongroom init finish {directory} --signature ... --signature ...");
                }
                text.WriteLine($"  strongroom witness --ledger {profile.LedgerKey} ...");
                text.WriteLine($"  strongroom broker --dir {directory}");
            });
    }
}
