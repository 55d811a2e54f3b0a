using System.Globalization;
using Strongroom.Bytes;
using Strongroom.Enclave.Native;

namespace Strongroom.Enclave.Hardening;

/// <summary>
/// A second process that traces the enclave from before it has a secret, so that no debugger can; the enclave traces it in turn, so that nobody can take
/// the guardian and through it the enclave. Each has PTRACE_O_EXITKILL on the other: kill one and both are gone.
/// </summary>
internal static unsafe class Guardian
{
    internal const string Verb = "guardian";

    /// <summary>
    /// Every method is compiled once, for good. Else the tracer's own calls make the runtime start a thread that compiles them better: the enclave must let that
    /// thread run, may start such a thread of its own to do so, and then each waits for the other for ever.
    /// </summary>
    internal const string CompilesOnce = "DOTNET_TieredCompilation=0";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Starts the guardian of this process and returns its process id when each holds the other.</summary>
    /// <exception cref="UnavailableException">Somebody else traces this process, or the guardian could not be started.</exception>
    internal static int Start()
    {
        if (Tracers.Of("/proc/self") != 0) throw new UnavailableException("a debugger traces this process already: start the enclave without one");
        var guardian = Spawn(CleanStart.Command(Verb, Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
        _ = Prctl.prctl(Prctl.SetPtracer, guardian); // refused where there is no Yama, needed where it says 1
        Await(() => Tracers.AllHeld(Environment.ProcessId, guardian), guardian);
        Tracer.Hold(guardian, afterwards: () => Native.Process._exit(1));
        return guardian;
    }

    /// <summary>The guardian's own life: hold, be held, serve until the enclave is gone.</summary>
    internal static int Run(int enclave)
    {
        _ = Native.Process.setsid(); // a Ctrl-C at the terminal is for the enclave, which wipes; the guardian ends with it
        _ = Prctl.prctl(Prctl.SetPtracer, enclave);
        using var ended = new ManualResetEventSlim();
        Tracer.Hold(enclave, ended.Set);
        Await(() => Tracers.AllHeld(Environment.ProcessId, enclave), enclave);
        ProcessLimits.Harden();
        ended.Wait();
        return 0;
    }

    private static int Spawn(string[] command)
    {
        using var path = new CStrings(["/proc/self/exe"]);
        using var arguments = new CStrings(command);
        using var environment = new CStrings([.. CleanStart.Wanted([]), CompilesOnce]);
        int process;
        var error = Native.Process.posix_spawn(&process, path.Pointer[0], 0, 0, arguments.Pointer, environment.Pointer);
        return error == 0 ? process : throw new UnavailableException($"the guardian could not be started (error {error})");
    }

    private static void Await(Func<bool> held, int other)
    {
        var started = Environment.TickCount64;
        while (!held())
        {
            if (!Directory.Exists($"/proc/{other}") || Environment.TickCount64 - started > Patience.TotalMilliseconds)
                throw new UnavailableException("the guardian could not take the debugger's place: is ptrace permitted here?");
            Thread.Sleep(1);
        }
    }
}
