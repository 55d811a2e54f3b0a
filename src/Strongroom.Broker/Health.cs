using Strongroom.Protocol;

namespace Strongroom.Broker;

internal static class Health
{
    /// <summary>Whether the broker serves, which ledger, how long it is. Says nothing that the ledger does not say to everybody.</summary>
    public static void MapHealth(this IEndpointRouteBuilder app) => app.MapGet("/health", (Journal journal, Strangers strangers) =>
        TypedResults.Ok(new HealthReply("serving", journal.State.Origin, journal.State.Size, strangers.Shed, journal.State.DevelopmentAllowed ? true : null)))
        .WithTags("Health").WithSummary("Whether the broker serves, and which ledger");
}
