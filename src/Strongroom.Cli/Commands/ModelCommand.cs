using System.CommandLine;
using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Protocol;
using Strongroom.Sealing;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom model add|list|show</c>.</summary>
internal static class ModelCommand
{
    internal static Command Create() => new Command("model", "Sealed models that the broker knows; it never sees a weight").With(Add(), List(), Show());

    private static Command Add()
    {
        var directory = new Argument<string>("sealed_dir") { Description = "What strongroom seal wrote; only manifest.json and recipients.json leave it" };
        var publisher = new Option<string>("--publisher") { Description = "The publisher's name, as strongroom publisher add recorded it", Required = true };
        return new Command("add", "Make one version of a sealed model known").With(directory, publisher).Signs((parsed, session, _, _) =>
        {
            var (path, name) = (parsed.GetRequiredValue(directory), parsed.GetRequiredValue(publisher));
            var recipients = File.ReadAllBytes(Path.Combine(path, "recipients.json"));
            var manifest = Manifest.Parse(File.ReadAllBytes(Path.Combine(path, "manifest.json")));
            var command = new AddModel(
                session.Ledger, Facts.Command.NewId(), session.Person, Session.Now, manifest.Name, manifest.Version, name, manifest.ModelDigest,
                Digest.Of(manifest.Bytes.Span), Digest.Of(recipients));
            return Task.FromResult(new Signing(session, command)
            {
                Before = [$"{path}: {manifest.Files.Count} files, {Progress.Size(manifest.Files.Sum(file => (double)file.Length))}, signed by the publisher's key {manifest.Publisher}."],
                Done = "is known; its key can be asked for",
                Send = (signed, cancel) => session.Broker.AddModelAsync(new(signed, manifest.Bytes, recipients), cancel),
            });
        });
    }

    private static Command List() => new Command("list", "Every version of every model").Talks(async (_, session, terminal, cancel) =>
    {
        var models = await session.Broker.ModelsAsync(cancel);
        terminal.Answer(models, ProtocolJson.Default.IReadOnlyListModelDetails, text => Columns.Write(
            text, ["MODEL", "VERSION", "PUBLISHER", "DIGEST", ""],
            models.Select(model => (IReadOnlyList<string>)[model.Model, $"{model.Version}", model.Publisher, model.ModelDigest.ToString(), model.Withdrawn ? "withdrawn" : ""]), "no model was added"));
        return ExitCode.Ok;
    });

    private static Command Show()
    {
        var name = new Argument<string>("name");
        var version = new Option<long?>("--version") { Description = "Left out: the newest" };
        return new Command("show", "One version of a model, with its files as its publisher signed them").With(name, version).Talks(async (parsed, session, terminal, cancel) =>
        {
            var known = await FindAsync(session, parsed.GetRequiredValue(name), parsed.GetValue(version), cancel);
            var manifest = Manifest.Parse(await session.Broker.ManifestAsync(known.Model, known.Version, cancel));
            if (manifest.ModelDigest != known.ModelDigest) throw new RefusedException("the manifest that the broker sent is not the one in its ledger");
            terminal.Answer(JsonNode.Parse(manifest.Bytes.Span), text =>
            {
                text.WriteLine($"{known.Model} version {known.Version}{(known.Withdrawn ? ", withdrawn" : "")}");
                text.WriteLine($"  model digest  {known.ModelDigest}");
                text.WriteLine($"  publisher     {known.Publisher}, {manifest.Publisher}");
                text.WriteLine($"  added         {Timestamp.Format(known.At)}, ledger entry {known.Index}");
                foreach (var file in manifest.Files) text.WriteLine($"  {file.Name}  {Progress.Size(file.Length)}");
            });
            return ExitCode.Ok;
        });
    }

    /// <param name="version">Null for the newest that was not withdrawn.</param>
    /// <exception cref="RefusedException">There is no such version.</exception>
    internal static async Task<ModelDetails> FindAsync(Session session, string name, long? version, CancellationToken cancel)
    {
        var versions = (await session.Broker.ModelsAsync(cancel)).Where(model => model.Model == name).ToList();
        var found = version is null ? versions.Where(model => !model.Withdrawn).MaxBy(model => model.Version) : versions.Find(model => model.Version == version);
        return found ?? throw new RefusedException($"the broker knows no {(version is null ? "" : $"version {version} of ")}{name}; strongroom model list shows what it knows");
    }
}
