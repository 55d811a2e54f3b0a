using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Strongroom.Broker.Tests;

/// <summary>What the compiler cannot say: who may touch a model's key.</summary>
public sealed partial class ReleaseCodeTests
{
    [Fact]
    public void A_model_key_is_unwrapped_for_a_grant_and_to_check_an_upload_and_nowhere_else()
    {
        var source = Path.Combine(Repository(), "src/Strongroom.Broker");
        var callers =
            from file in Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories)
            from _ in Unwrap().Matches(File.ReadAllText(file))
            select Path.GetRelativePath(source, file);
        Assert.Equal(["Models/ModelEndpoints.cs", "Release/KeyRelease.cs"], callers.Order());
    }

    [Fact]
    public void What_releases_keys_takes_nothing_but_a_grant()
    {
        var methods = typeof(Broker.Release.KeyRelease).GetMethods(System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.DeclaredOnly);
        Assert.All(methods, method => Assert.True(method.GetParameters()[0].ParameterType.IsAssignableTo(typeof(Broker.Release.KeyGrant)), method.Name));
        var grants = typeof(Broker.Release.KeyGrant).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Broker.Release.KeyGrant))).ToList();
        Assert.Equal([typeof(Broker.Kbs.GuestGrant), typeof(Broker.Release.ReleaseGrant)], grants.OrderBy(type => type.Name));
        Assert.All(grants, type => Assert.Empty(type.GetConstructors()));
    }

    private static string Repository([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../.."));

    [GeneratedRegex(@"\bUnwrap\w*Async\(")]
    private static partial Regex Unwrap();
}
