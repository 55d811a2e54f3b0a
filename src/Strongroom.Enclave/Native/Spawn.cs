using System.IO.Pipes;
using System.Runtime.InteropServices;
using Strongroom.Bytes;

namespace Strongroom.Enclave.Native;

/// <summary>
/// spawn.h and sys/wait.h: this program once more, for one answer on its standard output. The runtime's own way to start a process would take over SIGCHLD, which the
/// guardian must keep to itself (<see cref="Hardening.Tracer"/>).
/// </summary>
internal static unsafe partial class Spawn
{
    private const int Kill = 9; // SIGKILL
    private const int NoHang = 1; // WNOHANG
    private const int SizeOfFileActions = 256; // posix_spawn_file_actions_t has 80 bytes in glibc on x86-64 and arm64

    /// <param name="command">argv of this program's executable.</param>
    /// <param name="environment">All of it.</param>
    /// <param name="max">Longest answer.</param>
    /// <param name="patience">After this the process is killed.</param>
    /// <returns>Exit status as waitpid(2) gives it, and the answer.</returns>
    /// <exception cref="UnavailableException">It could not be started, took too long, or said too much.</exception>
    internal static (int Status, byte[] Answer) Ask(string[] command, string[] environment, int max, TimeSpan patience)
    {
        var started = Environment.TickCount64;
        using var pipe = new AnonymousPipeServerStream(PipeDirection.In, HandleInheritability.None);
        var process = Start(command, environment, output: (int)pipe.ClientSafePipeHandle.DangerousGetHandle());
        pipe.DisposeLocalCopyOfClientHandle(); // or its end would never come
        var answer = new byte[max + 1];
        var reading = pipe.ReadAtLeastAsync(answer, answer.Length, throwOnEndOfStream: false).AsTask();
        var inTime = reading.Wait(patience);
        if (!inTime || reading.Result > max) _ = kill(process, Kill);
        int ended, status;
        while ((ended = Ptrace.waitpid(process, out status, NoHang)) == 0) // who closes its output may still not end
        {
            if (Environment.TickCount64 - started > patience.TotalMilliseconds)
            {
                inTime = false;
                _ = kill(process, Kill);
            }
            Thread.Sleep(1);
        }
        if (ended < 0) throw Errno.Failure("awaiting the end of a process");
        if (!inTime) throw new UnavailableException($"nothing was said for {patience.TotalSeconds} s");
        return reading.Result <= max ? (status, answer[..reading.Result]) : throw new UnavailableException($"more than {max} bytes were said");
    }

    private static int Start(string[] command, string[] environment, int output)
    {
        using var path = new CStrings(["/proc/self/exe"]);
        using var arguments = new CStrings(command);
        using var variables = new CStrings(environment);
        var actions = stackalloc byte[SizeOfFileActions];
        if (posix_spawn_file_actions_init(actions) != 0) throw new UnavailableException("no process could be started");
        int process = 0;
        var error = posix_spawn_file_actions_adddup2(actions, output, 1);
        if (error == 0) error = Process.posix_spawn(&process, path.Pointer[0], (nint)actions, 0, arguments.Pointer, variables.Pointer);
        _ = posix_spawn_file_actions_destroy(actions);
        return error == 0 ? process : throw new UnavailableException($"no process could be started (error {error})");
    }

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_init(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_adddup2(byte* actions, int descriptor, int becomes);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_destroy(byte* actions);

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
