using System.Diagnostics;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.System.Tests.Enclave;

/// <summary>The built enclave program, started as a user starts it, against a scripted broker.</summary>
internal sealed class EnclaveProcess : IDisposable
{
    private readonly Channel<JsonObject> events = Channel.CreateUnbounded<JsonObject>();
    private readonly StringBuilder errors = new();

    private EnclaveProcess(Process process, string state) => (Process, State) = (process, state);

    public Process Process { get; }

    public int Id => Process.Id;

    /// <summary>Its directory: all that it may have written besides temporary files.</summary>
    public string State { get; }

    public string Errors
    {
        get
        {
            lock (errors) return errors.ToString();
        }
    }

    public static string Program => Path.Combine(AppContext.BaseDirectory, "Strongroom.Enclave.dll");

    /// <param name="arguments">After `strongroom enclave`.</param>
    /// <param name="environment">Beside the test's own.</param>
    public static EnclaveProcess Start(string state, IEnumerable<string> arguments, params (string Name, string Value)[] environment) =>
        StartCommand(state, ["dotnet", Program, .. arguments], environment);

    /// <param name="command">A program that becomes the enclave, and its arguments.</param>
    public static EnclaveProcess StartCommand(string state, string[] command, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = state };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        var enclave = new EnclaveProcess(Process.Start(start)!, state);
        enclave.Process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is null) enclave.events.Writer.TryComplete();
            else if (line.Data.StartsWith('{')) enclave.events.Writer.TryWrite(JsonNode.Parse(line.Data)!.AsObject());
        };
        enclave.Process.ErrorDataReceived += (_, line) =>
        {
            lock (enclave.errors) enclave.errors.AppendLine(line.Data);
        };
        enclave.Process.BeginOutputReadLine();
        enclave.Process.BeginErrorReadLine();
        return enclave;
    }

    /// <summary>The next event of that name; what came before it is passed over.</summary>
    public async Task<JsonObject> ExpectAsync(string name)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        try
        {
            await foreach (var said in events.Reader.ReadAllAsync(patience.Token))
                if ((string?)said["event"] == name) return said;
        }
        catch (OperationCanceledException)
        {
            // Says below what it was waiting for.
        }
        throw new InvalidOperationException($"the enclave never said {name}: {Errors}");
    }

    /// <summary>The next event that is not about memory, which must have that name.</summary>
    public async Task<JsonObject> ExpectOnlyAsync(string name)
    {
        await foreach (var said in events.Reader.ReadAllAsync(TestContext.Current.CancellationToken))
            if ((string?)said["event"] is not ("reserving" or "reserved"))
                return (string?)said["event"] == name ? said : throw new InvalidOperationException($"the enclave said {said.ToJsonString()}, not {name}");
        throw new InvalidOperationException($"the enclave never said {name}: {Errors}");
    }

    /// <summary>Names of all events to come.</summary>
    public async Task<List<string>> ToTheEndAsync()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        var names = new List<string>();
        await foreach (var said in events.Reader.ReadAllAsync(patience.Token)) names.Add((string)said["event"]!);
        return names;
    }

    public async Task<int> ExitAsync()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        await Process.WaitForExitAsync(patience.Token);
        return Process.ExitCode;
    }

    /// <summary>A client that trusts this enclave's certificate and nothing else.</summary>
    public HttpClient Client(string address, string? key = EnclaveSetup.ClientKey)
    {
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(State, "enclave.crt"));
        var expected = Digest.Of(certificate.RawData);
        var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, presented, _, _) => Digest.Of(presented!.RawData) == expected };
        var client = new HttpClient(handler) { BaseAddress = new(address), Timeout = TimeSpan.FromSeconds(60) };
        if (key is not null) client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    public void Dispose()
    {
        if (!Process.HasExited) Process.Kill();
        Process.WaitForExit();
        Process.Dispose();
    }
}

/// <summary>A sealed model, a machine's development key, a broker, and the command line that joins them.</summary>
internal sealed class EnclaveSetup : IAsyncDisposable
{
    public const string ClientKey = "client-key-of-the-test";
    public const string ControlKey = "control-key-of-the-test";

