using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Strongroom.Attestation.Composite;
using Strongroom.Facts;

namespace Strongroom.Broker;

/// <summary>What a stranger may cost the broker before anybody has looked at what he sent.</summary>
internal static class Listener
{
    public const int MaxBodySizeInBytes = 64 * 1024;
    public const int MaxEvidenceBodySizeInBytes = CompositeEvidence.MaxSizeInBytes / 3 * 4 + 8 * 1024; // base64, and the challenge
    public const int MaxCorimBodySizeInBytes = (CorimRules.MaxSizeInBytes / 3 * 4) + MaxBodySizeInBytes; // base64, and the command
    public const int MaxManifestBodySizeInBytes = 16 * 1024 * 1024;
    public const int MaxBundleBodySizeInBytes = RecordedEndorsements.MaxSizeInBytes / 3 * 4 + 8 * 1024; // base64, and the command

    public static void Listen(this WebApplicationBuilder builder, IPEndPoint address, X509Certificate2 certificate)
    {
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaxBodySizeInBytes; // addresses that take more say so
            kestrel.Limits.MaxConcurrentConnections = 1024;
            kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
            kestrel.Limits.MinRequestBodyDataRate = new(bytesPerSecond: 1024, gracePeriod: TimeSpan.FromSeconds(5));
            kestrel.Listen(address, endpoint =>
            {
                endpoint.Protocols = HttpProtocols.Http1AndHttp2;
                endpoint.UseHttps(new HttpsConnectionAdapterOptions
                {
                    ServerCertificate = certificate,
                    SslProtocols = SslProtocols.Tls13, // nothing older has to be supported: both ends are ours
                    HandshakeTimeout = TimeSpan.FromSeconds(10),
                });
            });
        });
        builder.Services.AddRequestTimeouts(timeouts => timeouts.DefaultPolicy = new() { Timeout = TimeSpan.FromSeconds(30), TimeoutStatusCode = 504 });
    }
}
