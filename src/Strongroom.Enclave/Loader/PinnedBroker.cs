using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Bytes;
using Strongroom.Protocol;

namespace Strongroom.Enclave.Loader;

/// <summary>The way to the broker: TLS 1.3 to whoever holds the pinned key, past every proxy, name and certificate authority.</summary>
public static class PinnedBroker
{
    /// <exception cref="MalformedException">Not an https address.</exception>
    public static HttpClient Connect(Uri url, BrokerPin pin)
    {
        if (url.Scheme != Uri.UriSchemeHttps) throw new MalformedException(-1, $"the broker is reached by https, not by {url.Scheme}");
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            KeepAlivePingDelay = TimeSpan.FromSeconds(10), // else a line that is dead without a word would swallow renewal after renewal
            KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
            SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls13,
                RemoteCertificateValidationCallback = (_, certificate, _, _) => pin.Matches(certificate as X509Certificate2),
            },
        };
        // One HTTP/2 connection for all: by the evidence on it the broker knows whose the events of the lease are, and keeps it when strangers crowd in.
        return new HttpClient(handler) { BaseAddress = url, Timeout = TimeSpan.FromSeconds(60), DefaultRequestVersion = HttpVersion.Version20 };
    }
}
