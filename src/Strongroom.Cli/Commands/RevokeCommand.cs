using System.CommandLine;
using Strongroom.Facts;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom revoke ID</c>: takes something back at once. One person is enough, because it can only make the system release less.</summary>
internal static class RevokeCommand
{
    internal static Command Create()
    {
        var target = new Argument<string>("id") { Description = "lease-..., request-..., machine-..., person-..., or model-NAME-VERSION" };
        var reason = new Option<string>("--reason") { Description = "For the auditor; no names: the ledger never forgets", Required = true };
        return new Command("revoke", "Take something back at once").With(target, reason).Signs((parsed, session, _, _) =>
        {
            var (id, why) = (parsed.GetRequiredValue(target), parsed.GetRequiredValue(reason));
            return Task.FromResult(new Signing(session, new Revoke(session.Ledger, Facts.Command.NewId(), session.Person, Session.Now, id, why))
            {
                Done = "is revoked",
            });
        });
    }
}
