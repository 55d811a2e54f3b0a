using Strongroom.Bytes;

namespace Strongroom.Keys;

/// <summary>A passphrase that is handed in: a file that its owner alone may read, a mounted secret, or a pipe by its descriptor (/dev/fd/N).</summary>
public static class PassphraseFile
{
    public const int MaxSizeInBytes = 1024;

    /// <summary>The first line, without its end; it never touches the collected heap.</summary>
    /// <exception cref="RefusedException">Others may read or write the file, or there is no passphrase in it.</exception>
    public static Secret Read(string path)
    {
        using var stream = SecretFile.Open(path);
        SecretFile.RequirePrivate(stream, path);
        return FirstLine(stream) ?? throw new RefusedException($"{path} does not begin with a passphrase of 1 to {MaxSizeInBytes} bytes");
    }

    /// <summary>Null when the line is empty or longer than any passphrase.</summary>
    public static Secret? FirstLine(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using var line = new Secret(MaxSizeInBytes + 1);
        var length = 0;
        while (length < line.Length && stream.Read(line.Span.Slice(length, 1)) == 1 && line.Span[length] != '\n') length++;
        if (length > MaxSizeInBytes) return null;
        if (length > 0 && line.Span[length - 1] == '\r') length--;
        return length > 0 ? Secret.CopyOf(line.Span[..length]) : null;
    }
}
