using System.Net;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Enclave.Evidence;
using Strongroom.Enclave.Gateway;
using Strongroom.Enclave.Loader;
using Strongroom.Enclave.Memory;
using Strongroom.Ledger;

namespace Strongroom.Enclave;

/// <summary>
/// What `strongroom enclave run` is told, on the command line or in a file of the same names (spec/inference-api.md, Configuration). Whom to trust has no
/// default: an enclave that is not pinned does not run.
/// </summary>
public sealed record EnclaveOptions
{
    public const string Usage = """
        strongroom enclave run --sealed DIR --request ID --broker URL --broker-key HEX --ledger VKEY --witness VKEY --publisher KEY
                               --client-key-file FILE (--evidence KIND | --tpm WHERE | --danger-development-evidence KEYFILE) [more]

        Asks the broker for a model's key, proves itself, opens the model in protected memory and answers on an OpenAI-compatible API.

        What to run
          --sealed DIR             the sealed model
          --request ID             the request that people approve for this machine
        Whom to trust: pinned, no default
          --broker URL             https address of the broker
          --broker-key HEX         SHA-256 of the public key (SPKI) of the broker's certificate
          --ledger VKEY            the ledger's verifier key (C2SP signed-note)
          --witness VKEY           a witness's; repeat for each, all must have cosigned
          --publisher KEY          a publisher's Ed25519 key in base64, or a file with it; repeat for each
        How to prove this machine
          --evidence KIND          sev-snp, tdx, nitro: its processor, with its NVIDIA GPUs; tpm; auto: the first of these that it has, told in the log
          --tpm WHERE              device:/dev/tpmrm0, also without --evidence; a software TPM for rehearsals: swtpm:HOST:PORT or swtpm:unix:PATH
          --event-log FILE         the firmware's measurements; default: the kernel's own file
          --state DIR              where starts of this boot are logged and the TLS certificate is put; default: /run/strongroom
          --danger-development-evidence KEYFILE   a key in a file instead of a TPM: proves nothing, marks everything it touches
        How to run
          --memory KIND            secret: pages that not even the kernel reads; locked: fast, for memory that the processor encrypts.
                                   Default: locked with evidence of sev-snp, tdx or nitro, else secret
          --listen ADDRESS         of the inference API; default 127.0.0.1:8443, port 0 takes a free one
          --control ADDRESS        of the control plane; default 127.0.0.1:0
          --client-key-file FILE   SHA-256 of each client's key, one a line: printf %s KEY | sha256sum | cut -c1-64
          --control-key-file FILE  the same for operators of the control plane; default: nobody
          --tls-name NAME          a name in the TLS certificate beside the address; repeat for each
          --threads N              that compute; default: one for each core
          --no-wait                exit with 4 when approvals are missing, instead of asking again
          --forbid-debuggers       set Yama's ptrace_scope to 3, for the whole machine until it reboots, instead of running a guardian
          --json                   one JSON object a line instead of sentences
          --config FILE            all of this as JSON: {"sealed":"DIR","witness":["VKEY"],...}
        """;

    internal const string DefaultState = "/run/strongroom";
    internal const string DefaultEventLog = TpmPlace.KernelEventLog;

    private static readonly Arguments Known = new(
        [
            "sealed", "request", "broker", "broker-key", "ledger", "evidence", "tpm", "event-log", "state", "danger-development-evidence", "memory", "listen", "control",
            "client-key-file", "control-key-file", "threads",
        ],
        ["witness", "publisher", "tls-name"],
        ["no-wait", "forbid-debuggers", "json"]);

    public required string Sealed { get; init; }

    public required string Request { get; init; }

    public required Uri Broker { get; init; }

    public required Pins Pins { get; init; }

    /// <summary>One of <see cref="ThisMachine.Kinds"/> but auto; null beside development evidence.</summary>
    public string? Evidence { get; init; }

    public string Tpm { get; init; } = TpmDevice.Default;

    public string EventLog { get; init; } = DefaultEventLog;

    public string State { get; init; } = DefaultState;

    public string? DangerDevelopmentEvidence { get; init; }

    public MemoryKind Memory { get; init; }

    public required IPEndPoint Listen { get; init; }

    public required IPEndPoint Control { get; init; }

    public required ClientKeys ClientKeys { get; init; }

    public required ClientKeys ControlKeys { get; init; }

    public IReadOnlyList<string> TlsNames { get; init; } = [];

    public int Threads { get; init; }

    public bool NoWait { get; init; }

    public bool ForbidDebuggers { get; init; }

    public bool Json { get; init; }

