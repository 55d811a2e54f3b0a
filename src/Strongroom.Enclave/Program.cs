using System.Globalization;
using System.Runtime.InteropServices;
using Strongroom.Enclave;
using Strongroom.Enclave.Evidence;
using Strongroom.Enclave.Hardening;
using Strongroom.Enclave.Loader;
using Strongroom.Enclave.Memory;

const string Name = "strongroom enclave";
var json = args.Contains("--json");
try
{
    return args switch
    {
        [Guardian.Verb, var enclave] => Guard(int.Parse(enclave, CultureInfo.InvariantCulture)),
        [GpuProcess.Verb, .. var nonce] => GpuProcess.Run(nonce, Console.Out),
        ["--help" or "-h"] or [_, "--help" or "-h"] => Help(),
        ["run", .. var rest] => Run(rest),
        _ => EvidenceVerbs.Run(args, Console.Out) ?? throw new UsageException($"strongroom enclave {args.FirstOrDefault()}: there is no such verb"),
    };
}
catch (Exception e) when (Failure.Of(e, Name) is { ExitCode: not 70 } failure)
{
    return failure.Tell(Name, Console.Error, json ? Console.Out : null);
}

static int Help()
{
    Console.WriteLine(EnclaveOptions.Usage);
    Console.WriteLine(EvidenceVerbs.Usage);
    return 0;
}

static int Guard(int enclave)
{
    CleanStart.Ensure(Guardian.CompilesOnce);
    return Guardian.Run(enclave);
}

static int Run(string[] arguments)
{
    CleanStart.Ensure();
    var given = EnclaveOptions.Split(arguments);
    var evidence = EnclaveOptions.EvidenceOf(given, ThisMachine.Strongest);
    // Before libcrypto makes its first allocation, and so before a key can be parsed.
    CryptoHeap.Start(EnclaveOptions.MemoryOf(given, evidence));
    var options = EnclaveOptions.From(given, evidence);
    var report = new Report(Console.Out, options.Json);
    if (options.ForbidDebuggers) Yama.ForbidDebuggers();
    if (!Yama.ForbidsDebuggers) report.Say("guarded", "no debugger can attach: the guardian holds the place", ("guardian", Guardian.Start()));
    ProcessLimits.Harden();
    using var life = new EnclaveLife(options, MachineOf(options, report), report);
    using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => End(signal, "SIGTERM"));
    using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => End(signal, "SIGINT"));
    var (code, sayWhy) = Live(life, report);
    CryptoHeap.Wipe();
    sayWhy(); // after the last wipe: nobody reads a pipe that is full
    Strongroom.Enclave.Native.Process._exit(code);
    return code;

    void End(PosixSignalContext signal, string name)
    {
        signal.Cancel = true;
        life.End(name);
    }
}

// Whatever happened, what follows is the wipe; so nothing is thrown from here.
static (int Code, Action SayWhy) Live(EnclaveLife life, Report report)
{
    try
    {
        using (life)
        {
            var (code, reason) = life.RunAsync().GetAwaiter().GetResult();
            return (code, () =>
            {
                if (reason is not null) report.Say("ended", $"ended, key and weights wiped: {reason}", ("reason", reason));
            });
        }
    }
    catch (Exception e)
    {
        var failure = Failure.Of(e, Name);
        return (failure.ExitCode, () =>
        {
            if (failure.ExitCode == 70) Console.Error.WriteLine(e); // where the bug is
            report.Fail(failure, Name, Console.Error);
        });
    }
}

static Machine MachineOf(EnclaveOptions options, Report report)
{
    if (options.DangerDevelopmentEvidence is { } path)
    {
        report.Say("danger", "DANGER: development evidence proves nothing about this machine", ("development", true));
        return DevelopmentMachine.Open(path);
    }
    var (machine, kind, words) = ThisMachine.Open(options.Evidence!, new(options.Tpm, options.EventLog, options.State));
    report.Say("evidence", words, ("kind", kind));
    return machine;
}

public partial class Program;
