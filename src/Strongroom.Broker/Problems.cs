using System.Text;
using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Broker.People;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Broker;

/// <summary>
/// Every way to say no or not now, as problem details (RFC 9457). The type of a problem is a link into docs/problems.md, which this program serves at
/// <c>/problems</c>, so that the page which explains an answer is always the one of the program that gave it.
/// </summary>
internal sealed record Problem(string Name, int Status, string Title)
{
    public static readonly Problem Malformed = new("malformed", 400, "The request is not what it claims to be");
    public static readonly Problem Unsigned = new("unsigned", 401, "This needs the signature of an enrolled person");
    public static readonly Problem Unattested = new("unattested", 401, "This needs a session that fresh evidence opened");
    public static readonly Problem Refused = new("refused", 403, "The rules say no");
    public static readonly Problem EvidenceRefused = new("evidence-refused", 403, "The evidence does not prove what the policy needs");
    public static readonly Problem ReleaseDenied = new("release-denied", 403, "The policy does not allow this release");
    public static readonly Problem NotApproved = new("not-approved", 403, "People have not approved this release yet");
    public static readonly Problem ChallengeSpent = new("challenge-spent", 403, "The challenge is unknown, used, expired or for something else");
    public static readonly Problem NotFound = new("not-found", 404, "There is no such thing here");
    public static readonly Problem NotAllowed = new("not-allowed", 405, "This address does not take that method");
    public static readonly Problem TooSlow = new("too-slow", 408, "The request took too long to arrive");
    public static readonly Problem Conflict = new("conflict", 409, "This was done already, in another way");
    public static readonly Problem TooLarge = new("too-large", 413, "The request is larger than this address accepts");
    public static readonly Problem NotJson = new("not-json", 415, "This address takes application/json");
    public static readonly Problem TooMany = new("too-many", 429, "Too many requests from this address");
    public static readonly Problem Bug = new("bug", 500, "The broker made a mistake");
    public static readonly Problem Unavailable = new("unavailable", 503, "Something that the broker needs cannot be reached");
    public static readonly Problem NotWritten = new("not-written", 503, "The ledger could not take the record, so nothing happened");
    public static readonly Problem Stopping = new("stopping", 503, "The broker doubts its own ledger and is stopping");
    public static readonly Problem TimedOut = new("timed-out", 504, "The broker needed too long for this");

    public static IReadOnlyList<Problem> All { get; } =
    [
        Malformed, Unsigned, Unattested, Refused, EvidenceRefused, ReleaseDenied, NotApproved, ChallengeSpent, NotFound, NotAllowed, TooSlow, Conflict, TooLarge, NotJson, TooMany, Bug,
        Unavailable, NotWritten, Stopping, TimedOut,
    ];

    public string Type => $"/problems#{Name}";

    public ProblemHttpResult Because(params IReadOnlyList<string> reasons) => TypedResults.Problem(
        type: Type, title: Title, statusCode: Status, detail: reasons.Count == 0 ? null : string.Join("; ", reasons),
        extensions: reasons.Count == 0 ? null : new Dictionary<string, object?> { ["reasons"] = reasons.ToArray() });

    public static Problem ForStatus(int status) => All.FirstOrDefault(problem => problem.Status == status) ?? (status < 500 ? Malformed : Bug);
}

internal static partial class Problems
{
    private static readonly byte[] Page = ReadPage();

    /// <summary>The one place where exceptions become answers; whose fault it is decides the status.</summary>
    public static void UseProblems(this WebApplication app)
    {
        app.UseStatusCodePages(async context =>
            await Problem.ForStatus(context.HttpContext.Response.StatusCode).Because().ExecuteAsync(context.HttpContext));
        app.Use(async (context, next) =>
        {
            try
            {
                await next(context);
            }
            catch (Exception e) when (!context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
            {
                Tell(context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger("Strongroom.Broker.Problems"), context.Request.Method, context.Request.Path, e);
                await Explain(e).ExecuteAsync(context);
            }
        });
        app.MapGet("/problems", () => TypedResults.Bytes(Page, "text/markdown; charset=utf-8")).ExcludeFromDescription();
    }

    /// <summary>For who runs the broker: nothing of what strangers do wrong, a line of what is away, and where it went wrong only if that is here.</summary>
    internal static void Tell(ILogger log, string method, string path, Exception e)
    {
        if (e is MalformedException or BadHttpRequestException or UnsignedException) return;
        if (e is UnavailableException) Log.Unavailable(log, method, path, e.Message);
        else Log.Failed(log, method, path, e);
    }

    private static ProblemHttpResult Explain(Exception e) => e switch
    {
        MalformedException => Problem.Malformed.Because(e.Message),
        UnsignedException unsigned => Problem.Unsigned.Because(unsigned.Reasons),
        BadHttpRequestException { InnerException: MalformedException inner } => Problem.Malformed.Because(inner.Message),
        BadHttpRequestException bad => Problem.ForStatus(bad.StatusCode).Because(bad.Message),
        AppendFailedException => Problem.NotWritten.Because(e.Message), // which file, and why; in which directory is for the log
        UnavailableException => Problem.Unavailable.Because(e.Message),
        LedgerBrokenException => Problem.Stopping.Because(),
        OperationCanceledException => Problem.TimedOut.Because(),
        _ => Problem.Bug.Because(), // what went wrong inside is for the log, not for a stranger
    };

    private static byte[] ReadPage()
    {
        using var stream = typeof(Problems).Assembly.GetManifestResourceStream("problems.md")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return Encoding.UTF8.GetBytes(reader.ReadToEnd());
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Error, "{Method} {Path} failed")]
        public static partial void Failed(ILogger logger, string method, string path, Exception e);

        [LoggerMessage(LogLevel.Warning, "{Method} {Path}: unavailable: {Reason}")]
        public static partial void Unavailable(ILogger logger, string method, string path, string reason);
    }
}
