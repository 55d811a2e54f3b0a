using System.Net;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Metadata;
using Strongroom.Broker.People;

namespace Strongroom.Broker;

/// <summary>
/// Room for long bodies: a few hundred of them at once would be all of the memory. So only a few are read at a time, and fewer of one caller. Strangers, who have
/// proved nothing while theirs is read, have their places; people have others, and sign before a byte of the body is read: no number of strangers keeps an operator's
/// bundle out. What is not long takes no room and waits for nobody: a TPM's evidence is never crowded out, and neither is a TEE's with a dozen GPUs.
/// </summary>
internal sealed class Intake
{
    /// <summary>Longest body that takes no room.</summary>
    public const int OrdinaryBodySizeInBytes = 1024 * 1024 + 8 * 1024;

    public const int PlacesForStrangers = 16;
    public const int PlacesForPeople = 8;
    public const int PlacesPerCaller = 2;

    private readonly Room<IPAddress> strangers = new(PlacesForStrangers);
    private readonly Room<string> people = new(PlacesForPeople);

    /// <summary>After the route is known, before anything of the body is.</summary>
    public void Use(WebApplication app) => app.Use((context, next) =>
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<IRequestSizeLimitMetadata>() is not { MaxRequestBodySize: > OrdinaryBodySizeInBytes } limit
            || context.Request.ContentLength is <= OrdinaryBodySizeInBytes || context.Request.ContentLength > limit.MaxRequestBodySize)
        {
            return next(context);
        }
        if (context.Request.ContentLength is null)
        {
            // Who does not say how long it is cannot take more room than anybody.
            context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = OrdinaryBodySizeInBytes;
            return next(context);
        }
        return limit is Answers.BodyLimit { Signed: true }
            ? people.AdmitAsync(Reader.BeforeBody(context), context, next)
            : strangers.AdmitAsync(Limits.Caller(context), context, next);
    });

    private sealed class Room<TCaller>(int places) where TCaller : notnull
    {
        private readonly Dictionary<TCaller, int> taken = [];
        private readonly Lock gate = new();
        private int all;

        public async Task AdmitAsync(TCaller caller, HttpContext context, RequestDelegate next)
        {
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

        private bool Take(TCaller caller)
        {
            lock (gate)
            {
                var mine = taken.GetValueOrDefault(caller);
                if (all == places || mine == PlacesPerCaller) return false;
                (taken[caller], all) = (mine + 1, all + 1);
                return true;
            }
        }

        private void Leave(TCaller caller)
        {
            lock (gate)
            {
                if (--taken[caller] == 0) taken.Remove(caller);
                all--;
            }
        }
    }
}
