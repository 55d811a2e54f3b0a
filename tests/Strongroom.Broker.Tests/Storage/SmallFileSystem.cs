using System.Diagnostics;

namespace Strongroom.Broker.Tests.Storage;

/// <summary>A file system of a few megabytes in memory, which can really be full. Skips its test where nothing may be mounted.</summary>
internal sealed class SmallFileSystem : IDisposable
{
    private readonly string mountPoint = Directory.CreateTempSubdirectory("strongroom-small-").FullName;

    public SmallFileSystem(int megabytes)
    {
        if (Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "none", mountPoint)) return;
        Directory.Delete(mountPoint);
        Assert.Skip("nothing may be mounted here: run the tests as root, and a container with --cap-add SYS_ADMIN");
    }

    /// <summary>For a test to make and to delete.</summary>
    public string Folder => Path.Combine(mountPoint, "folder");

    private string Ballast => Path.Combine(mountPoint, "ballast");

    /// <summary>Writes until nothing more is taken.</summary>
    public void Fill()
    {
        try
        {
            using var file = new FileStream(Ballast, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
            while (true) file.Write(new byte[4096]);
        }
        catch (IOException)
        {
            // full
        }
    }

    public void Free() => File.Delete(Ballast);

    public void Dispose()
    {
        Assert.True(Run("umount", mountPoint));
        Directory.Delete(mountPoint);
    }

    private static bool Run(string program, params IEnumerable<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
