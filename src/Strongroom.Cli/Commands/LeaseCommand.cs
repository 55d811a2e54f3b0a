using System.CommandLine;
using Strongroom.Bytes;
using Strongroom.Protocol;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom lease list</c>: which key lives where, and until when.</summary>
internal static class LeaseCommand
{
    internal static Command Create() => new Command("lease", "Keys that were released").With(List());

    private static Command List() => new Command("list", "Every lease; strongroom revoke ends one").Talks(async (_, session, terminal, cancel) =>
    {
        var leases = await session.Broker.LeasesAsync(cancel);
        terminal.Answer(leases, ProtocolJson.Default.IReadOnlyListLeaseDetails, text => Columns.Write(
            text, ["LEASE", "STATUS", "MODEL", "MACHINE", "MEMORY", "UNTIL", ""],
            leases.Select(lease => (IReadOnlyList<string>)
            [
                lease.Lease, lease.Status.ToString().ToLowerInvariant(), $"{lease.Model} {lease.Version}", lease.Machine, lease.Memory, Timestamp.Format(lease.Expires),
                lease.Development == true ? "DEVELOPMENT" : "",
            ]),
            "no key was released"));
        return ExitCode.Ok;
    });
}
