using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Broker;
using Strongroom.Bytes;
using Strongroom.Cli;
using Strongroom.Cli.Commands;
using Strongroom.Facts;
using Strongroom.Keys;
using Strongroom.System.Tests.Enclave;
using Strongroom.System.Tests.People;
using Strongroom.System.Tests.Sealing;
using Strongroom.Tests.Attestation.Composite;

namespace Strongroom.System.Tests.Collect;

/// <summary>
/// A house whose machines have TEEs, built as docs/how-to/tee-machine.md says, line by line. The programs are those that ship, except where somebody must believe the test
/// vendors, whom no program knows: the broker, and the commands that verify evidence, run here.
/// </summary>
public sealed class TeeHouse : IAsyncDisposable
{
    /// <summary>How long a bundle counts.</summary>
    private static readonly TimeSpan Endorsed = TimeSpan.FromDays(7);

    private readonly List<SimulatedGuest> guests = [];
    private Task? building;
    private Task<string>? standing;
    private House? house;
    private BrokerHost? broker;

    internal House House => house!;

    internal StandingClock Clock { get; } = new();

    internal TestMachine Snp { get; } = TestMachine.SnpWithGpus(DateTimeOffset.UtcNow, gpus: 1);

    internal TestMachine OtherSnp { get; } = OtherChip();

    internal TestMachine Tdx { get; } = Bare(TestMachine.TdxWithSwitches(DateTimeOffset.UtcNow));

    internal SimulatedGuest SnpGuest => guests[0];

    internal SimulatedGuest TdxGuest => guests[1];

    /// <summary>The broker's address and everybody's pins, as every profile has them.</summary>
    internal JsonNode Profile => JsonNode.Parse(File.ReadAllText(House.At("people/ada.json")))!;

    /// <summary>When the bundle on record stops to count.</summary>
    internal DateTimeOffset Stale { get; private set; }

    internal Task BuiltAsync() => building ??= BuildAsync();

    internal static TsmModule Module(TestMachine machine) => new(machine.Kind == "tdx" ? "tdx_guest" : "sev_guest", challenge => machine.Cpu(challenge, DateTimeOffset.UtcNow));

    /// <summary>A command of the program that ships, in a guest; its files by absolute paths, since it starts at the root.</summary>
    internal static Task<(int Code, string Output, string Error)> InAsync(SimulatedGuest guest, params string[] arguments) =>
        RunAsync(guest.Command(["dotnet", CliProcess.Program(), .. arguments, "--json"]));

    internal static async Task<(int Code, string Output, string Error)> RunAsync(string[] command)
    {
        using var process = global::System.Diagnostics.Process.Start(new global::System.Diagnostics.ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }

    /// <summary>A command that verifies evidence, told whom to believe.</summary>
    internal async Task<JsonNode> VerifyingAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await CommandLine.RunAsync([.. arguments, "--json"], [MachineCommand.Create(Read), LedgerCommand.Create(Read)], new() { Output = output, Error = error, EnableDefaultExceptionHandler = false });
        Assert.True(code == 0, $"{string.Join(' ', arguments)} ended with {code}: {error}");
        return JsonNode.Parse(output.ToString())!;
    }

    /// <summary>What the vendors of all machines said a while ago, signed by the collector and put on record.</summary>
    /// <param name="stale">When it stops to count.</param>
    internal async Task EndorseAsync(DateTimeOffset stale)
    {
        var collected = (Stale = stale) - Endorsed;
        using var lab = PublisherKeys.Open(House.At("lab.key.publisher"), null);
        var name = $"bundle-{Guid.NewGuid():N}";
        await File.WriteAllBytesAsync(House.At(name), EndorsementBundle.Sign(collected, [.. VendorFiles(collected.AddDays(1)).Select(file => new BundledFile(file.Bytes, file.Name))], lab));
        await House.AsAsync(0, "olga", "endorsements", "record", name, "--collector", "lab", "--yes");
    }

