using System.CommandLine;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;
using Strongroom.Cli.Appraising;
using Strongroom.Cli.Machines;
using Strongroom.Cli.Sealing;
using Strongroom.Facts;
using Strongroom.Keys;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom endorsements export|import|fetch|list|check|record|show</c>: vendors' collateral across an air gap.</summary>
internal static class EndorsementsCommand
{
    private static readonly Option<string> Collector = new("--collector") { Description = "The public key of who signed the bundle", HelpName = "FILE" };

    private static readonly Option<int> Days = new("--older-than") { Description = "Revocation lists, OCSP responses, TCB info and identities older than so many days are stale", DefaultValueFactory = _ => 7 };

    internal static Command Create() => new Command("endorsements", "Certificates, revocation lists and reference values of vendors: bundled, signed and dated").With(Export(), Import(), EndorsementsFetchCommand.Create(), List(), Check(), Record(), Show());

    private static Command Export()
    {
        var directory = new Argument<string>("directory") { Description = "Files as they came from the vendors, with any names" };
        var bundle = new Argument<string>("bundle") { Description = "The file to write" };
        var key = new Option<string>("--key") { Description = "The collector's private key (strongroom key create K.key makes one, K.key.publisher); it vouches for the date", Required = true, HelpName = "FILE" };
        var phrase = new SealedModelOptions().PassphraseFrom;
        return new Command("export", "Sign what a directory holds, with today's date, as one file").With(directory, bundle, key, phrase).Runs((parsed, terminal) =>
        {
            var path = parsed.GetRequiredValue(key);
            using var signing = PublisherKeys.Open(path, SealedModelOptions.Passphrase(parsed.GetValue(phrase), terminal, path));
            var files = Directory.EnumerateFiles(parsed.GetRequiredValue(directory)).Select(file => new BundledFile(File.ReadAllBytes(file), Path.GetFileName(file))).ToList();
            if (files.Count == 0) throw new UsageException($"{parsed.GetRequiredValue(directory)} holds no file");
            var signed = EndorsementBundle.Sign(TimeProvider.System.GetUtcNow(), files, signing);
            using (var file = new FileStream(parsed.GetRequiredValue(bundle), FileMode.CreateNew)) file.Write(signed);
            terminal.Answer(new JsonObject { ["files"] = files.Count, ["bytes"] = signed.Length }, text => text.WriteLine($"{files.Count} files in {parsed.GetRequiredValue(bundle)}"));
            return ExitCode.Ok;
        });
    }

    private static Command Import()
    {
        var bundle = new Argument<string>("bundle") { Description = "What strongroom endorsements export wrote" };
        var directory = new Argument<string>("directory") { Description = "A new directory" };
        return new Command("import", "Check a bundle's signature and unpack it").With(bundle, directory, Collector).Runs((parsed, terminal) =>
        {
            var found = EndorsementFiles.Open(parsed.GetRequiredValue(bundle), parsed.GetValue(Collector));
            var into = parsed.GetRequiredValue(directory);
            if (Directory.Exists(into)) throw new UsageException($"{into} is there already; name a new directory");
            Directory.CreateDirectory(into);
            foreach (var file in found.Files) File.WriteAllBytes(Path.Combine(into, file.Name), file.Bytes);
            terminal.Answer(new JsonObject { ["files"] = found.Files.Count, ["collected"] = Timestamp.Format(found.Collected) }, text => text.WriteLine($"{found.Files.Count} files, collected {Timestamp.Format(found.Collected)}, in {into}"));
            return ExitCode.Ok;
        });
    }

    private static Command Record()
    {
        var bundle = new Argument<string>("bundle") { Description = "What strongroom endorsements export wrote" };
        var collector = new Option<string>("--collector") { Description = "The collector's name, as strongroom collector add recorded it", Required = true };
        return new Command("record", "Put a bundle on record: from then on the broker judges evidence of TEEs with it, and with no other").With(bundle, collector).Signs((parsed, session, _, _) =>
        {
            var bytes = File.ReadAllBytes(parsed.GetRequiredValue(bundle));
            var read = EndorsementBundle.Parse(bytes);
            var command = new RecordEndorsements(session.Ledger, Facts.Command.NewId(), session.Person, Session.Now, parsed.GetRequiredValue(collector), read.Collected, Digest.Of(bytes));
            return Task.FromResult(new Signing(session, command)
            {
                Before = [$"{parsed.GetRequiredValue(bundle)}: {read.Files.Count} files."],
                Done = "is on record",
                Send = (signed, cancel) => session.Broker.RecordEndorsementsAsync(new(signed, bytes), cancel),
            });
        });
    }

    private static Command Show() => new Command("show", "The bundle on record, and until when each thing in it is good; exit code 3 when something is past its time").With(Days).Talks(async (parsed, session, terminal, cancel) =>
    {
        var (found, bundle) = await EndorsementsOnRecord.FindAsync(session, RecordedEndorsements.Read, cancel)
            ?? throw new RefusedException("no endorsements are on record; strongroom endorsements export and record put them there");
        var held = bundle.Endorsements;
        var all = HeldEndorsement.Of(held, TimeProvider.System.GetUtcNow(), TimeSpan.FromDays(parsed.GetValue(Days)));
        terminal.Answer(
            new JsonObject
            {
                ["bundle"] = found.Bundle.ToString(), ["collector"] = found.Collector, ["collected"] = Timestamp.Format(found.Collected), ["index"] = found.Index,
                ["endorsements"] = EndorsementsInWords.ToJson(all),
            },
            text =>
            {
                text.WriteLine($"{found.Bundle}, collected by {found.Collector} at {Timestamp.Format(found.Collected)}, ledger entry {found.Index}");
                EndorsementsInWords.Write(text, all);
            });
        return Code(held, all);
    });

    private static Command List() => Lists("list", "What a directory or bundle holds, and until when each is good", (_, _) => ExitCode.Ok);

    private static Command Check() => Lists("check", "As list; exit code 3 when something is past its time, older than --older-than days, or cannot be read",
        Code);

    private static int Code(Endorsements held, IReadOnlyList<HeldEndorsement> all) => all.Any(each => each.Stale) || held.Unrecognised.Count > 0 ? ExitCode.Unavailable : ExitCode.Ok;

    private static Command Lists(string name, string what, Func<Endorsements, IReadOnlyList<HeldEndorsement>, int> code)
    {
        var place = new Argument<string>("place") { Description = "A directory, a file or a bundle" };
        return new Command(name, what).With(place, Collector, Days).Runs((parsed, terminal) =>
        {
            var held = EndorsementFiles.Read([parsed.GetRequiredValue(place)], parsed.GetValue(Collector), terminal);
            var all = HeldEndorsement.Of(held, TimeProvider.System.GetUtcNow(), TimeSpan.FromDays(parsed.GetValue(Days)));
            terminal.Answer(
                new JsonObject { ["collected"] = held.Collected is { } when ? Timestamp.Format(when) : null, ["endorsements"] = EndorsementsInWords.ToJson(all) },
                text => EndorsementsInWords.Write(text, all));
            return code(held, all);
        });
    }
}
