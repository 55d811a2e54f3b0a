using System.Text;
using Strongroom.Enclave.Native;

namespace Strongroom.Enclave.Hardening;

/// <summary>
/// Starts the process over with an environment of our own making. The runtime reads its environment before any of our code runs (startup hooks, profilers,
/// the diagnostics socket; LD_PRELOAD before even that), so what came with the first start can only be shed by a second.
/// </summary>
public static unsafe class CleanStart
{
    private const string Marker = "STRONGROOM_CLEAN_START=1";

    /// <summary>Where programs and the runtime are found, how the terminal looks: what may pass from the caller.</summary>
    private static readonly string[] Passed = ["PATH", "HOME", "TERM", "LANG", "TZ", "DOTNET_ROOT"];

    private static readonly string[] Set =
    [
        Marker,
        "DOTNET_EnableDiagnostics=0", // no debugger transport, no profiler, no diagnostics socket
        "DOTNET_EnableDiagnostics_IPC=0",
        "DOTNET_EnableDiagnostics_Debugger=0",
        "DOTNET_EnableDiagnostics_Profiler=0",
        "DOTNET_DbgEnableMiniDump=0",
        "DOTNET_gcServer=0",
        "DOTNET_NOLOGO=1",
    ];

    /// <summary>Returns only in a process that has the clean environment; before that it replaces the process by itself, same id, same arguments.</summary>
    /// <param name="more">What this process has beside the rest.</param>
    /// <exception cref="InvalidOperationException">The environment is unclean although this is the second start.</exception>
    public static void Ensure(params string[] more)
    {
        var found = Split(File.ReadAllBytes("/proc/self/environ"));
        string[] wanted = [.. Wanted(found), .. more];
        if (found.ToHashSet().SetEquals(wanted)) return;
        if (found.Contains(Marker)) throw new InvalidOperationException("the environment of the clean start is not clean");
        RemoveDiagnosticsSockets();
        Execute("/proc/self/exe", Split(File.ReadAllBytes("/proc/self/cmdline")), wanted);
    }

    /// <summary>The program and arguments that start this program again, with <paramref name="arguments"/> in place of its own.</summary>
    internal static string[] Command(params string[] arguments)
    {
        var mine = Split(File.ReadAllBytes("/proc/self/cmdline"));
        var own = Environment.GetCommandLineArgs().Length - 1;
        return [.. mine[..^own], .. arguments];
    }

    internal static string[] Wanted(IEnumerable<string> found) =>
        [.. found.Where(variable => Passed.Contains(variable.Split('=')[0])), .. Set];

    private static void Execute(string path, string[] arguments, string[] environment)
    {
        using var p = new CStrings([path]);
        using var a = new CStrings(arguments);
        using var e = new CStrings(environment);
        Errno.Require(Native.Process.execve(p.Pointer[0], a.Pointer, e.Pointer), "starting again with a clean environment");
    }

    /// <summary>The first start's runtime opened some before our first line; without their process they are only names, but names that mislead.</summary>
    private static void RemoveDiagnosticsSockets()
    {
        foreach (var pattern in (string[])[$"dotnet-diagnostic-{Environment.ProcessId}-*", $"clr-debug-pipe-{Environment.ProcessId}-*"])
            foreach (var socket in Directory.EnumerateFiles(Path.GetTempPath(), pattern)) File.Delete(socket);
    }

    private static string[] Split(byte[] zeroTerminated) => Encoding.UTF8.GetString(zeroTerminated).Split('\0')[..^1];
}
