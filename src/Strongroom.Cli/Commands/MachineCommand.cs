using System.CommandLine;
using System.Text.Json.Nodes;
using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Cli.Machines;
using Strongroom.Facts;
using Strongroom.Protocol;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom machine enrol|measure|evidence|list|show|retire</c>.</summary>
internal static class MachineCommand
{
    private static readonly Argument<string> Machine = new("machine") { Description = "A machine's id, or as much of its beginning as only it has" };

    private static readonly Option<string> Tpm = new("--tpm") { Description = "device:/dev/tpmrm0, swtpm:HOST:PORT or swtpm:unix:PATH", DefaultValueFactory = _ => "device:/dev/tpmrm0" };
    private static readonly Option<string[]> Intermediates = new("--intermediate") { Description = "A certificate between the TPM's and its maker's root; may be repeated" };
    private static readonly Option<string?> Pcrs = new("--pcrs") { Description = "The PCRs that say how it booted, ascending: 0,1,...; by default 0 to 7, the firmware's; 8, 9 and 14 are GRUB's and shim's" };
    private static readonly Option<string?> Development = new("--danger-development-evidence") { Description = "A key file instead of a TPM, made if it is not there: proves nothing" };

    internal static Command Create() => new Command("machine", "Machines that may prove themselves").With(Enrol(), Measure(), Collect(), List(), Show(), Retire());

    private static Command Enrol() => new Command("enrol", "Enrol the machine that this runs on; the operator's profile signs").With(Tpm, Pcrs, Intermediates, Development).Signs(async (parsed, session, _, cancel) =>
    {
        var machine = await LocalAsync(parsed, cancel);
        var challenge = await session.Broker.ChallengeAsync(machine.Introduction, cancel);
        if (challenge.Machine != machine.Id) throw new RefusedException($"the broker challenged {challenge.Machine}, this is {machine.Id}");
        var certificates = (machine.Introduction.EndorsementCertificates ?? []).Select(certificate => Digest.Of(certificate.Span)).ToList();
        return new(session, new EnrolMachine(
            session.Ledger, Facts.Command.NewId(), session.Person, Session.Now, machine.Id, machine.Introduction.Kind, machine.Introduction.AttestationKey, machine.Pcrs,
            EnrolledMachine.DefaultApplicationPcr, certificates is [var endorsement, ..] ? endorsement : null, machine.Measured.Digest(),
            certificates.Count > 1 ? [.. certificates.Skip(1)] : null))
        {
            Done = "is enrolled",
            Send = async (signed, stop) => await session.Broker.EnrolAsync(new(signed, challenge.Challenge, await machine.ActivateAsync(challenge, stop), machine.Measured.ToBytes()), stop),
        };
    });

    private static Command Measure() => new Command("measure", "What this machine measures now, as strongroom reference add takes it").With(Tpm, Pcrs, Development).Runs(async (parsed, terminal, cancel) =>
    {
        var machine = await LocalAsync(parsed, cancel);
        var values = machine.Values.OrderBy(value => value.Key, StringComparer.Ordinal).ToList();
        terminal.Answer(
            new JsonObject
            {
                ["machine"] = machine.Id, ["kind"] = machine.Introduction.Kind, ["measurement"] = machine.Measured.Digest().ToString(),
                ["values"] = new JsonObject(values.Select(value => KeyValuePair.Create(value.Key, (JsonNode?)value.Value))),
            },
            text => values.ForEach(value => text.WriteLine($"{value.Key}={value.Value}")));
        return ExitCode.Ok;
    });

