using System.CommandLine;
using System.Text.Json.Nodes;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom backup DIR COPY</c> and <c>strongroom restore COPY DIR</c>.</summary>
internal static class BackupCommand
{
    internal static Command Backup()
    {
        var directory = new Argument<string>("dir") { Description = "The broker's directory; the broker may be running" };
        var copy = new Argument<string>("copy") { Description = "Must not exist" };
        var names = new Option<bool>("--with-names") { Description = "Copy people's names too, which can then no longer be deleted everywhere" };
        return new Command("backup", "Copy a broker's directory, consistently, while the broker runs").With(directory, copy, names).Runs(async (parsed, terminal, cancel) =>
        {
            await CopyAsync(terminal, "copying", parsed.GetRequiredValue(directory), parsed.GetRequiredValue(copy), parsed.GetValue(names), cancel);
            return Answer(terminal, parsed.GetRequiredValue(copy),
                "It holds the ledger's key, and the custody key if that lay in the directory: guard it as you guard the original.");
        });
    }

    internal static Command Restore()
    {
        var copy = new Argument<string>("copy") { Description = "What strongroom backup made" };
        var directory = new Argument<string>("dir") { Description = "Must not exist" };
        return new Command("restore", "Make a broker's directory from a copy").With(copy, directory).Runs(async (parsed, terminal, cancel) =>
        {
            await CopyAsync(terminal, "restoring", parsed.GetRequiredValue(copy), parsed.GetRequiredValue(directory), withNames: true, cancel);
            return Answer(terminal, parsed.GetRequiredValue(directory),
                "If its ledger has grown since the copy was made, the witness remembers, and a broker that starts here stops with exit code 71: nobody can forget what was decided.");
        });
    }

    private static async Task CopyAsync(Terminal terminal, string verb, string from, string to, bool withNames, CancellationToken cancel)
    {
        var building = Path.TrimEndingDirectorySeparator(Path.GetFullPath(to)) + ".building"; // spec/broker-directory.md, Copies
        var (all, told) = (Bytes(from), 0L);
        using var progress = terminal.Progress($"{verb} {from}", all);
        var copying = SiblingProgram.RunAsync(
            "Broker", ["copy", "--dir", Path.GetFullPath(from), "--to", Path.GetFullPath(to), .. withNames ? ["--with-names"] : Array.Empty<string>()], cancel);
        while (await Task.WhenAny(copying, Task.Delay(200, CancellationToken.None)) != copying) Tell(Math.Min(all, Bytes(building)));
        await copying;
        Tell(all);

        void Tell(long now)
        {
            progress.Report(now - told);
            told = now;
        }
    }

    /// <summary>Of what grows with a broker: its databases.</summary>
    private static long Bytes(string directory)
    {
        try
        {
            return new DirectoryInfo(directory).EnumerateFiles("*.db").Sum(file => file.Length);
        }
        catch (IOException)
        {
            return 0; // not there yet, or just moved to its name
        }
    }

    private static int Answer(Terminal terminal, string made, string note)
    {
        terminal.Answer(new JsonObject { ["directory"] = Path.GetFullPath(made) }, text => text.WriteLine($"{made} is complete. {note}"));
        return ExitCode.Ok;
    }
}
