using System.CommandLine;
using Strongroom.Protocol;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom proposal list</c>: changes of trust that wait for a second person.</summary>
internal static class ProposalCommand
{
    internal static Command Create() => new Command("proposal", "Changes of trust that wait for a second administrator").With(List());

    private static Command List() => new Command("list", "What waits; strongroom approve or refuse answers").Talks(async (_, session, terminal, cancel) =>
    {
        var proposals = await session.Broker.ProposalsAsync(cancel);
        terminal.Answer(proposals, ProtocolJson.Default.IReadOnlyListProposalDetails, text =>
        {
            foreach (var proposal in proposals)
            {
                text.WriteLine($"{proposal.Proposal}, signed by {proposal.ProposedByName ?? proposal.Command.By}:");
                foreach (var line in InWords.Say(proposal.Command)) text.WriteLine($"  {line}");
            }
            if (proposals.Count == 0) text.WriteLine("nothing waits");
        });
        return ExitCode.Ok;
    });
}