    private static Command Collect()
    {
        var kind = new Option<string>("--evidence") { Description = "sev-snp, tdx or nitro; auto: the one that is there", DefaultValueFactory = _ => "auto", HelpName = "KIND" };
        var nonce = new Option<string?>("--nonce") { Description = "What the evidence answers, 32 bytes in hexadecimal; drawn and told if it is left out", HelpName = "HEX" };
        var file = new Option<string>("--out") { Description = "A new file", Required = true, HelpName = "FILE" };
        return new Command("evidence", "What this machine's processor and GPUs say, in a file for strongroom evidence verify --kind composite").With(kind, nonce, file).Runs(async (parsed, terminal, cancel) =>
        {
            var path = parsed.GetRequiredValue(file);
            if (File.Exists(path)) throw new UsageException($"{path} is there already; name a new file");
            List<string> asked = ["--evidence", parsed.GetRequiredValue(kind), "--out", Path.GetFullPath(path)];
            if (parsed.GetValue(nonce) is { } given) asked.AddRange(["--nonce", given]);
            var said = JsonNode.Parse(await SiblingProgram.RunAsync("Enclave", ["evidence", .. asked], cancel))!.AsObject();
            terminal.Answer(said, text =>
            {
                text.WriteLine($"{said["kind"]} with {said["devices"]} device(s), in {path}");
                text.WriteLine($"  nonce    {said["nonce"]}");
                text.WriteLine($"  machine  {(string?)said["machine"] ?? "it does not say which one it is, and cannot be enrolled"}");
            });
            return ExitCode.Ok;
        });
    }

    private static Task<LocalMachine> LocalAsync(ParseResult parsed, CancellationToken cancel)
    {
        if (parsed.GetValue(Development) is not { } key) return LocalMachine.TpmAsync(parsed.GetRequiredValue(Tpm), parsed.GetValue(Intermediates) ?? [], parsed.GetValue(Pcrs), cancel);
        if (((Option[])[Tpm, Intermediates, Pcrs]).FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } other)
            throw new UsageException($"{Development.Name} stands in the place of a TPM: leave it out, or {other.Name}");
        return LocalMachine.DevelopmentAsync(key, cancel);
    }

    private static Command List() => new Command("list", "Every machine that was ever enrolled").Talks(async (_, session, terminal, cancel) =>
    {
        var machines = await session.Broker.MachinesAsync(cancel);
        terminal.Answer(machines, ProtocolJson.Default.IReadOnlyListMachineDetails, text => Columns.Write(
            text, ["MACHINE", "EVIDENCE", "MEASUREMENT", "SINCE", ""],
            machines.Select(machine => (IReadOnlyList<string>)
                [machine.Machine, machine.Kind, machine.Measurement?.ToString() ?? "-", Timestamp.Format(machine.At), machine.Active ? "" : "retired"]), "no machine was enrolled"));
        return ExitCode.Ok;
    });

    private static Command Show() => new Command("show", "One machine").With(Machine).Talks(async (parsed, session, terminal, cancel) =>
    {
        var machine = await FindAsync(session, parsed.GetRequiredValue(Machine), cancel);
        terminal.Answer(machine, ProtocolJson.Default.MachineDetails, text =>
        {
            text.WriteLine($"{machine.Machine}{(machine.Active ? "" : ", retired")}");
            text.WriteLine($"  evidence     {machine.Kind}{(machine.Pcrs.Count == 0 ? "" : $", PCRs {string.Join(",", machine.Pcrs)}, starts in PCR {machine.ApplicationPcr}")}");
            text.WriteLine($"  measurement  {machine.Measurement?.ToString() ?? "it has not proved any yet"}{(machine.MeasuredAt is { } at ? ", " + Timestamp.Format(at) : "")}");
            text.WriteLine($"  enrolled     {Timestamp.Format(machine.At)}, ledger entry {machine.Index}");
        });
        return ExitCode.Ok;
    });

    private static Command Retire() => new Command("retire", "End a machine's part; its leases end with it").With(Machine).Signs(async (parsed, session, _, cancel) =>
    {
        var machine = await FindAsync(session, parsed.GetRequiredValue(Machine), cancel);
        return new(session, new RetireMachine(session.Ledger, Facts.Command.NewId(), session.Person, Session.Now, machine.Machine))
        {
            Done = "is retired",
        };
    });

    /// <exception cref="RefusedException">No machine, or more than one, begins so.</exception>
    internal static async Task<MachineDetails> FindAsync(Session session, string id, CancellationToken cancel)
    {
        var found = (await session.Broker.MachinesAsync(cancel)).Where(machine => machine.Machine.StartsWith(id, StringComparison.Ordinal)).ToList();
        return found.Count == 1 ? found[0] : throw new RefusedException($"{(found.Count == 0 ? "no" : "more than one")} machine is called {id}; strongroom machine list shows all");
    }
}
