using System.CommandLine;
using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Cli.Sealing;
using Strongroom.Sealing;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom inspect SEALED_DIR</c>: what a sealed model says of itself.</summary>
internal static class InspectCommand
{
    internal static Command Create()
    {
        var source = new Argument<string>("SEALED_DIR") { Description = "A sealed model" };
        return new Command(
            "inspect",
            """
            Show what a sealed model says of itself: name, version, publisher, files, who can open it.

            Needs no key and trusts nobody: it checks that the manifest is whole and signed by the publisher it names, not that you trust that
            publisher, and not the files' content. That is what verify is for.
            """).With(source).Runs((parsed, terminal) =>
        {
            var model = SealedDirectory.Read(parsed.GetValue(source)!);
            terminal.Answer(Describe(model), words => Write(model, words));
            return ExitCode.Ok;
        });
    }

    private static JsonObject Describe(SealedDirectory model)
    {
        var manifest = model.Manifest;
        return new()
        {
            ["name"] = manifest.Name,
            ["version"] = manifest.Version,
            ["model_digest"] = manifest.ModelDigest.ToString(),
            ["publisher"] = manifest.Publisher.ToString(),
            ["created"] = Timestamp.Format(manifest.Created),
            ["files"] = new JsonArray([.. manifest.Files.Select(File)]),
            ["recipients"] = new JsonArray([.. model.Recipients.Entries.Select(Recipient)]),
            ["extensions"] = manifest.Extensions is { } extensions ? new JsonObject(extensions.Values.Select(each => KeyValuePair.Create<string, JsonNode?>(each.Key, each.Value))) : new JsonObject(),
        };
    }

    private static JsonNode File(ManifestFile file)
    {
        var described = new JsonObject { ["name"] = file.Name, ["length"] = file.Length, ["sealed_length"] = file.SealedLength, ["tree_root"] = file.TreeRoot.ToString() };
        if (file.Safetensors is { } index) described["safetensors"] = new JsonObject { ["header_length"] = index.HeaderLength };
        return described;
    }

    private static JsonNode Recipient(Recipient recipient) => recipient switch
    {
        CustodyRecipient custody => new JsonObject { ["type"] = "custody", ["provider"] = custody.Provider, ["key"] = custody.Key },
        HpkeRecipient hpke => new JsonObject { ["type"] = "hpke", ["key"] = hpke.Key.ToString() },
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static void Write(SealedDirectory model, TextWriter words)
    {
        var manifest = model.Manifest;
        words.WriteLine($"{manifest.Name} version {manifest.Version}, sealed {Timestamp.Format(manifest.Created)}");
        words.WriteLine($"model digest {manifest.ModelDigest}");
        words.WriteLine($"publisher    {manifest.Publisher} (says the manifest; whether to trust it is yours to know)");
        foreach (var recipient in model.Recipients.Entries) words.WriteLine($"opened by    {(recipient is CustodyRecipient custody ? $"custody {custody.Provider} {custody.Key}" : $"hpke:{((HpkeRecipient)recipient).Key}")}");
        foreach (var file in manifest.Files) words.WriteLine($"{Progress.Size(file.Length),12}  {file.Name}{(file.Safetensors is null ? "" : "  (tensors can be read one by one)")}");
    }
}
