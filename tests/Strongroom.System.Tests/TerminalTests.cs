using System.Text.Json.Nodes;
using Strongroom.Cli;

namespace Strongroom.System.Tests;

public sealed class TerminalTests
{
    [Fact]
    public void Words_of_others_command_no_terminal()
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        var terminal = new Terminal(output, error, json: false);
        const string Lie = "inference\u001b[1A\u001b[2Kresearch\r\u202eesu\u009b2J";
        terminal.Note($"purpose: {Lie}\napproved by everybody");
        terminal.Answer(new JsonObject(), words => words.WriteLine($"purpose: {Lie}"));
        terminal.Fail(new(ExitCode.Refused, $"no {Lie}"));
        const string Shown = "inference?[1A?[2Kresearch??esu?2J";
        Assert.Equal($"purpose: {Shown}\n", output.ToString());
        Assert.StartsWith("purpose: inference?[1A", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(2, error.ToString().Count(letter => letter == '\n'));
        Assert.DoesNotContain('\u001b', error.ToString());
    }
}