    /// <param name="at">The day after the vendors signed all of it.</param>
    internal IEnumerable<(string Name, byte[] Bytes)> VendorFiles(DateTimeOffset at) =>
        new[] { Snp, OtherSnp, Tdx }.SelectMany((machine, i) => machine.Files(at).Select(file => ($"{i}-{file.Name}", file.Bytes.ToArray())));

    /// <summary>The lines of docs/how-to/endorsements.md.</summary>
    internal async Task EndorseAgainAsync()
    {
        Directory.CreateDirectory(House.At("vendors"));
        foreach (var (name, bytes) in VendorFiles(DateTimeOffset.UtcNow)) await File.WriteAllBytesAsync(House.At($"vendors/{name}"), bytes);
        await House.MustAsync(0, "endorsements", "export", "vendors", "bundle", "--key", "lab.key.publisher");
        await House.MustAsync(0, "endorsements", "check", "bundle", "--collector", "lab.key.publisher.pub");
        Stale = DateTimeOffset.UtcNow + Endorsed;
        Clock.Set(DateTimeOffset.UtcNow);
        await House.AsAsync(0, "olga", "endorsements", "record", "bundle", "--collector", "lab", "--yes");
        await House.AsAsync(0, "olga", "endorsements", "show");
    }

    /// <summary>Asked for by one, approved by two.</summary>
    internal async Task<string> ApprovedAsync(TestMachine machine, params string[] more)
    {
        var request = await OpenAsync(machine, "inference", more);
        await ApproveAsync(request);
        return request;
    }

    internal Task ApproveAsync(string request) =>
        Task.WhenAll(House.AsAsync(0, "owner", "approve", request, "--yes"), House.AsAsync(0, "guard", "approve", request, "--yes"));

    internal async Task<string> OpenAsync(TestMachine machine, string purpose, params string[] more)
    {
        Clock.Set(new[] { DateTimeOffset.UtcNow, Stale.AddSeconds(-1) }.Min());
        var opened = await House.AsAsync(0, "olga", ["request", "open", "storyteller", "--machine", MachineOf(machine), "--purpose", purpose, .. more, "--yes"]);
        return (string)opened["subject"]!;
    }

    /// <summary>One request for the SEV-SNP guest, of which nothing is spent by what is refused.</summary>
    internal Task<string> StandingAsync() => standing ??= ApprovedAsync(Snp);

