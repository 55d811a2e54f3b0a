using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Strongroom.Bytes;

namespace Strongroom.Programs;

/// <summary>
/// How a program ends that could not do what it was asked: one line that says what, where and what to do, the exit code of docs/house.md ("Errors: say whose
/// fault it is"), and with --json the same as a document.
/// </summary>
/// <param name="What">One line.</param>
/// <param name="Reasons">Each reason on its own; the line itself where there is one only.</param>
public sealed record Failure(string What, IReadOnlyList<string> Reasons, int ExitCode)
{
    private const int Bug = 70;
    private const int Exists = 17; // EEXIST, which .NET hands on as the HResult

    /// <summary>With one reason, the line itself.</summary>
    public Failure(int exitCode, string what) : this(what, [what], exitCode)
    {
    }

    /// <param name="program">As people type it; its help is named to whoever typed a line that means nothing.</param>
    /// <returns>Exit code 70 for what only a bug can be.</returns>
    public static Failure Of(Exception e, string program) => e switch
    {
        UsageException => new(64, $"{e.Message}; see {program} --help"),
        RefusedException refused => new(e.Message, refused.Reasons, 1),
        AuthenticationTagMismatchException => new(1, e.Message),
        MalformedException => new(2, e.Message),
        FileNotFoundException { FileName: { } name } => new(66, $"there is no file {name}; check the path"),
        FileNotFoundException or DirectoryNotFoundException => new(66, Quoted(e) is { } path ? $"there is no {path}; check the path" : e.Message.TrimEnd('.')),
        UnauthorizedAccessException => new(66, $"{e.Message.TrimEnd('.')}; check owner and mode"),
        IOException { HResult: Exists } => new(64, $"{Quoted(e) ?? "what was to be made"} exists, and nothing is written over; name another path"),
        UnavailableException or HttpRequestException or SocketException or IOException => new(3, e.Message.TrimEnd('.')),
        LedgerBrokenException => new(71, e.Message),
        _ => new(Bug, e.Message),
    };

    /// <summary>For a path that must be new and is not: thrown before any work, as the system itself would throw it after.</summary>
    public static IOException Taken(string path) => new($"'{path}' exists", Exists);

    public JsonObject ToJson() => new() { ["error"] = What, ["reasons"] = new JsonArray([.. Reasons.Select(each => (JsonNode)each)]), ["exit_code"] = ExitCode };

    /// <param name="program">As people type it.</param>
    /// <param name="error">Gets the line.</param>
    /// <param name="output">Gets the document, in one line too; null without --json.</param>
    /// <returns>The exit code.</returns>
    public int Tell(string program, TextWriter error, TextWriter? output)
    {
        ArgumentNullException.ThrowIfNull(error);
        error.WriteLine($"{program}: {What.ReplaceLineEndings(" ")}");
        output?.WriteLine(ToJson().ToJsonString());
        return ExitCode;
    }

    /// <summary>The path in .NET's own sentences; null where somebody else wrote it.</summary>
    private static string? Quoted(Exception e) =>
        e.Message.IndexOf('\'') is >= 0 and var from && e.Message.LastIndexOf('\'') is var to && to > from + 1 ? e.Message[(from + 1)..to] : null;
}
