using System.CommandLine;
using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Cli.Sealing;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom open SEALED_DIR OUT_DIR</c>.</summary>
internal static class OpenCommand
{
    internal static Command Create()
    {
        var source = new Argument<string>("SEALED_DIR") { Description = "A sealed model" };
        var target = new Argument<string>("OUT_DIR") { Description = "A new or empty directory; on any failure nothing is left in it" };
        var keys = new SealedModelOptions();
        var minVersion = new Option<long?>("--min-version") { Description = "Refuse an older version of the model" };
        var checkTree = new Option<bool>("--check-tree") { Description = "Also compare every sealed byte with the signed tree: stops forgery by other holders of the model's key" };
        var only = new Option<string[]>("--file") { Description = "Open only this file; may be repeated", HelpName = "NAME" };
        var tensor = new Option<string[]>("--tensor") { Description = "Open only this tensor of a safetensors file, as raw bytes in NAME.bin; may be repeated; not with --check-tree or --file", HelpName = "NAME" };
        return new Command(
            "open",
            """
            Decrypt a sealed model into a directory: all of it, or nothing.

            Needs the custody key and the publisher's public key, which defaults to the one beside file:PATH. Inside an attested enclave you never
            run this: the enclave opens models in protected memory. Here the plain weights end up on a disk.
            """).With(source, target, keys.Custody, keys.Publisher, keys.Identity, minVersion, checkTree, only, tensor, keys.PassphraseFrom)
            .Runs(async (parsed, terminal, cancellation) =>
        {
            // A tensor is a few chunks and the tree is of all: to check it first and read again later would be a check of other bytes than those read.
            if (parsed.GetValue(tensor) is { Length: > 0 } && (parsed.GetValue(checkTree) || parsed.GetValue(only) is { Length: > 0 }))
                throw new UsageException("--tensor reads a few chunks only and goes with neither --check-tree nor --file; to compare the whole file with the signed tree, open it by --file NAME --check-tree");
            var model = SealedDirectory.Read(parsed.GetValue(source)!);
            var trusted = keys.TrustedPublisher(parsed) ?? throw new RefusedException(
                $"no publisher's key says whose {model.Path} is; name the one you trust with --publisher FILE");
            model.RequirePublisher(trusted);
            model.RequireVersion(parsed.GetValue(minVersion));
            var to = parsed.GetValue(target)!;
            Opener.RequireFree(to);
            using var key = await keys.ModelKeyAsync(parsed, terminal, model, cancellation);
            if (parsed.GetValue(tensor) is { Length: > 0 } tensors)
            {
                long bytes;
                using (var progress = terminal.Progress($"opening {tensors.Length} tensors of {model.Path}", 0)) bytes = TensorOpener.OpenInto(model, key, to, tensors, progress);
                terminal.Answer(
                    new JsonObject { ["model_digest"] = model.Manifest.ModelDigest.ToString(), ["tensors"] = tensors.Length, ["bytes"] = bytes, ["out_dir"] = to },
                    words => words.WriteLine($"opened {tensors.Length} tensors, {Progress.Size(bytes)}, into {to}"));
                return ExitCode.Ok;
            }
            var files = Select(model, parsed.GetValue(only) ?? []);
            using (var progress = terminal.Progress($"opening {model.Path}", files.Sum(file => model.Manifest.Files[file].SealedLength)))
                new Opener(model, key, progress, cancellation).OpenInto(to, files, parsed.GetValue(checkTree));
            var total = files.Sum(file => model.Manifest.Files[file].Length);
            terminal.Answer(
                new JsonObject
                {
                    ["name"] = model.Manifest.Name, ["version"] = model.Manifest.Version, ["model_digest"] = model.Manifest.ModelDigest.ToString(),
                    ["publisher"] = model.Manifest.Publisher.ToString(), ["publisher_trusted"] = true, ["files"] = files.Count, ["bytes"] = total, ["out_dir"] = to,
                },
                words => words.WriteLine($"opened {model.Manifest.Name} version {model.Manifest.Version}: {files.Count} files, {Progress.Size(total)}, into {to}"));
            return ExitCode.Ok;
        });
    }

    private static List<int> Select(SealedDirectory model, string[] names)
    {
        var all = Enumerable.Range(0, model.Manifest.Files.Count);
        if (names.FirstOrDefault(name => model.Manifest.Files.All(file => file.Name != name)) is { } unknown) throw new UsageException($"{model.Path} has no file {unknown}; see strongroom inspect");
        return [.. names.Length == 0 ? all : all.Where(file => names.Contains(model.Manifest.Files[file].Name))];
    }
}
