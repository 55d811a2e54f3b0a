using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Strongroom.System.Tests.Sealing;

namespace Strongroom.System.Tests.People;

/// <summary>Witness and broker as they ship, in a directory of their own, and people who have nothing but the command line.</summary>
internal sealed partial class House : IAsyncDisposable
{
    private static int lastPort = Environment.ProcessId * 97; // another run beside this one begins elsewhere

    private readonly List<Process> programs = [];
    private readonly int watch = FreePort();

    private House()
    {
    }

    internal string Directory { get; } = global::System.IO.Directory.CreateTempSubdirectory("strongroom-house-").FullName;

    internal string Broker { get; private set; } = "";

    internal static async Task<House> BuildAsync()
    {
        var house = await FoundAsync();
        await house.StartWitnessAsync();
        await house.StartBrokerAsync();
        return house;
    }

    /// <summary>A directory and nothing in it.</summary>
    internal static House Empty() => new();

    /// <summary>Founded, but nothing runs.</summary>
    /// <param name="model">What is sealed as the storyteller; left out: a file that is no model.</param>
    /// <param name="development">Development evidence is allowed.</param>
    internal static async Task<House> FoundAsync(string? model = null, bool development = true)
    {
        var house = new House();
        global::System.IO.Directory.CreateDirectory(house.At("model"));
        await File.WriteAllTextAsync(house.At("model/weights.bin"), "weights");
        await house.MustAsync(0, "key", "create", "K.key", "--danger-unprotected");
        await house.MustAsync(0, "seal", model ?? "model", "sealed", "--custody", "file:K.key", "--name", "storyteller", "--version", "1");
        var witness = await house.WitnessKeyAsync();
        await house.MustAsync(
            0, ["init", "broker", "--ledger", "house.test/ledger", "--person", "ada", "--person", "ben", "--witness", witness, "--witness-url", house.WitnessUrl,
            "--listen", $"127.0.0.1:{FreePort()}", "--custody", "file:K.key", "--danger-unprotected", .. development ? (string[])["--danger-development-evidence"] : []]);
        return house;
    }

    internal string WitnessUrl => $"http://127.0.0.1:{watch}";

    internal string At(string path) => Path.Combine(Directory, path);

    internal async Task StartWitnessAsync()
    {
        var ledger = (string)JsonNode.Parse(await File.ReadAllTextAsync(At("people/ada.json")))!["ledger_key"]!;
        await StartAsync("Witness", "--key", "witness.key", "--ledger", ledger, "--state", "watched", "--listen", $"127.0.0.1:{watch}");
    }

    internal async Task StartBrokerAsync(params string[] arguments) => Broker = Address().Match(await StartAsync("Broker", ["--dir", "broker", .. arguments])).Value;

    internal async Task StopBrokerAsync()
    {
        programs[^1].Kill();
        await programs[^1].WaitForExitAsync();
    }

    /// <summary>The command line, run by a person; answered with --yes where it asks.</summary>
    internal Task<(int Code, string Output, string Error)> AsAsync(string person, params string[] arguments) =>
        CliProcess.RunAsync(Directory, [.. arguments, "--profile", $"people/{person}.json"]);

    internal async Task<JsonNode> AsAsync(int code, string person, params string[] arguments)
    {
        var (exit, output, error) = await AsAsync(person, [.. arguments, "--json"]);
        Assert.True(code == exit, $"{string.Join(' ', arguments)} exited with {exit}: {error}");
        return JsonNode.Parse(output)!;
    }

    internal Task CopyAsync(string verb, string from, string to) => MustAsync(0, verb, from, to);

    /// <summary>Ada proposes, Ben approves.</summary>
    internal async Task ChangeAsync(params string[] arguments)
    {
        var proposed = await AsAsync(4, "ada", [.. arguments, "--yes"]);
        await AsAsync(0, "ben", "approve", (string)proposed["subject"]!, "--yes");
    }

    /// <summary>As <see cref="ChangeAsync"/>, of changes that do not build on each other.</summary>
    internal async Task ChangeAllAsync(params string[][] changes)
    {
        var proposed = await Task.WhenAll(changes.Select(change => AsAsync(4, "ada", [.. change, "--yes"])));
        await Task.WhenAll(proposed.Select(each => AsAsync(0, "ben", "approve", (string)each["subject"]!, "--yes")));
    }

    /// <summary>People, publisher, reference values, policy, model and a development machine: all that a request needs.</summary>
    internal async Task FurnishAsync()
    {
        foreach (var (person, group) in (IEnumerable<(string, string)>)[("olga", "operators"), ("owner", "owners"), ("guard", "security")])
            await ChangeAsync("person", "add", person, "--group", group, "--danger-unprotected");
        await ChangeAsync("publisher", "add", "lab", "K.key.publisher.pub");
        await ChangeAsync("reference", "add", "laptop", "measured=nothing", "--kind", "development");
        await File.WriteAllTextAsync(At("policy.yaml"),
            """
            policy: v1
            rules:
              - name: try it
                models: [storyteller]
                purposes: [inference]
                machines:
                  - { evidence: development, reference_values: [laptop], danger_development_evidence: true }
                approvals:
                  - { group: owners, people: 1 }
                  - { group: security, people: 1 }
            """);
        await ChangeAsync("policy", "sign", "policy.yaml");
        await AsAsync(0, "olga", "model", "add", "sealed", "--publisher", "lab", "--yes");
        await AsAsync(0, "olga", "machine", "enrol", "--danger-development-evidence", "machine.key", "--yes");
    }

    /// <summary>A program of the house as it was built; returns the line that says that it listens.</summary>
    internal async Task<string> StartAsync(string name, params string[] arguments)
    {
        var program = Run(name, arguments);
        programs.Add(program);
        var line = await program.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        return line is not null && line.Contains("listens on", StringComparison.Ordinal) ? line : throw new InvalidOperationException(line ?? await program.StandardError.ReadToEndAsync());
    }

    internal Process Run(string name, params string[] arguments) =>
        Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, $"Strongroom.{name}.dll"), .. arguments])
        {
            WorkingDirectory = Directory, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;

    public async ValueTask DisposeAsync()
    {
        foreach (var program in programs)
        {
            if (!program.HasExited) program.Kill();
            await program.WaitForExitAsync();
            program.Dispose();
        }
        global::System.IO.Directory.Delete(Directory, recursive: true);
    }

    /// <summary>
    /// A port that is bound much later, when others have bound theirs: so none of those that the kernel gives to whoever asks for any (from 32768, and on some
    /// machines from 16384), and each only once.
    /// </summary>
    internal static int FreePort()
    {
        while (true)
        {
            var port = 6_000 + (Interlocked.Increment(ref lastPort) % 10_000);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // somebody else's
            }
        }
    }

    internal async Task<string> WitnessKeyAsync()
    {
        using var made = Run("Witness", "key", "create", "witness.key", "--name", "witness.test");
        var key = await made.StandardOutput.ReadLineAsync();
        await made.WaitForExitAsync();
        return key!;
    }

    internal async Task MustAsync(int code, params string[] arguments)
    {
        var (exit, _, error) = await CliProcess.RunAsync(Directory, arguments);
        Assert.True(code == exit, $"{string.Join(' ', arguments)} exited with {exit}: {error}");
    }

    [GeneratedRegex("https://[0-9.:]+")]
    private static partial Regex Address();
}
