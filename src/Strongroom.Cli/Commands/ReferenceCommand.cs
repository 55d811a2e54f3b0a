using System.CommandLine;
using Strongroom.Bytes;
using Strongroom.Cli.References;
using Strongroom.Facts;
using Strongroom.Protocol;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom reference add|list|show|remove</c>: what a good machine measures.</summary>
internal static class ReferenceCommand
{
    private static readonly Argument<string> Name = new("name") { Description = "The name that policies use" };

    internal static Command Create() => new Command("reference", "Reference values: what evidence is compared with").With(Add(), List(), Show(), Remove());

    private static Command Add()
    {
        var pairs = new Argument<string[]>("claim=value")
        {
            Description = "Each claim of the evidence, such as pcr0=00ab..., as strongroom machine measure prints it; >=N at least, a|b one of several, * any. They go before those of --machine",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var kind = new Option<string?>("--kind") { Description = "The kind of evidence; left out: that of --machine, else tpm" };
        var machine = new Option<string?>("--machine") { Description = "Take the values that this machine proved last, as on record" };
        var corim = new Option<string?>("--corim") { Description = "Take the values that a signed CoRIM says of machines of --kind; it goes on record with them", HelpName = "FILE" };
        var signer = new Option<string?>("--signer") { Description = "Who must have signed the CoRIM: EC public key or certificate in PEM", HelpName = "FILE" };
        var least = new Option<string[]>("--minimum") { Description = "A claim that may be higher than on the machine, such as tcb.snp; may be repeated" };
        var any = new Option<string[]>("--any") { Description = "A claim that may be anything; may be repeated" };
        var version = new Option<long?>("--version") { Description = "Left out: one more than the version on record" };
        return new Command("add", "Propose to record reference values, or to replace those of the same name").With(Name, pairs, kind, machine, corim, signer, least, any, version).Signs(async (parsed, session, _, cancel) =>
        {
            var name = parsed.GetRequiredValue(Name);
            if (parsed.GetValue(pairs) is not { Length: > 0 } && parsed.GetValue(machine) is null && parsed.GetValue(corim) is null)
                throw new UsageException($"no value of {name} is given: name --machine or --corim, or write claim=value as strongroom machine measure prints them; did that command fail?");
            var golden = parsed.GetValue(machine) is { } id ? await GoldenMachineAsync(session, id, cancel) : null;
            var draft = new ReferenceDraft(parsed.GetValue(kind) ?? golden?.Kind ?? "tpm");
            if (golden is not null) draft.Take(golden.Kind, golden.Claims);
            draft.Set(parsed.GetValue(pairs) ?? []);
            var upload = Corim(parsed.GetValue(corim), parsed.GetValue(signer));
            if (upload is { } file) draft.Take(file.Corim, file.Signer, Session.Now);
            draft.AtLeast(parsed.GetValue(least) ?? []);
            draft.Any(parsed.GetValue(any) ?? []);
            var next = parsed.GetValue(version) ?? ((await session.Broker.ReferencesAsync(cancel)).SingleOrDefault(set => set.Name == name)?.Version ?? 0) + 1;
            var set = new SetReference(name, draft.Kind, draft.Values, next, draft.Corim);
            var signing = new Signing(session, session.Propose(set)) { Before = InWords.Lent(set), Next = Signing.SecondAdministrator, WhileMissing = ExitCode.NotYet };
            return upload is { } read ? signing with { Send = (signed, stop) => session.Broker.ProposeReferencesAsync(new(signed, read.Corim), stop) } : signing;
        });
    }

    private static Command List() => new Command("list", "The sets of reference values on record").Talks(async (_, session, terminal, cancel) =>
    {
        var sets = await session.Broker.ReferencesAsync(cancel);
        terminal.Answer(sets, ProtocolJson.Default.IReadOnlyListReferenceDetails, text => Columns.Write(
            text, ["NAME", "EVIDENCE", "VERSION", "CLAIMS", "ENTRY"],
            sets.Select(set => (IReadOnlyList<string>)[set.Name, set.Kind, $"{set.Version}", $"{set.Values.Count}", $"{set.Index}"]), "no reference values are on record"));
        return ExitCode.Ok;
    });

    private static Command Show() => new Command("show", "One set of reference values").With(Name).Talks(async (parsed, session, terminal, cancel) =>
    {
        var name = parsed.GetRequiredValue(Name);
        var set = (await session.Broker.ReferencesAsync(cancel)).SingleOrDefault(set => set.Name == name)
            ?? throw new RefusedException($"no reference values named {name} are on record; strongroom reference list shows all");
        terminal.Answer(set, ProtocolJson.Default.ReferenceDetails, text =>
        {
            text.WriteLine($"{set.Name}, version {set.Version}, for {set.Kind} evidence, ledger entry {set.Index}");
            if (set.Corim is { } corim) text.WriteLine($"  from the CoRIM {corim.File}, signed by the key {Digest.Of(corim.Signer.Span)}");
            foreach (var (claim, value) in set.Values.OrderBy(value => value.Key, StringComparer.Ordinal)) text.WriteLine($"  {claim}={value}");
        });
        return ExitCode.Ok;
    });

    private static Command Remove() => new Command("remove", "Propose to record them no longer: evidence that only they matched is refused").With(Name)
        .Proposes(parsed => new RemoveReference(parsed.GetRequiredValue(Name)));

    private static (byte[] Corim, byte[] Signer)? Corim(string? file, string? signer)
    {
        if (file is null != signer is null) throw new UsageException("--corim and --signer belong together: a CoRIM says nothing until somebody says whose word counts");
        return file is null ? null : (File.ReadAllBytes(file), SignerFile.Read(signer!));
    }

    private static async Task<Attestation.Measurement> GoldenMachineAsync(Session session, string id, CancellationToken cancel)
    {
        var machine = await MachineCommand.FindAsync(session, id, cancel);
        var index = machine.Proved ?? throw new RefusedException($"{machine.Machine} has not proved yet how it boots: let it ask for a key, granted or not");
        var digest = Proved(await session.RecordAsync(index, cancel), machine.Machine)
            ?? throw new RefusedException($"ledger entry {index} does not prove how {machine.Machine} boots, and the broker says so: sign nothing, and ask who runs it");
        return await session.Broker.MeasurementAsync(digest, cancel) ?? throw new RefusedException($"nobody can show what the measurement {digest} of {machine.Machine} stands for");
    }

    /// <summary>What stands in the ledger on evidence alone. That a later record does not say otherwise is the broker's word; that the machine measured so is not.</summary>
    private static Digest? Proved(LedgerRecord record, string machine) => record switch
    {
        CommandRecord { Command: EnrolMachine { Evidence: not null } enrol } when enrol.Machine == machine => enrol.Measurement,
        ReleaseDecided decided when decided.Transcript.Machine == machine => decided.Measurement,
        RenewalDecided decided when decided.Transcript.Machine == machine => decided.Measurement,
        GuestDecided decided when decided.Transcript.Machine == machine => decided.Measurement,
        _ => null,
    };
}
