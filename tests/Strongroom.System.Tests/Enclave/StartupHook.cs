// The runtime looks for a type of this name, in no namespace (DOTNET_STARTUP_HOOKS).
#pragma warning disable CA1050
internal sealed class StartupHook
#pragma warning restore CA1050
{
    public static void Initialize() => File.WriteAllText(Environment.GetEnvironmentVariable("STRONGROOM_HOOK_MARKER")!, "here");
}
