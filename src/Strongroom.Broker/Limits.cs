using System.Net;
using System.Threading.RateLimiting;
using Strongroom.Protocol;

namespace Strongroom.Broker;

/// <summary>How often one address may call. Strangers are those who have not signed anything yet: the asker of a challenge, the bearer of evidence.</summary>
/// <param name="Burst">Requests at once, all kinds together.</param>
/// <param name="PerSecond">Requests a second thereafter.</param>
/// <param name="StrangerBurst">As <paramref name="Burst"/>, for addresses that take unsigned requests.</param>
/// <param name="StrangerPerSecond">As <paramref name="PerSecond"/>, for addresses that take unsigned requests.</param>
/// <param name="Connections">At once of strangers, and as many of callers who proved who they are (<see cref="Callers"/>).</param>
internal sealed record Limits(int Burst = 2000, int PerSecond = 500, int StrangerBurst = 100, int StrangerPerSecond = 20, int Connections = 1024)
{
    public const string Strangers = "strangers";
    public const string Streams = "streams";
    public const string Blobs = "blobs";

    public const int AtATimePerCaller = 64; // of what lasts as long as its reader likes

    public void Add(IServiceCollection services) => services.AddRateLimiter(limiter =>
    {
        limiter.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
        limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, IPAddress>(context => Bucket(context, Burst, PerSecond));
        limiter.AddPolicy(Strangers, context => Bucket(context, StrangerBurst, StrangerPerSecond));
        foreach (var lasting in (string[])[Streams, Blobs])
            limiter.AddPolicy(lasting, context => RateLimitPartition.GetConcurrencyLimiter(Caller(context), _ => new() { PermitLimit = AtATimePerCaller }));
        limiter.OnRejected = async (context, _) =>
        {
            context.HttpContext.RequestServices.GetRequiredService<Strangers>().Count();
            context.HttpContext.Response.Headers.RetryAfter = "1";
            await Problem.TooMany.Because().ExecuteAsync(context.HttpContext);
        };
    });

    private static RateLimitPartition<IPAddress> Bucket(HttpContext context, int burst, int perSecond) =>
        RateLimitPartition.GetTokenBucketLimiter(Caller(context), _ => new()
        {
            TokenLimit = burst,
            TokensPerPeriod = perSecond,
            ReplenishmentPeriod = TimeSpan.FromSeconds(1),
            QueueLimit = 0,
        });

    /// <summary>An IPv6 caller owns at least a /64, so the whole /64 is one caller.</summary>
    internal static IPAddress Caller(HttpContext context) => Callers.Network(context.Connection.RemoteIpAddress ?? IPAddress.None);
}