    internal EnclaveProcess Run(SimulatedGuest guest, string evidence, string request)
    {
        var state = Directory.CreateDirectory(House.At($"state-{Guid.NewGuid():N}")).FullName;
        var profile = Profile;
        return guest.Enclave(state,
            "run", "--json", "--evidence", evidence, "--sealed", House.At("sealed"), "--request", request, "--broker", (string)profile["broker"]!, "--broker-key", (string)profile["broker_key"]!,
            "--ledger", (string)profile["ledger_key"]!, "--witness", (string)profile["witnesses"]![0]!, "--publisher", House.At("K.key.publisher.pub"), "--client-key-file", House.At("clients"),
            "--listen", "127.0.0.1:0", "--state", state, "--no-wait");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var guest in guests) guest.Dispose();
        if (broker is not null) await broker.DisposeAsync();
        if (house is not null) await house.DisposeAsync();
    }

    private async Task BuildAsync()
    {
        guests.Add(new(Module(Snp), new(Snp.Gpus.Single())));
        guests.Add(new(Module(Tdx)));
        house = await House.FoundAsync(Samples(), development: false);
        await house.StartWitnessAsync();
        Clock.Set(DateTimeOffset.UtcNow);
        broker = await BrokerHost.StartAsync(
            BrokerDirectory.Open(new(house.At("broker"), null, null, null, false)), Clock, new Limits(), () => new SocketsHttpHandler { AllowAutoRedirect = false }, CancellationToken.None, Read);
        await house.MustAsync(0, "key", "create", "lab.key", "--danger-unprotected");
        await house.ChangeAllAsync(
            ["person", "add", "olga", "--group", "operators", "--danger-unprotected"], ["person", "add", "owner", "--group", "owners", "--danger-unprotected"],
            ["person", "add", "guard", "--group", "security", "--danger-unprotected"], ["publisher", "add", "maker", "K.key.publisher.pub"], ["collector", "add", "lab", "lab.key.publisher.pub"]);
        await Task.WhenAll(EndorseAsync(stale: Clock.GetUtcNow().AddMinutes(3)), house.AsAsync(0, "olga", "model", "add", "sealed", "--publisher", "maker", "--yes"));
        await File.WriteAllTextAsync(house.At("clients"), Digest.Of(Encoding.UTF8.GetBytes(EnclaveSetup.ClientKey)) + "\n");
        await Task.WhenAll(EnrolAsync(SnpGuest, "sev-snp"), EnrolAsync(TdxGuest, "tdx"));
        await File.WriteAllTextAsync(house.At("policy.yaml"),
            """
            policy: v1
            rules:
              - name: machines with a TEE
                models: [storyteller]
                purposes: [inference]
                machines:
                  - evidence: sev-snp
                    reference_values: [guests]
                    maximum_evidence_age: 1 minute
                    maximum_starts_per_boot: 1
                  - evidence: tdx
                    reference_values: [domains]
                    maximum_evidence_age: 1 minute
                    maximum_starts_per_boot: 1
                approvals:
                  - { group: owners, people: 1 }
                  - { group: security, people: 1 }
              - name: guests with components of others
                models: [storyteller]
                purposes: [elsewhere]
                machines:
                  - evidence: tdx
                    reference_values: [domains]
                    maximum_evidence_age: 1 minute
                    maximum_starts_per_boot: 1
                    danger_kbs_guests: true
                check_tree: false
                approvals:
                  - { group: owners, people: 1 }
                  - { group: security, people: 1 }
            """);
        await house.ChangeAllAsync(
            ["reference", "add", "guests", "--machine", MachineOf(Snp), "--minimum", "tcb.snp", "--minimum", "tcb.microcode"], ["reference", "add", "domains", "--machine", MachineOf(Tdx)],
            ["policy", "sign", "policy.yaml"]);
    }

    /// <summary>The three lines of the how-to, for a machine that has no profile of a person.</summary>
    private async Task EnrolAsync(SimulatedGuest guest, string kind)
    {
        var (challenge, evidence) = ($"challenge-{kind}.json", House.At($"evidence-{kind}.json"));
        var nonce = (string)(await House.AsAsync(0, "olga", "machine", "challenge", kind, "--out", challenge))["nonce"]!;
        var (code, _, error) = await InAsync(guest, "machine", "evidence", "--nonce", nonce, "--out", evidence);
        Assert.True(code == 0, error);
        await VerifyingAsync("machine", "enrol", "--challenge", House.At(challenge), "--evidence", evidence, "--yes", "--profile", House.At("people/olga.json"));
    }

    internal static string MachineOf(TestMachine machine) => machine.Identity(DateTimeOffset.UtcNow).MachineId();

    private RecordedEndorsements Read(ReadOnlyMemory<byte> bundle) => RecordedEndorsements.Read(bundle, Snp.Roots);

    private static TestMachine OtherChip()
    {
        var machine = TestMachine.SnpWithGpus(DateTimeOffset.UtcNow, gpus: 1);
        machine.Snp!.Fill(0x1A0, 64, 0x34);
        machine.Snp.Key = machine.Snp.Key with { HardwareId = machine.Snp.Report[0x1A0..0x1E0] };
        return machine;
    }

    private static TestMachine Bare(TestMachine machine)
    {
        machine.Gpus.Clear();
        machine.Switches.Clear();
        return machine;
    }

    private static string Samples([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../samples/kjv"));
}

/// <summary>The broker's clock: stands until it is set, and never goes back.</summary>
internal sealed class StandingClock : TimeProvider
{
    private long ticks;

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref ticks), TimeSpan.Zero);

    internal void Set(DateTimeOffset now) => Interlocked.Exchange(ref ticks, Math.Max(ticks, Timestamp.WholeSecond(now).Ticks));
}
