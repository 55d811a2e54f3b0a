using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Strongroom.Attestation.Composite;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker;

/// <summary>What a stranger may cost the broker before anybody has looked at what he sent.</summary>
internal static class Listener
{
    public const int MaxBodySizeInBytes = 64 * 1024;
    public const int MaxEvidenceBodySizeInBytes = CompositeEvidence.MaxSizeInBytes / 3 * 4 + 8 * 1024; // base64, and the challenge
    public const int MaxCorimBodySizeInBytes = (CorimRules.MaxSizeInBytes / 3 * 4) + MaxBodySizeInBytes; // base64, and the command
    public const int MaxManifestBodySizeInBytes = 16 * 1024 * 1024;
    public const int MaxBundleBodySizeInBytes = RecordedEndorsements.MaxSizeInBytes / 3 * 4 + 8 * 1024; // base64, and the command

    /// <summary>For a handshake, for a request's headers, and for both together on a new connection.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static void Listen(this WebApplicationBuilder builder, IPEndPoint address, X509Certificate2 certificate, Limits limits)
    {
        var callers = new Callers(limits.Connections, Patience, TimeProvider.System);
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaxBodySizeInBytes; // addresses that take more say so
            kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
            kestrel.Limits.RequestHeadersTimeout = Patience;
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
            kestrel.Limits.MinRequestBodyDataRate = new(bytesPerSecond: 1024, gracePeriod: TimeSpan.FromSeconds(5));
            kestrel.Listen(address, endpoint =>
            {
                endpoint.Protocols = HttpProtocols.Http1AndHttp2;
                endpoint.Use(next => async connection =>
                {
                    using var caller = callers.Enter(((IPEndPoint)connection.RemoteEndPoint!).Address, connection.Abort);
                    connection.Features.Set(caller);
                    await next(connection);
                });
                endpoint.UseHttps(new HttpsConnectionAdapterOptions
                {
                    ServerCertificate = certificate,
                    SslProtocols = SslProtocols.Tls13, // nothing older has to be supported: both ends are ours
                    HandshakeTimeout = Patience,
                });
            });
        });
        builder.Services.AddRequestTimeouts(timeouts => timeouts.DefaultPolicy = new() { Timeout = TimeSpan.FromSeconds(30), TimeoutStatusCode = 504 });
    }

    /// <summary>Before everything else: who asks is not silent.</summary>
    public static void UseCallers(this WebApplication app) => app.Use((context, next) =>
    {
        Caller(context).Asked();
        return next(context);
    });

    /// <summary>What was sent on this connection proved an enrolled person or machine: it keeps its place when strangers crowd in, and so does all else on it, the events of a lease too.</summary>
    public static void Proved(this HttpContext context) => Caller(context).Proved();

    private static Callers.Caller Caller(HttpContext context) => context.Features.GetRequiredFeature<Callers.Caller>();
}
