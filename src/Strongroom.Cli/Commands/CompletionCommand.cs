using System.CommandLine;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom completion bash|zsh|fish</c>: a script that asks the CLI itself what may follow.</summary>
internal static class CompletionCommand
{
    private const string Bash =
        """
        _strongroom() {
            local IFS=$'\n'
            COMPREPLY=( $(compgen -W "$("${COMP_WORDS[0]}" "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}") )
        }
        complete -o default -F _strongroom strongroom ./strongroom
        """;

    private const string Zsh =
        """
        #compdef strongroom
        _strongroom() {
            local -a words_found
            words_found=("${(@f)$("${words[1]}" "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
            compadd -a words_found || _files
        }
        compdef _strongroom strongroom ./strongroom
        """;

    private const string Fish =
        """
        complete -c strongroom -a '(strongroom "[suggest:"(commandline -C)"]" (commandline -cp) 2>/dev/null)'
        """;

    internal static Command Create()
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh or fish" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        return new Command("completion", "Print a completion script for your shell: source <(strongroom completion bash)") { shell }.Runs((parsed, _) =>
        {
            Console.Out.WriteLine(parsed.GetValue(shell) switch { "bash" => Bash, "zsh" => Zsh, _ => Fish });
            return ExitCode.Ok;
        });
    }
}
