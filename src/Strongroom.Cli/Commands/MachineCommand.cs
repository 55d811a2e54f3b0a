using System.CommandLine;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Protocol;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom machine enrol|list|show|retire</c>.</summary>
internal static class MachineCommand
{
    private static readonly Argument<string> Machine = new("machine") { Description = "A machine's id, or as much of its beginning as only it has" };

    internal static Command Create() => new Command("machine", "Machines that may prove themselves").With(List(), Show(), Retire());

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
            text.WriteLine($"  evidence     {machine.Kind}, PCRs {string.Join(",", machine.Pcrs)}, starts in PCR {machine.ApplicationPcr}");
            text.WriteLine($"  measurement  {machine.Measurement?.ToString() ?? "it has not proved any yet"}{(machine.MeasuredAt is { } at ? ", " + Timestamp.Format(at) : "")}");
            text.WriteLine($"  enrolled     {Timestamp.Format(machine.At)}, ledger entry {machine.Index}");
        });
        return ExitCode.Ok;
    });

    private static Command Retire() => new Command("retire", "End a machine's part; its leases end with it").With(Machine).Signs(async (parsed, session, cancel) =>
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
