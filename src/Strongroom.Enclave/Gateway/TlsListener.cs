using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Strongroom.Protocol;

namespace Strongroom.Enclave.Gateway;

/// <summary>
/// One TLS 1.3 listener with nothing but what is mapped on it: no configuration files, no environment, no logging, so that nothing beside the enclave's
/// own configuration can change what it does and no line of a log can quote a prompt.
/// </summary>
public static class TlsListener
{
    /// <summary>For a handshake, for a request's headers, and for both together and a valid key in them on a new connection.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <param name="at">Address and port; port 0 takes a free one.</param>
    /// <param name="certificate">With its private key.</param>
    /// <param name="maxRequestBytes">Of a request's body.</param>
    /// <param name="maxConnections">At once that showed a key (<see cref="ShowedKey"/>), and as many that have not yet.</param>
    public static WebApplication Create(IPEndPoint at, X509Certificate2 certificate, int maxRequestBytes, int maxConnections)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        var callers = new Callers(maxConnections, Patience, TimeProvider.System);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = maxRequestBytes;
            kestrel.Limits.RequestHeadersTimeout = Patience;
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(1);
            kestrel.Limits.MaxRequestHeadersTotalSize = 16 << 10;
            kestrel.Listen(at, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.Use(next => async connection =>
                {
                    using var caller = callers.Enter(((IPEndPoint)connection.RemoteEndPoint!).Address, connection.Abort);
                    connection.Features.Set(caller);
                    await next(connection);
                });
                listen.UseHttps(certificate, https =>
                {
                    https.SslProtocols = SslProtocols.Tls13;
                    https.HandshakeTimeout = Patience;
                });
            });
        });
        return builder.Build();
    }

    /// <summary>For each request with a valid key: its connection keeps its place from now on.</summary>
    /// <exception cref="ApiException">So many connections showed one already: 429.</exception>
    internal static void ShowedKey(this HttpContext http)
    {
        if (!http.Features.GetRequiredFeature<Callers.Caller>().Proved()) throw new ApiException(429, "Too many connections. Try again shortly.", "rate_limit_exceeded");
    }

    /// <summary>https, address and port, once the listener has started.</summary>
    public static string Address(this WebApplication app) =>
        app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
}
