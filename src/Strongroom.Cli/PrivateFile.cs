using System.Text;

namespace Strongroom.Cli;

/// <summary>New files and directories that only their owner may read; never over what is there.</summary>
internal static class PrivateFile
{
    internal static void Write(string path, ReadOnlySpan<byte> bytes)
    {
        using var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        file.Write(bytes);
        file.Flush(flushToDisk: true);
    }

    internal static void Write(string path, string text) => Write(path, Encoding.UTF8.GetBytes(text));

    internal static void CreateDirectory(string path) =>
        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
}
