using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Keys;

namespace Strongroom.Cli;

/// <summary>Ed25519 keys in key files (spec/key-files.md): of people and of a ledger.</summary>
internal static class SigningKey
{
    internal const string Person = "person";
    internal const string Ledger = "ledger";

    /// <summary>Makes a key and its file, which must not exist.</summary>
    /// <param name="passphrase">Null leaves the file unprotected.</param>
    internal static Ed25519PrivateKey Create(string path, string purpose, Secret? passphrase)
    {
        using var seed = Secret.Random(Ed25519PrivateKey.SeedSizeInBytes);
        KeyFile.Write(path, purpose, seed, passphrase);
        return Ed25519PrivateKey.FromSeed(seed.Span);
    }

    /// <param name="passphraseFile">Null asks at the terminal, or reads a line of standard input.</param>
    internal static Ed25519PrivateKey Open(string path, string purpose, string? passphraseFile, Terminal terminal)
    {
        using var file = KeyFile.Read(path, purpose, () => passphraseFile is null ? terminal.AskSecret($"passphrase of {path}") : PassphraseFile.Read(passphraseFile));
        return Ed25519PrivateKey.FromSeed(file.Key.Span);
    }

    /// <summary>A new passphrase: handed in, or typed twice where it cannot be seen.</summary>
    internal static Secret AskNew(Terminal terminal, string path, string? passphraseFile)
    {
        if (passphraseFile is not null) return PassphraseFile.Read(passphraseFile);
        var passphrase = terminal.AskSecret($"new passphrase for {path}");
        if (Console.IsInputRedirected) return passphrase;
        using var again = terminal.AskSecret("the same again");
        if (again.Length == passphrase.Length && again.Span.SequenceEqual(passphrase.Span)) return passphrase;
        passphrase.Dispose();
        throw new UsageException("the two passphrases differ; nothing was written");
    }
}
