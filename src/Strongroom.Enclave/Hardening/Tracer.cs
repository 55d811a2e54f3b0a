using System.Globalization;
using Strongroom.Enclave.Native;

namespace Strongroom.Enclave.Hardening;

/// <summary>
/// Holds the one place that a process has for a debugger, and does nothing with it: every thread of the other process is traced with PTRACE_SEIZE
/// (ptrace(2)), so that another tracer, root's included, gets EPERM; and with PTRACE_O_EXITKILL, so that the place is never free again.
/// </summary>
/// <remarks>
/// A traced thread stops for its tracer at every signal; the runtime stops its threads for collections by signals, so they are handed on at once.
/// ptrace belongs to a thread: all of this runs on one, which blocks every signal, because it may itself be traced by the process that it traces and
/// two tracers that each wait for the other's signal stop would wait for ever. So would two that each wait for a thread that they start: the guardian's starts none
/// (<see cref="Guardian.CompilesOnce"/>).
/// </remarks>
internal sealed unsafe class Tracer
{
    private readonly int process;
    private readonly TaskCompletionSource seized = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long stops;

    private Tracer(int process) => this.process = process;

    /// <summary>Signals and thread starts handled since the start.</summary>
    internal long Stops => Interlocked.Read(ref stops);

    /// <summary>Returns when every thread of <paramref name="process"/> is held.</summary>
    /// <exception cref="Bytes.UnavailableException">Somebody traces it already, or the kernel refuses.</exception>
    internal static Tracer Hold(int process, Action? afterwards = null)
    {
        IgnoreChildStops();
        var tracer = new Tracer(process);
        new Thread(() => tracer.Run(afterwards), 256 << 10) { IsBackground = true, Name = "tracer" }.Start();
        tracer.seized.Task.GetAwaiter().GetResult();
        return tracer;
    }

    private void Run(Action? afterwards)
    {
        BlockSignals();
        try
        {
            SeizeAll();
        }
        catch (Exception e)
        {
            seized.SetException(e);
            return;
        }
        seized.SetResult();
        Serve();
        afterwards?.Invoke();
    }

    /// <summary>New threads of a seized thread are seized with it (PTRACE_O_TRACECLONE); a pass that finds none unseized has therefore found all.</summary>
    private void SeizeAll()
    {
        var held = new HashSet<int>();
        for (var found = true; found;)
        {
            found = false;
            foreach (var directory in Directory.EnumerateDirectories($"/proc/{process}/task"))
            {
                var thread = int.Parse(Path.GetFileName(directory), CultureInfo.InvariantCulture);
                if (!held.Add(thread)) continue;
                found = true;
                if (Ptrace.ptrace(Ptrace.Seize, thread, 0, Ptrace.TraceClone | Ptrace.ExitKill) == 0) continue;
                var error = Errno.Failure($"holding the debugger's place of thread {thread}");
                if (Directory.Exists(directory) && Tracers.Of(directory) != Tracers.CurrentThread) throw error;
            }
        }
    }

    private void Serve()
    {
        while (true)
        {
            var thread = Ptrace.waitpid(-1, out var status, Ptrace.AllThreads | Ptrace.OwnOnly);
            if (thread < 0)
            {
                if (Errno.Last == Errno.Interrupted) continue;
                return;
            }
            var stopped = (status & 0xff) == 0x7f;
            if (stopped) Resume(thread, status);
            else if (thread == process) return;
        }
    }

    private void Resume(int thread, int status)
    {
        stops++;
        var signal = (status >> 8) & 0xff;
        var isEvent = status >> 16 != 0;
        // A process that is stopped cannot end its lease: stopping is not handed on.
        var handedOn = isEvent || signal is Native.Process.Stop or Native.Process.TerminalStop ? 0 : signal;
        _ = Ptrace.ptrace(Ptrace.Continue, thread, 0, handedOn); // fails only when the thread has died meanwhile
    }

    private static void BlockSignals()
    {
        var all = stackalloc ulong[16];
        new Span<ulong>(all, 16).Fill(ulong.MaxValue);
        _ = Native.Process.pthread_sigmask(Native.Process.Block, all, null);
    }

    /// <summary>Otherwise every stop of the traced is a SIGCHLD here, which, when we are traced too, is a stop there, without end.</summary>
    private static void IgnoreChildStops() =>
        Errno.Require(Native.Process.sigaction(Native.Process.Child, new() { Flags = Native.Process.NoChildStop }, 0), "ignoring stops of children");
}