    /// <summary>Where a confined enclave can write.</summary>
    public static readonly string[] Writable = ["/tmp", "/var/tmp", "/dev/shm", "/run"];

    private readonly byte[] machineSeed = RandomNumberGenerator.GetBytes(32);
    private readonly Ed25519PrivateKey machine;

    private EnclaveSetup(int padding)
    {
        machine = Ed25519PrivateKey.FromSeed(machineSeed);
        Directory = global::System.IO.Directory.CreateTempSubdirectory("enclave-test-").FullName;
        State = Path.Combine(Directory, "state");
        global::System.IO.Directory.CreateDirectory(State);
        Model = TinyModel.Seal(Path.Combine(Directory, "sealed"), padding: padding);
        Broker = new(Model, machine.PublicKey);
    }

    public string Directory { get; }

    public string State { get; }

    public TinyModel Model { get; }

    public ScriptedBroker Broker { get; }

    public byte[] MachineSeed => machineSeed;

    public static async Task<EnclaveSetup> CreateAsync(int padding = 0)
    {
        var setup = new EnclaveSetup(padding);
        await setup.Broker.StartAsync();
        File.WriteAllText(Path.Combine(setup.Directory, "machine.key"), Convert.ToBase64String(setup.machineSeed));
        File.WriteAllText(Path.Combine(setup.Directory, "clients"), Digest.Of(Encoding.UTF8.GetBytes(ClientKey)) + " # the test\n");
        File.WriteAllText(Path.Combine(setup.Directory, "operators"), Digest.Of(Encoding.UTF8.GetBytes(ControlKey)) + "\n");
        return setup;
    }

    /// <summary>The whole command line, with some options replaced, or left out where the value is null.</summary>
    public IEnumerable<string> Arguments(params (string Name, string? Value)[] changes)
    {
        var options = new Dictionary<string, string?>
        {
            ["sealed"] = Model.Directory,
            ["request"] = ScriptedBroker.Request,
            ["broker"] = Broker.Address,
            ["broker-key"] = Broker.Pin.Key.ToString(),
            ["ledger"] = Broker.Ledger.Verifier.ToString(),
            ["witness"] = Broker.Witness.Verifier.ToString(),
            ["publisher"] = Model.Publisher.PublicKey.ToString(),
            ["danger-development-evidence"] = Path.Combine(Directory, "machine.key"),
            ["state"] = State,
            ["memory"] = "secret",
            ["listen"] = "127.0.0.1:0",
            ["client-key-file"] = Path.Combine(Directory, "clients"),
            ["control-key-file"] = Path.Combine(Directory, "operators"),
        };
        foreach (var (name, value) in changes) options[name] = value;
        return ["run", "--json", .. options.Where(option => option.Value is not null).SelectMany(option => (string[])["--" + option.Key, option.Value!])];
    }

    public EnclaveProcess Run(params (string Name, string? Value)[] changes) => EnclaveProcess.Start(State, Arguments(changes));

    /// <summary>With a root of its own, where nothing can be written but files of its own in <see cref="Writable"/>; the setup's directory lies in one of them.</summary>
    public EnclaveProcess RunConfined(params (string Name, string? Value)[] changes)
    {
        const string Confine = """
            set -e
            mount --bind "$0" "$0"
            while read -r _ place type _; do
                case $type in ext*|xfs|btrfs|overlay|tmpfs|9p|virtiofs|fuse*) [ "$place" = "$0" ] || mount -o remount,bind,ro "$place" ;; esac
            done < /proc/mounts
            mount --bind "$0" /mnt
            for place in $1; do mount -t tmpfs none "$place"; done
            shift
            mkdir -p "$0"
            mount --move /mnt "$0"
            cd "$0"
            exec dotnet "$@"
            """;
        return EnclaveProcess.StartCommand(State, ["unshare", "--mount", "sh", "-c", Confine, Directory, string.Join(' ', Writable), EnclaveProcess.Program, .. Arguments(changes)]);
    }

    public async ValueTask DisposeAsync()
    {
        await Broker.DisposeAsync();
        Model.Dispose();
        machine.Dispose();
        global::System.IO.Directory.Delete(Directory, recursive: true);
    }
}
