using System.Net;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Metadata;

namespace Strongroom.Broker;

/// <summary>
/// Room for long bodies: whoever sends one has proved nothing while it is read, and a few hundred of them at once would be all of the memory. So only a few are
/// read at a time, and fewer of one caller. What is not long takes no room and waits for nobody: a TPM's evidence is never crowded out, and neither is a TEE's with a dozen GPUs.
/// </summary>
internal sealed class Intake
{
    /// <summary>Longest body that takes no room.</summary>
    public const int OrdinaryBodySizeInBytes = 1024 * 1024 + 8 * 1024;

    public const int Places = 16;
    public const int PlacesPerCaller = 2;

    private readonly Dictionary<IPAddress, int> taken = [];
    private readonly Lock gate = new();
    private int all;

    /// <summary>After the route is known, before anything of the body is.</summary>
    public void Use(WebApplication app) => app.Use(async (context, next) =>
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<IRequestSizeLimitMetadata>() is not { MaxRequestBodySize: > OrdinaryBodySizeInBytes } limit
            || context.Request.ContentLength is <= OrdinaryBodySizeInBytes || context.Request.ContentLength > limit.MaxRequestBodySize)
        {
            await next(context);
        }
        else if (context.Request.ContentLength is null)
        {
            // Who does not say how long it is cannot take more room than anybody.
            context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = OrdinaryBodySizeInBytes;
            await next(context);
        }
        else
        {
            await InAPlaceAsync(context, next);
        }
    });

    private async Task InAPlaceAsync(HttpContext context, RequestDelegate next)
    {
        var caller = Limits.Caller(context);
        if (!Take(caller))
        {
            context.RequestServices.GetRequiredService<Strangers>().Count();
            context.Response.Headers.RetryAfter = "1";
            await Problem.TooMany.Because("too many long bodies are being read: try again").ExecuteAsync(context);
            return;
        }
        try
        {
            await next(context);
        }
        finally
        {
            Leave(caller);
        }
    }

    private bool Take(IPAddress caller)
    {
        lock (gate)
        {
            var mine = taken.GetValueOrDefault(caller);
            if (all == Places || mine == PlacesPerCaller) return false;
            (taken[caller], all) = (mine + 1, all + 1);
            return true;
        }
    }

    private void Leave(IPAddress caller)
    {
        lock (gate)
        {
            if (--taken[caller] == 0) taken.Remove(caller);
            all--;
        }
    }
}
