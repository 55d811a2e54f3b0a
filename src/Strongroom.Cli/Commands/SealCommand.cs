using System.CommandLine;
using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Cli.Sealing;
using Strongroom.Crypto;
using Strongroom.Keys;
using Strongroom.Sealing;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom seal MODEL_DIR SEALED_DIR</c>.</summary>
internal static class SealCommand
{
    internal const string HpkePrefix = "hpke:";

    internal static Command Create()
    {
        var source = new Argument<string>("MODEL_DIR") { Description = "The model: a directory of any files, or one file" };
        var target = new Argument<string>("SEALED_DIR") { Description = "A new or empty directory" };
        var keys = new SealedModelOptions();
        var signing = new Option<string?>("--publisher") { Description = "The publisher's private key; default: PATH.publisher beside file:PATH", HelpName = "FILE" };
        var name = new Option<string>("--name") { Description = "The model's name: letters, digits, . _ -", Required = true };
        var version = new Option<long>("--version") { Description = "1, 2, 3, ...: grows with each release; readers can refuse older ones", Required = true };
        var recipients = new Option<string[]>("--recipient") { Description = "Also seal to this key, hpke:x25519:BASE64 or hpke:p256:BASE64; may be repeated", HelpName = "KEY" };
        var follow = new Option<bool>("--follow-links") { Description = "Seal what symbolic links point to; without it a link is an error" };
        var resume = new Option<bool>("--resume") { Description = "Go on with an interrupted sealing: finished files stay, an unfinished one starts again" };
        return new Command(
            "seal",
            """
            Encrypt every file of a model and sign what was sealed.

            SEALED_DIR then holds one .sealed file for each file, manifest.json (signed) and recipients.json (the model's key, wrapped for custody).
            It can be stored anywhere: without the custody key it is worthless, and any change to it is noticed.
            """).With(source, target, keys.Custody, signing, name, version, recipients, follow, resume, keys.PassphraseFrom)
            .Runs(async (parsed, terminal, cancellation) =>
        {
            var uri = parsed.GetValue(keys.Custody) ?? throw new UsageException("name the custody key: --custody file:PATH");
            var from = parsed.GetValue(source)!;
            var to = parsed.GetValue(target)!;
            RequireApart(from, to);
            RequireSpeakable(parsed.GetValue(name)!, parsed.GetValue(version)); // before an hour of work, not after
            var phrase = parsed.GetValue(keys.PassphraseFrom);
            using var custody = SealedModelOptions.Open(uri, SealedModelOptions.Passphrase(phrase, terminal, uri));
            var publisherPath = parsed.GetValue(signing) ?? (SealedModelOptions.PathOf(uri) is { } path ? $"{path}.{PublisherKeys.Purpose}" : throw new UsageException("name the publisher's key: --publisher FILE"));
            using var publisher = PublisherKeys.Open(publisherPath, SealedModelOptions.Passphrase(phrase, terminal, publisherPath));
            var model = PlainModel.List(from, parsed.GetValue(follow));
            var sealer = new Sealer(to, custody, publisher, [.. (parsed.GetValue(recipients) ?? []).Select(Recipient)]);
            Manifest manifest;
            using (var progress = terminal.Progress($"sealing {from}", model.Sum(file => file.Length)))
            {
                manifest = await sealer.SealAsync(
                    model, parsed.GetValue(name)!, parsed.GetValue(version), parsed.GetValue(resume), parsed.GetValue(follow), TimeProvider.System.GetUtcNow(), progress, cancellation);
            }
            if (sealer.NotKept is { } why) terminal.Note($"the manifest that was signed before the interruption is not kept, another one was signed: {why}");
            terminal.Answer(
                new JsonObject
                {
                    ["name"] = manifest.Name, ["version"] = manifest.Version, ["model_digest"] = manifest.ModelDigest.ToString(), ["publisher"] = manifest.Publisher.ToString(),
                    ["files"] = manifest.Files.Count, ["bytes"] = manifest.Files.Sum(file => file.Length), ["sealed_dir"] = to,
                },
                words =>
                {
                    words.WriteLine($"sealed {manifest.Name} version {manifest.Version}: {manifest.Files.Count} files, {Progress.Size(manifest.Files.Sum(file => file.Length))}, into {to}");
                    words.WriteLine($"model digest {manifest.ModelDigest}");
                });
            return ExitCode.Ok;
        });
    }

    internal static HpkePublicKey Recipient(string text) =>
        text.StartsWith(HpkePrefix, StringComparison.Ordinal) ? HpkePublicKey.Parse(text[HpkePrefix.Length..]) : throw new UsageException($"a recipient is written hpke:x25519:BASE64, not '{text}'");

    private static void RequireSpeakable(string name, long version)
    {
        try
        {
            Manifest.RequireModelName(name);
            Manifest.RequireVersion(version);
        }
        catch (MalformedException e)
        {
            throw new UsageException(e.Message);
        }
    }

    private static void RequireApart(string from, string to)
    {
        var (model, target) = (Path.GetFullPath(from) + "/", Path.GetFullPath(to) + "/");
        if (target.StartsWith(model, StringComparison.Ordinal)) throw new UsageException($"{to} lies inside {from}; name a directory elsewhere");
    }
}
