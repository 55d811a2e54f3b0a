using System.Runtime.InteropServices;

namespace Strongroom.Enclave.Native;

/// <summary>unistd.h, spawn.h and signal.h.</summary>
internal static unsafe partial class Process
{
    internal const int Block = 0; // SIG_BLOCK
    internal const int Kill = 9; // SIGKILL
    internal const int Child = 17; // SIGCHLD
    internal const int Trap = 5; // SIGTRAP
    internal const int Stop = 19; // SIGSTOP
    internal const int TerminalStop = 20; // SIGTSTP
    internal const int NoChildStop = 1; // SA_NOCLDSTOP

    /// <summary>struct sigaction as glibc lays it out on x86-64 and arm64.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Action
    {
        internal nint Handler;
        internal fixed ulong Mask[16];
        internal int Flags;
        internal nint Restorer;
    }

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int execve(byte* path, byte** arguments, byte** environment);

    [LibraryImport("libc")]
    internal static partial int posix_spawn(int* process, byte* path, nint actions, nint attributes, byte** arguments, byte** environment);

    [LibraryImport("libc")]
    internal static partial int setsid();

    /// <param name="process">Of a group, where negative.</param>
    [LibraryImport("libc")]
    internal static partial int kill(int process, int signal);

    [LibraryImport("libc")]
    internal static partial int pthread_sigmask(int how, ulong* set, ulong* old);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int sigaction(int signal, in Action action, nint old);

    /// <summary>Ends the process at once: no destructor, no exit handler, nothing that could still read a secret.</summary>
    [LibraryImport("libc")]
    internal static partial void _exit(int status);
}
