using System.Text;
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

    internal static Ed25519PrivateKey Open(string path, string purpose, Terminal terminal)
    {
        using var file = KeyFile.Read(path, purpose, () => Ask(terminal, $"passphrase of {path}"));
        return Ed25519PrivateKey.FromSeed(file.Key.Span);
    }

    /// <summary>A new passphrase, typed twice where it cannot be seen.</summary>
    internal static Secret AskNew(Terminal terminal, string path)
    {
        var passphrase = Ask(terminal, $"new passphrase for {path}");
        if (Console.IsInputRedirected) return passphrase;
        using var again = Ask(terminal, "the same again");
        if (again.Length == passphrase.Length && again.Span.SequenceEqual(passphrase.Span)) return passphrase;
        passphrase.Dispose();
        throw new UsageException("the two passphrases differ; nothing was written");
    }

    private static Secret Ask(Terminal terminal, string prompt)
    {
        var typed = terminal.AskSecret(prompt);
        return typed.Length > 0 ? Secret.Take(Encoding.UTF8.GetBytes(typed)) : throw new UsageException($"{prompt}: it is empty; without a passphrase ask for --danger-unprotected");
    }
}
