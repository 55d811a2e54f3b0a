using System.CommandLine;
using System.Text.Json.Nodes;
using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Cli.Machines;
using Strongroom.Facts;
using Strongroom.Protocol;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom machine enrol|challenge|measure|evidence|list|show|retire</c>.</summary>
internal static class MachineCommand
{
    private static readonly Argument<string> Machine = new("machine") { Description = "A machine's id, or as much of its beginning as only it has" };

    private static readonly Option<string> Tpm = new("--tpm") { Description = "device:/dev/tpmrm0, swtpm:HOST:PORT or swtpm:unix:PATH", DefaultValueFactory = _ => "device:/dev/tpmrm0" };
    private static readonly Option<string[]> Intermediates = new("--intermediate") { Description = "A certificate between the TPM's and its maker's root; may be repeated" };
    private static readonly Option<string?> Pcrs = new("--pcrs") { Description = "The PCRs that say how it booted, ascending: 0,1,...; by default 0 to 7, the firmware's; 8, 9 and 14 are GRUB's and shim's" };
    private static readonly Option<string?> Development = new("--danger-development-evidence") { Description = "A key file instead of a TPM, made if it is not there: proves nothing" };

    private static readonly Option<string?> Tee = new("--tee") { Description = "sev-snp, tdx or nitro: this machine's TEE with its GPUs, in the place of a TPM", HelpName = "KIND" };
    private static readonly Option<string?> ChallengeFile = new("--challenge") { Description = "For a machine elsewhere: what strongroom machine challenge wrote", HelpName = "FILE" };
    private static readonly Option<string?> EvidenceFile = new("--evidence") { Description = "What strongroom machine evidence wrote there", HelpName = "FILE" };

    /// <param name="endorsements">How a bundle on record is read; tests hand in one that knows their vendors. Null is how everybody else reads it.</param>
    internal static Command Create(Func<ReadOnlyMemory<byte>, RecordedEndorsements>? endorsements = null) =>
        new Command("machine", "Machines that may prove themselves").With(Enrol(endorsements ?? RecordedEndorsements.Read), Challenge(), Measure(), Collect(), List(), Show(), Retire());

    private static Command Enrol(Func<ReadOnlyMemory<byte>, RecordedEndorsements> endorsements) => new Command("enrol",
        """
        Enrol a machine; the operator's profile signs

        The machine that this runs on: by its TPM, or by its TEE (--tee). One that is elsewhere, with a TEE: strongroom machine challenge writes what it is asked, strongroom
        machine evidence --nonce there what it answers; --challenge and --evidence take the two files. A TEE's evidence is verified here, with the endorsements on record, before anybody signs.
        """).With(Tpm, Pcrs, Intermediates, Tee, ChallengeFile, EvidenceFile, Development).Signs(async (parsed, session, _, cancel) =>
    {
        if (await TeeAsync(parsed, session, endorsements, cancel) is { } tee)
        {
            return new(session, tee.Command(session))
            {
                Before = [$"It measures {tee.Measured.Digest()}:", .. tee.Measured.Claims.OrderBy(claim => claim.Key, StringComparer.Ordinal).Select(claim => $"  {claim.Key} {claim.Value}")],
                Done = "is enrolled",
                Send = (signed, stop) => tee.SendAsync(session, signed, stop),
            };
        }
        var machine = await LocalAsync(parsed, cancel);
        var challenge = await session.Broker.ChallengeAsync(machine.Introduction, cancel);
        if (challenge.Machine != machine.Id) throw new RefusedException($"the broker challenged {challenge.Machine}, this is {machine.Id}");
        var certificates = (machine.Introduction.EndorsementCertificates ?? []).Select(certificate => Digest.Of(certificate.Span)).ToList();
        return new(session, new EnrolMachine(
            session.Ledger, Facts.Command.NewId(), session.Person, Session.Now, machine.Id, machine.Introduction.Kind, machine.Introduction.AttestationKey ?? default, machine.Pcrs,
            EnrolledMachine.DefaultApplicationPcr, certificates is [var endorsement, ..] ? endorsement : null, machine.Measured.Digest(),
            certificates.Count > 1 ? [.. certificates.Skip(1)] : null))
        {
            Done = "is enrolled",
            Send = async (signed, stop) => await session.Broker.EnrolAsync(new(signed, challenge.Challenge, await machine.ActivateAsync(challenge, stop), machine.Measured.ToBytes()), stop),
        };
    });

    /// <summary>Null where no TEE is meant.</summary>
    private static async Task<TeeIntroduction?> TeeAsync(ParseResult parsed, Session session, Func<ReadOnlyMemory<byte>, RecordedEndorsements> endorsements, CancellationToken cancel)
    {
        var given = ((Option[])[Tpm, Pcrs, Intermediates, Development, Tee, ChallengeFile, EvidenceFile]).Where(option => parsed.GetResult(option) is { Implicit: false }).ToList();
        if (!given.Intersect([Tee, ChallengeFile, EvidenceFile]).Any()) return null;
        if (given is [var only] && only == Tee) return await TeeIntroduction.HereAsync(session, parsed.GetValue(Tee)!, endorsements, cancel);
        return given.Count == 2 && given.Contains(ChallengeFile) && given.Contains(EvidenceFile)
            ? await TeeIntroduction.OfFilesAsync(session, parsed.GetValue(ChallengeFile)!, parsed.GetValue(EvidenceFile)!, endorsements, cancel)
            : throw new UsageException("a TEE is enrolled by --tee alone, or by --challenge and --evidence alone");
    }

    private static Command Challenge()
    {
        var kind = new Argument<string>("kind") { Description = "sev-snp, tdx or nitro" };
        var file = new Option<string>("--out") { Description = "A new file", Required = true, HelpName = "FILE" };
        return new Command("challenge", "What a machine with a TEE, elsewhere, is to answer within the hour").With(kind, file).Talks(async (parsed, session, terminal, cancel) =>
        {
            var path = parsed.GetRequiredValue(file);
            if (File.Exists(path)) throw new UsageException($"{path} is there already; name a new file");
            var challenge = await TeeIntroduction.AskAsync(session, parsed.GetRequiredValue(kind), cancel);
            PrivateFile.Write(path, CanonicalJson.Serialize(challenge, ProtocolJson.Default.EnrolmentChallenge));
            var nonce = challenge.Transcript!.Digest();
            terminal.Answer(
                new JsonObject { ["nonce"] = nonce.ToString(), ["expires"] = Timestamp.Format(challenge.Expires) },
                text => text.WriteLine($"until {Timestamp.Format(challenge.Expires)}, on the machine: strongroom machine evidence --nonce {nonce} --out FILE"));
            return ExitCode.Ok;
        });
    }

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
            if (machine.Identity is { } identity)
            {
                text.WriteLine($"  processor    {identity.Cpu}");
                foreach (var device in identity.Devices) text.WriteLine($"  device       {device}");
            }
            text.WriteLine($"  measurement  {machine.Measurement?.ToString() ?? "it has not proved any yet"}{(machine.MeasuredAt is { } at ? ", " + Timestamp.Format(at) : "")}{(machine is { Measurement: not null, Proved: null } ? ", its operator's word: it has not proved it yet" : "")}");
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