    /// <summary>The command line as names and values: all that may be looked at before libcrypto has its memory, and so before a key can be parsed.</summary>
    public static ILookup<string, string> Split(IReadOnlyList<string> arguments) => Known.Parse(arguments, File.ReadAllBytes);

    /// <param name="given">As <see cref="Split"/> had it.</param>
    /// <param name="evidence">As <see cref="EvidenceOf"/> had it.</param>
    /// <exception cref="UsageException">Something is missing, or given twice.</exception>
    /// <exception cref="MalformedException">A key, digest or address is not what it should be.</exception>
    public static EnclaveOptions From(ILookup<string, string> given, string? evidence)
    {
        return new()
        {
            Sealed = One("sealed"),
            Request = One("request"),
            Broker = Uri.TryCreate(One("broker").TrimEnd('/') + "/", UriKind.Absolute, out var url) ? url : throw new UsageException("--broker is no address"),
            Pins = new(
                Digest.Parse(One("broker-key")), VerifierKey.Parse(One("ledger")), [.. Some("witness").Select(VerifierKey.Parse)],
                [.. Some("publisher").Select(Publisher)]),
            Evidence = evidence,
            Tpm = given["tpm"].SingleOrDefault() ?? TpmDevice.Default,
            EventLog = given["event-log"].SingleOrDefault() ?? DefaultEventLog,
            State = given["state"].SingleOrDefault() ?? DefaultState,
            DangerDevelopmentEvidence = given["danger-development-evidence"].SingleOrDefault(),
            Memory = MemoryOf(given, evidence),
            Listen = Address("listen", "127.0.0.1:8443"),
            Control = Address("control", "127.0.0.1:0"),
            ClientKeys = ClientKeys.Parse(File.ReadLines(One("client-key-file"))),
            ControlKeys = given["control-key-file"].SingleOrDefault() is { } file ? ClientKeys.Parse(File.ReadLines(file)) : new([]),
            TlsNames = [.. given["tls-name"]],
            Threads = int.TryParse(given["threads"].SingleOrDefault() ?? "0", out var threads) && threads >= 0 ? threads : throw new UsageException("--threads is a number"),
            NoWait = given.Contains("no-wait"),
            ForbidDebuggers = given.Contains("forbid-debuggers"),
            Json = given.Contains("json"),
        };

        string One(string name) => given[name].SingleOrDefault() ?? throw new UsageException($"--{name} is missing");

        IEnumerable<string> Some(string name) => given.Contains(name) ? given[name] : throw new UsageException($"--{name} is missing");

        IPEndPoint Address(string name, string otherwise) =>
            IPEndPoint.TryParse(given[name].SingleOrDefault() ?? otherwise, out var at) ? at : throw new UsageException($"--{name} is an address and a port: 127.0.0.1:8443");
    }

    /// <summary>Whoever names a TPM means it: no other evidence is given in its place, and none beside development evidence.</summary>
    /// <param name="given">As <see cref="Split"/> had it.</param>
    /// <param name="strongest">The kind that auto stands for.</param>
    /// <exception cref="UsageException">No kind, an unknown one, or two.</exception>
    public static string? EvidenceOf(ILookup<string, string> given, Func<string> strongest)
    {
        var hasTpm = given.Contains("tpm");
        if ((hasTpm || given.Contains("evidence")) == given.Contains("danger-development-evidence"))
            throw new UsageException("prove this machine by --evidence or --tpm (or, where nothing is at stake, by --danger-development-evidence), one of them");
        if (given.Contains("danger-development-evidence")) return null;
        var kind = given["evidence"].SingleOrDefault("tpm");
        if (!ThisMachine.Kinds.Contains(kind)) throw new UsageException($"--evidence is one of {string.Join(", ", ThisMachine.Kinds)}");
        if (hasTpm && kind is not "tpm") throw new UsageException($"--tpm goes with --evidence tpm, not with {kind}");
        return kind == "auto" ? strongest() : kind;
    }

    /// <summary>
    /// Inside a TEE the processor encrypts all memory, and root is part of the measured guest that people approved: what <c>secret</c> would add does not pay for
    /// filling it slowly. A policy that wants it nevertheless names it, and the lease binds what was reserved.
    /// </summary>
    public static MemoryKind MemoryOf(ILookup<string, string> given, string? evidence) =>
        given["memory"].SingleOrDefault() is { } named ? MemoryKinds.Parse(named)
        : CompositeEvidence.CpuKinds.Contains(evidence) ? MemoryKind.Locked
        : MemoryKind.Secret;

    private static Ed25519PublicKey Publisher(string text) => Ed25519PublicKey.Parse(File.Exists(text) ? File.ReadAllText(text).Trim() : text);
}
