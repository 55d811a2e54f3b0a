using System.CommandLine;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Keys;

namespace Strongroom.Cli.Sealing;

/// <summary>The options by which commands name keys, and how they are opened.</summary>
internal sealed class SealedModelOptions
{
    internal Option<string?> Custody { get; } = new("--custody") { Description = "Where the custody key lives, file:PATH; its publisher key defaults to the one beside it", HelpName = "URI" };

    internal Option<string?> Publisher { get; } = new("--publisher") { Description = "The publisher's public key that you trust (PATH.publisher.pub)", HelpName = "FILE" };

    internal Option<string?> Identity { get; } = new("--identity") { Description = "A private key that the model was sealed to with --recipient (instead of --custody)", HelpName = "FILE" };

    internal Option<string?> PassphraseFrom { get; } = PassphraseOption();

    internal static Option<string?> PassphraseOption() => new("--passphrase-file") { Description = "The first line of this file is the key's passphrase; the file is yours alone (chmod 600), or a pipe: /dev/fd/N", HelpName = "FILE" };

    /// <param name="key">The key file's path, or a custody URI: what the prompt names.</param>
    internal static Func<Secret> Passphrase(string? file, Terminal terminal, string key) =>
        () => file is not null ? PassphraseFile.Read(file) : terminal.AskSecret($"passphrase of {PathOf(key) ?? key}");

    /// <summary>The path in <c>file:PATH</c>; null for other kinds.</summary>
    internal static string? PathOf(string? custody) => custody is not null && custody.StartsWith("file:", StringComparison.Ordinal) ? custody["file:".Length..] : null;

    /// <summary>The pinned publisher: as named, or beside the custody key; null when there is none.</summary>
    internal Ed25519PublicKey? TrustedPublisher(ParseResult parsed)
    {
        if (parsed.GetValue(Publisher) is { } named) return PublisherKeys.ReadPublic(named);
        if (parsed.GetValue(Custody) is not { } uri || PathOf(Named(uri)) is not { } path) return null;
        if (!File.Exists(path)) throw new FileNotFoundException(null, path); // whose publisher is missing only because the path is wrong
        var beside = path + "." + PublisherKeys.Purpose + PublisherKeys.PublicExtension;
        return File.Exists(beside) ? PublisherKeys.ReadPublic(beside) : null;
    }

    /// <exception cref="UsageException">No place for keys is named so.</exception>
    internal static KeyProvider Open(string uri, Func<Secret> passphrase) => KeyProvider.Open(Named(uri), passphrase);

    /// <exception cref="UsageException">No place for keys is named so.</exception>
    internal static string Named(string uri) => KeyProvider.Names(uri) ? uri : throw new UsageException($"'{uri}' names no place for keys: file:PATH");

    /// <summary>The model's key through custody or an HPKE identity; whoever holds neither is told what to name.</summary>
    internal async Task<Secret> ModelKeyAsync(ParseResult parsed, Terminal terminal, SealedDirectory model, CancellationToken cancellation)
    {
        if (parsed.GetValue(Identity) is { } identity)
        {
            var kem = KeyFile.PurposeOf(identity);
            using var file = KeyFile.Read(identity, kem, Passphrase(parsed.GetValue(PassphraseFrom), terminal, identity));
            using var key = HpkePrivateKey.From(kem, file.Key.Span);
            return model.Recipients.Open(key);
        }
        var uri = parsed.GetValue(Custody) ?? throw new UsageException("name the key: --custody file:PATH, or --identity FILE");
        using var custody = Open(uri, Passphrase(parsed.GetValue(PassphraseFrom), terminal, uri));
        return await custody.UnwrapModelKeyAsync(model.Recipients, cancellation);
    }
}
