using System.Runtime.InteropServices;

namespace Strongroom.Enclave.Native;

/// <summary>sys/ptrace.h and sys/wait.h: as much as a tracer needs that only holds the place.</summary>
internal static partial class Ptrace
{
    internal const int Continue = 7; // PTRACE_CONT
    internal const int Seize = 0x4206; // PTRACE_SEIZE

    internal const nint TraceClone = 1 << 3; // PTRACE_O_TRACECLONE
    internal const nint ExitKill = 1 << 20; // PTRACE_O_EXITKILL

    internal const int EventStop = 128; // PTRACE_EVENT_STOP

    internal const int AllThreads = 0x40000000; // __WALL
    internal const int OwnOnly = 0x20000000; // __WNOTHREAD

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint ptrace(int request, int thread, nint address, nint data);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int waitpid(int thread, out int status, int options);
}
