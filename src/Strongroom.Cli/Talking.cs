using System.CommandLine;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Protocol;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli;

/// <summary>What commands that talk to the broker have in common.</summary>
internal static class Talking
{
    private static readonly Option<bool> Yes = new("--yes") { Description = "Do not ask: for scripts, where somebody has read what is signed elsewhere" };

    internal static Command Talks(this Command command, Func<ParseResult, Session, Terminal, CancellationToken, Task<int>> body) =>
        command.With(Session.ProfileOption, Session.PassphraseOption).Runs(async (parsed, terminal, cancel) =>
        {
            using var session = Session.Open(parsed, terminal);
            return await body(parsed, session, terminal, cancel);
        });

    /// <summary>A command that signs: says in words what, and asks, before it does.</summary>
    internal static Command Signs(this Command command, Func<ParseResult, Session, Terminal, CancellationToken, Task<Signing>> prepare) =>
        command.With(Yes).Talks(async (parsed, session, terminal, cancel) =>
        {
            var signing = await prepare(parsed, session, terminal, cancel);
            foreach (var line in (IReadOnlyList<string>)[.. signing.Before, .. InWords.Say(signing.Command)]) terminal.Note(line);
            if (!parsed.GetValue(Yes) && !terminal.Confirm("Sign this?")) throw new RefusedException("not signed");
            return Session.Answer(await signing.Send(session.Sign(signing.Command), cancel), terminal, signing.Done, signing.Next, signing.WhileMissing);
        });

    /// <summary>A command that proposes a change of trust, which a second administrator must approve.</summary>
    internal static Command Proposes(this Command command, Func<ParseResult, TrustChange> change) => command.Signs((parsed, session, _, _) =>
        Task.FromResult(new Signing(session, session.Propose(change(parsed))) { Next = Signing.SecondAdministrator, WhileMissing = ExitCode.NotYet }));
}

/// <summary>A command to be signed, and where it goes.</summary>
internal sealed record Signing(Session Session, Facts.Command Command)
{
    internal const string SecondAdministrator = "Another administrator runs: strongroom approve {0}";

    /// <summary>What the person should have read before what is signed.</summary>
    internal IReadOnlyList<string> Before { get; init; } = [];

    /// <summary>What is so once the broker took it, said of the subject.</summary>
    internal string Done { get; init; } = "is recorded";

    /// <summary>What somebody does while something is missing; <c>{0}</c> is the subject.</summary>
    internal string Next { get; init; } = "";

    /// <summary>Exit code while others still have to agree: a request is open and an approval is given all the same, a proposed change is not so.</summary>
    internal int WhileMissing { get; init; } = ExitCode.Ok;

    internal Func<SignedCommand, CancellationToken, Task<CommandReply>> Send { get; init; } = Session.Broker.SendAsync;
}
