using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Broker;

/// <summary>How the custody key is opened at the start: from a file (a systemd credential, a mounted secret), from a pipe, or by somebody at the terminal.</summary>
internal static class Passphrase
{
    private const int MaxSizeInBytes = 1024;

    /// <exception cref="RefusedException">There is none.</exception>
    public static Secret Read(string? file)
    {
        using var line = new Secret(MaxSizeInBytes);
        var length = file is null && !Console.IsInputRedirected ? Ask(line.Span) : FirstLine(file, line.Span);
        return length > 0 ? Secret.CopyOf(line.Span[..length]) : throw new RefusedException("the custody key is protected by a passphrase: hand it in by --passphrase-file or on standard input");
    }

    private static int FirstLine(string? file, Span<byte> line)
    {
        using var stream = file is null ? Console.OpenStandardInput() : new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        var length = 0;
        while (length < line.Length && stream.Read(line.Slice(length, 1)) == 1 && line[length] != '\n') length++;
        return length > 0 && line[length - 1] == '\r' ? length - 1 : length;
    }

    private static int Ask(Span<byte> line)
    {
        Console.Error.Write("Passphrase of the custody key: ");
        using var typed = new Secret(MaxSizeInBytes);
        var characters = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, char>(typed.Span);
        var count = 0;
        for (var key = Console.ReadKey(true); key.Key != ConsoleKey.Enter && count < characters.Length; key = Console.ReadKey(true))
        {
            if (key.Key == ConsoleKey.Backspace) count = Math.Max(0, count - 1);
            else if (key.KeyChar >= ' ') characters[count++] = key.KeyChar;
        }
        Console.Error.WriteLine();
        return Encoding.UTF8.TryGetBytes(characters[..count], line, out var length) ? length : 0;
    }
}
