using System.CommandLine;

namespace Strongroom.Cli.Commands;

/// <summary>
/// The long-running programs have their own processes and arguments; <c>./strongroom NAME</c> starts them in its own place, so that signals and
/// exit codes pass through. They stand here for help and completion.
/// </summary>
internal static class ProgramCommand
{
    internal static Command Create(string name, string description) =>
        new Command(name, description + " (a program of its own)") { TreatUnmatchedTokensAsErrors = false }.Runs((_, _) =>
            throw new UsageException($"the {name} is a program of its own: start it as ./strongroom {name}, or run Strongroom.{char.ToUpperInvariant(name[0])}{name[1..]}.dll"));
}
