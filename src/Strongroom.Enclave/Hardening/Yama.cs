using Strongroom.Bytes;

namespace Strongroom.Enclave.Hardening;

/// <summary>The Yama security module's ptrace_scope (Documentation/admin-guide/LSM/Yama.rst): 3 forbids every debugger on the machine until it reboots.</summary>
internal static class Yama
{
    private const string Path = "/proc/sys/kernel/yama/ptrace_scope";

    internal static bool ForbidsDebuggers => File.Exists(Path) && File.ReadAllText(Path).Trim() == "3";

    /// <summary>For the whole machine and until it reboots, so only where its operator asked for it.</summary>
    /// <exception cref="UnavailableException">This kernel has no Yama, or this process may not set it.</exception>
    internal static void ForbidDebuggers()
    {
        try
        {
            File.WriteAllText(Path, "3");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UnavailableException("Yama's ptrace_scope cannot be set to 3 here: run without --forbid-debuggers, a guardian takes its place", e);
        }
        if (!ForbidsDebuggers) throw new UnavailableException("Yama's ptrace_scope did not become 3");
    }
}
