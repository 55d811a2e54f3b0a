using Strongroom.Bytes;
using Strongroom.Keys;

namespace Strongroom.Broker;

/// <summary>How the custody key is opened at the start: from a file (a systemd credential, a mounted secret), from a pipe, or by somebody at the terminal.</summary>
internal static class Passphrase
{
    /// <exception cref="RefusedException">There is none.</exception>
    public static Secret Read(string? file) =>
        (file is not null ? PassphraseFile.Read(file) : Console.IsInputRedirected ? Piped() : HiddenLine.Ask("Passphrase of the custody key", Console.Error))
        ?? throw new RefusedException("the custody key is protected by a passphrase: hand it in by --passphrase-file or on standard input");

    private static Secret? Piped()
    {
        using var stream = Console.OpenStandardInput();
        return PassphraseFile.FirstLine(stream);
    }
}
