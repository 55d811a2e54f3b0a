using System.Diagnostics;
using System.Text;

namespace Strongroom.System.Tests.Sealing;

/// <summary>A passphrase asked for at a terminal: <c>script</c> gives the program one, and the shell around it tells what is left of it.</summary>
public sealed class HiddenLineTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("strongroom-terminal-").FullName;
    private readonly StringBuilder screen = new();

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task A_typed_passphrase_never_stands_on_the_screen()
    {
        using var terminal = Open();
        foreach (var question in new[] { "new passphrase", "the same again" })
        {
            await ShowsAsync(terminal, question);
            await terminal.StandardInput.WriteAsync("correct horse battery staple\n");
            await terminal.StandardInput.FlushAsync();
        }
        await ShowsAsync(terminal, "speed");
        Assert.True(File.Exists(Path.Combine(directory, "K.key")), screen.ToString());
        Assert.DoesNotContain("horse", screen.ToString(), StringComparison.Ordinal);
        Assert.Matches(@"(?<!-)\becho\b", screen.ToString());
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("QUIT")]
    [InlineData("TERM")]
    [InlineData("HUP")]
    public async Task Whatever_ends_the_question_the_shell_gets_its_echo_back(string signal)
    {
        using var terminal = Open();
        await ShowsAsync(terminal, "new passphrase");
        using (var kill = Process.Start("kill", [$"-{signal}", Child(Child(terminal.Id)).ToString()])) await kill.WaitForExitAsync();
        await ShowsAsync(terminal, "speed");
        Assert.Matches(@"(?<!-)\becho\b", screen.ToString());
        Assert.False(File.Exists(Path.Combine(directory, "K.key")));
    }

    /// <summary>script runs a shell, the shell the program and then stty, whose first word is "speed". No core is left: a quit program would leave one.</summary>
    private Process Open() => Process.Start(new ProcessStartInfo("script", ["-qefc", $"ulimit -c 0; dotnet {CliProcess.Program()} key create K.key; stty -a", "/dev/null"])
    {
        WorkingDirectory = directory, RedirectStandardInput = true, RedirectStandardOutput = true, Environment = { ["SHELL"] = "/bin/sh" },
    })!;

    private async Task ShowsAsync(Process terminal, string words)
    {
        var room = new char[1024];
        while (!screen.ToString().Contains(words, StringComparison.Ordinal))
        {
            var count = await terminal.StandardOutput.ReadAsync(room);
            Assert.True(count > 0, $"ended before '{words}' was shown: {screen}");
            screen.Append(room, 0, count);
        }
        if (words == "speed") screen.Append(await terminal.StandardOutput.ReadToEndAsync());
    }

    private static int Child(int process) => int.Parse(File.ReadAllText($"/proc/{process}/task/{process}/children").Split(' ')[0]);
}
