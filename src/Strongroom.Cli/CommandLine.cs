using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;

namespace Strongroom.Cli;

/// <summary>How every command is run: parsing, one-line errors and exit codes in one place.</summary>
internal static class CommandLine
{
    internal static readonly Option<bool> Json = new("--json") { Description = "Answer with one JSON document on standard output", Recursive = true };

    /// <param name="talk">Where it writes; left out: the process's own streams.</param>
    internal static async Task<int> RunAsync(string[] args, IReadOnlyList<Command> commands, InvocationConfiguration? talk = null)
    {
        var root = new RootCommand(
            """
            Strongroom guards the weights of AI models. A model is sealed under a key; the key is released only to an attested machine that people
            approved, with a proof that the decision stands in a witnessed ledger.

            First steps:
              strongroom key create K.key
              strongroom seal MODEL_DIR SEALED_DIR --custody file:K.key --name my-model --version 1
              strongroom verify SEALED_DIR --publisher K.key.publisher.pub
              strongroom open SEALED_DIR OUT_DIR --custody file:K.key

            Exit codes: 0 done; 1 refused or tampered with; 2 not what it claims to be; 3 unavailable now; 4 approvals are missing;
            64 wrong command line; 66 no such file; 70 a bug; 71 the ledger's integrity is in doubt.
            """) { Json };
        foreach (var help in root.Options.OfType<HelpOption>()) // the library's, which offers other systems' spellings too
            foreach (var alias in (string[])["/h", "/?"]) help.Aliases.Remove(alias);
        foreach (var command in commands) root.Subcommands.Add(command);
        var parsed = root.Parse(args);
        if (parsed.Action is HelpAction) return Help(parsed);
        if (parsed.Errors.Count > 0 && parsed.Tokens is not [{ Type: TokenType.Directive }, ..])
        {
            // the parser first complains that a command is missing, then about the word that it did not know: the second helps
            var what = parsed.Errors.Select(each => each.Message).OrderByDescending(each => each.Contains('\'')).First();
            what = $"{what.TrimEnd('.').ReplaceLineEndings(" ").Replace("\t", "")}; see '{Path(parsed.CommandResult)} --help'";
            return new Terminal(talk?.Output ?? Console.Out, talk?.Error ?? Console.Error, args.Contains(Json.Name)).Fail(new(ExitCode.Usage, what));
        }
        return await parsed.InvokeAsync(talk ?? new() { EnableDefaultExceptionHandler = false });
    }

    /// <summary>Gives a command its body; whatever the body throws becomes one line and an exit code.</summary>
    internal static Command Runs(this Command command, Func<ParseResult, Terminal, CancellationToken, Task<int>> body)
    {
        command.SetAction(async (parsed, cancellation) =>
        {
            var terminal = new Terminal(parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error, parsed.GetValue(Json), parsed.InvocationConfiguration as Talk);
            try
            {
                // on another thread, since the library listens for Ctrl-C only after the body has first returned
                return await Task.Run(() => body(parsed, terminal, cancellation), CancellationToken.None);
            }
            catch (Exception e)
            {
                return terminal.Fail(Explain(e));
            }
        });
        return command;
    }

    /// <summary>For commands that do not wait.</summary>
    internal static Command Runs(this Command command, Func<ParseResult, Terminal, int> body) =>
        command.Runs((parsed, terminal, _) => Task.FromResult(body(parsed, terminal)));

    internal static Command With(this Command command, params IEnumerable<Symbol> parts)
    {
        foreach (var part in parts)
        {
            if (part is Command child) command.Subcommands.Add(child);
            else if (part is Option option) command.Options.Add(option);
            else command.Arguments.Add((Argument)part);
        }
        return command;
    }

    private static Failure Explain(Exception e) => e switch
    {
        UsageException => new(ExitCode.Usage, e.Message), // says itself what to write
        OperationCanceledException => new(ExitCode.Interrupted, "interrupted; nothing that looks finished was left (an interrupted seal goes on with --resume)"),
        _ when Failure.Of(e, "strongroom") is { ExitCode: not ExitCode.Bug } failure => failure,
        _ => new(ExitCode.Bug, $"a bug: {e.GetType().Name}: {e.Message} {e.StackTrace?.Split('\n')[0].Trim()}; please report it"),
    };

    /// <summary>The library's help names the assembly; people type the script's name.</summary>
    private static int Help(ParseResult parsed)
    {
        // a list of commands shows the first line of each; the rest is for the command's own help
        foreach (var child in parsed.CommandResult.Command.Subcommands) child.Description = child.Description?.Split('\n')[0];
        using var text = new StringWriter();
        var code = parsed.Invoke(new InvocationConfiguration { Output = text });
        Console.Out.Write(text.ToString().Replace("Strongroom.Cli ", "strongroom ", StringComparison.Ordinal));
        return code;
    }

    private static string Path(CommandResult? command)
    {
        var names = new List<string>();
        for (SymbolResult? at = command; at is not null; at = at.Parent)
            if (at is CommandResult each) names.Insert(0, each.Command is RootCommand ? "strongroom" : each.Command.Name);
        return string.Join(' ', names);
    }
}
