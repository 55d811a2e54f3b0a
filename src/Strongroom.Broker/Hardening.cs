using System.Runtime.InteropServices;
using System.Text;

namespace Strongroom.Broker;

/// <summary>
/// Closes the doors that the .NET runtime opens by itself: the diagnostics socket, through which any process of the same user takes a full memory dump,
/// and core dumps. Start-up hooks are compiled out (StartupHookSupport in the project file).
/// </summary>
internal static unsafe partial class Hardening
{
    private const string Switch = "DOTNET_EnableDiagnostics";
    private const int PR_SET_DUMPABLE = 4; // linux/prctl.h

    /// <summary>
    /// The runtime reads the switch from its environment before any managed code runs and knows no other place for it, so the program starts itself
    /// once more, in the same process, with the switch set.
    /// </summary>
    public static void Apply()
    {
        if (Environment.GetEnvironmentVariable(Switch) != "0") Restart();
        _ = umask(0x3F); // 0077: whatever this program makes is its own user's alone
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) throw new InvalidOperationException($"prctl failed with error {Marshal.GetLastPInvokeError()}");
    }

    private static void Restart()
    {
        var arguments = File.ReadAllText("/proc/self/cmdline").Split('\0')[..^1];
        var variables = File.ReadAllText("/proc/self/environ").Split('\0')
            .Where(variable => variable.Length > 0 && !variable.StartsWith("DOTNET_STARTUP_HOOKS=", StringComparison.Ordinal)
                && !variable.StartsWith("DOTNET_EnableDiagnostics", StringComparison.OrdinalIgnoreCase))
            .Append(Switch + "=0");
        foreach (var socket in Directory.GetFiles(Path.GetTempPath(), $"dotnet-diagnostic-{Environment.ProcessId}-*")) File.Delete(socket); // execve closes it and leaves its name
        fixed (byte* path = Encoding.UTF8.GetBytes("/proc/self/exe\0")) execve(path, Pointers(arguments), Pointers(variables));
        throw new InvalidOperationException($"execve failed with error {Marshal.GetLastPInvokeError()}");
    }

    /// <summary>A null-ended array of null-ended strings; never freed, because execve replaces the process.</summary>
    private static byte** Pointers(IEnumerable<string> strings)
    {
        var list = strings.ToList();
        var array = (byte**)NativeMemory.AllocZeroed((nuint)list.Count + 1, (nuint)sizeof(byte*));
        for (var i = 0; i < list.Count; i++) array[i] = (byte*)Marshal.StringToCoTaskMemUTF8(list[i]);
        return array;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int prctl(int option, nuint a, nuint b, nuint c, nuint d);

    [LibraryImport("libc")]
    private static partial uint umask(uint mask);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int execve(byte* path, byte** arguments, byte** variables);
}
