using Microsoft.AspNetCore.Http.Metadata;

namespace Strongroom.Broker;

/// <summary>What an address declares about itself, for the OpenAPI document and for Kestrel.</summary>
internal static class Answers
{
    /// <summary>The problems that this address answers with, besides the ones that every address has (413, 429, 500).</summary>
    public static RouteHandlerBuilder Refuses(this RouteHandlerBuilder route, params IReadOnlyList<int> statuses)
    {
        foreach (var status in statuses) route.ProducesProblem(status);
        return route;
    }

    public static RouteHandlerBuilder TakesUpTo(this RouteHandlerBuilder route, long bytes) => route.WithMetadata(new BodyLimit(bytes, Signed: false));

    /// <summary>As <see cref="TakesUpTo"/>, for what only people send: a long body is not read before its header is signed by one of them (<see cref="Intake"/>).</summary>
    public static RouteHandlerBuilder TakesSignedUpTo(this RouteHandlerBuilder route, long bytes) => route.WithMetadata(new BodyLimit(bytes, Signed: true));

    /// <summary>Here 200 and 202 are given to nobody but an enrolled person or machine (<see cref="Listener.Proved"/>): not to a command that is in the ledger already, nor to evidence that was rejected.</summary>
    public static RouteHandlerBuilder ProvesCaller(this RouteHandlerBuilder route) => route.AddEndpointFilter(async (context, next) =>
    {
        var answer = await next(context);
        if ((answer is INestedHttpResult nested ? nested.Result : answer) is IStatusCodeHttpResult { StatusCode: 200 or 202 }) context.HttpContext.Proved();
        return answer;
    });

    internal sealed record BodyLimit(long? MaxRequestBodySize, bool Signed) : IRequestSizeLimitMetadata;
}
