using System.Runtime.CompilerServices;

namespace Strongroom.Tests;

/// <summary>Real evidence, vectors and models that are never committed: the folder <c>../shared</c> beside the repository, or STRONGROOM_SHARED.</summary>
public static class SharedFiles
{
    public static string Repository([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../.."));

    /// <summary>The full path of a file of the repository, whatever folder the calling test is in.</summary>
    public static string InRepository(string relative) => Path.Combine(Repository(), relative);

    private static string Root => Environment.GetEnvironmentVariable("STRONGROOM_SHARED") ?? Path.Combine(Repository(), "../shared");

    /// <summary>The full path of a shared file or folder; skips the calling test, with what to do, when it is not there.</summary>
    public static string Require(string relative)
    {
        var path = Path.GetFullPath(Path.Combine(Root, relative));
        if (!Path.Exists(path)) Assert.Skip($"shared/{relative} is not here: put the shared folder beside the repository or name it in STRONGROOM_SHARED");
        return path;
    }
}
