using System.Security.Cryptography;
using System.Text;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.System.Tests.Enclave;

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
