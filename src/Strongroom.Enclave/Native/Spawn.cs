using System.IO.Pipes;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Strongroom.Bytes;
using Strongroom.Enclave.Hardening;

namespace Strongroom.Enclave.Native;

/// <summary>
/// spawn.h and sys/wait.h: this program once more, for one answer on its standard output. The runtime's own way to start a process would take over SIGCHLD, which the
/// guardian must keep to itself (<see cref="Hardening.Tracer"/>).
/// </summary>
internal static unsafe partial class Spawn
{
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
        (int, byte[]) said = default;
        ExceptionDispatchInfo? failure = null;
        var starter = new Thread(() => // one that ends with the process: it gives up what is not to be handed on
        {
            try
            {
                Confinement.OfWhatThisThreadStarts();
                said = AskFromHere(command, environment, max, patience);
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        starter.Start();
        starter.Join();
        failure?.Throw();
        return said;
    }

    private static (int Status, byte[] Answer) AskFromHere(string[] command, string[] environment, int max, TimeSpan patience)
    {
        var until = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        using var pipe = new AnonymousPipeServerStream(PipeDirection.In, HandleInheritability.None);
        var process = Start(command, environment, output: (int)pipe.ClientSafePipeHandle.DangerousGetHandle());
        byte[]? answer = null;
        (int Status, bool ByItself) end;
        try
        {
            pipe.DisposeLocalCopyOfClientHandle(); // or its end would never come
            answer = Read(pipe, max, patience);
        }
        finally
        {
            end = End(process, answer is null ? 0 : until); // who closes its output may still not end
        }
        return end.ByItself ? (end.Status, answer) : throw TooLong(patience);
    }

    private static byte[] Read(Stream pipe, int max, TimeSpan patience)
    {
        var answer = new byte[max + 1];
        var reading = pipe.ReadAtLeastAsync(answer, answer.Length, throwOnEndOfStream: false).AsTask();
        if (!reading.Wait(patience)) throw TooLong(patience);
        return reading.Result <= max ? answer[..reading.Result] : throw new UnavailableException($"more than {max} bytes were said");
    }

    /// <summary>Waits for the end of the process; then, in milliseconds since the machine started, kills it and what it started. It is reaped in any case.</summary>
    private static (int Status, bool ByItself) End(int process, long until)
    {
        for (var killed = false; ; Thread.Sleep(1))
        {
            if (!killed && Environment.TickCount64 > until)
            {
                _ = Process.kill(-process, Process.Kill); // its group, once it has one
                _ = Process.kill(process, Process.Kill);
                killed = true;
            }
            var ended = Ptrace.waitpid(process, out var status, NoHang);
            if (ended > 0) return (status, !killed);
            if (ended < 0) throw Errno.Failure("awaiting the end of a process");
        }
    }

    private static UnavailableException TooLong(TimeSpan patience) => new($"nothing was said for {patience.TotalSeconds} s");

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
}
