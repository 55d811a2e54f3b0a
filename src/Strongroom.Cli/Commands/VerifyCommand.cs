using System.CommandLine;
using System.Text.Json.Nodes;
using Strongroom.Cli.Sealing;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom verify SEALED_DIR</c>.</summary>
internal static class VerifyCommand
{
    internal static Command Create()
    {
        var source = new Argument<string>("SEALED_DIR") { Description = "A sealed model" };
        var keys = new SealedModelOptions();
        var decrypt = new Option<bool>("--decrypt") { Description = "Authenticate every chunk as well, with the custody key; writes nothing" };
        var minVersion = new Option<long?>("--min-version") { Description = "Refuse an older version of the model" };
        return new Command(
            "verify",
            """
            Check a sealed model without writing anything.

            Needs no secret: the signature, the names, and the tree over every sealed byte. With --decrypt and --custody it also authenticates
            every chunk. Without a publisher's key it can only say that the model is consistent, not whose it is: publisher_trusted is false.
            """).With(source, keys.Publisher, keys.Custody, keys.Identity, decrypt, minVersion, keys.PassphraseFrom).Runs(async (parsed, terminal, cancellation) =>
        {
            var model = SealedDirectory.Read(parsed.GetValue(source)!);
            var trusted = keys.TrustedPublisher(parsed);
            if (trusted is not null) model.RequirePublisher(trusted);
            model.RequireVersion(parsed.GetValue(minVersion));
            using var key = parsed.GetValue(decrypt) ? await keys.ModelKeyAsync(parsed, terminal, model, cancellation) : null;
            using (var progress = terminal.Progress($"verifying {model.Path}", model.SealedBytes))
                new Opener(model, key, progress, cancellation).Verify(checkTree: true);
            var manifest = model.Manifest;
            terminal.Answer(
                new JsonObject
                {
                    ["ok"] = true, ["name"] = manifest.Name, ["version"] = manifest.Version, ["model_digest"] = manifest.ModelDigest.ToString(),
                    ["publisher"] = manifest.Publisher.ToString(), ["publisher_trusted"] = trusted is not null, ["tree"] = true, ["decrypted"] = key is not null,
                    ["files"] = manifest.Files.Count, ["sealed_bytes"] = model.SealedBytes,
                },
                words =>
                {
                    words.WriteLine($"{manifest.Name} version {manifest.Version} is as it was sealed: signature, names, {Progress.Size(model.SealedBytes)} of sealed bytes{(key is null ? "" : ", every chunk authenticated")}");
                    words.WriteLine($"model digest {manifest.ModelDigest}");
                    words.WriteLine($"publisher_trusted: {(trusted is null ? "false (name the key you trust with --publisher; anyone could have sealed this)" : "true")}");
                });
            return ExitCode.Ok;
        });
    }
}
