using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Strongroom.Bytes;
using Strongroom.Ledger;
using Strongroom.Protocol;

namespace Strongroom.Witness;

/// <summary>The two addresses of C2SP tlog-witness: <c>POST /add-checkpoint</c> and <c>GET /ORIGIN-HASH/checkpoint</c>.</summary>
internal static class WitnessApp
{
    /// <summary>Connections at once of strangers, and as many of who brought a checkpoint that goes on.</summary>
    private const int Connections = 256;

    /// <summary>For a handshake, for a request's headers, and for both together on a new connection.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <exception cref="LedgerBrokenException">The state on disk is not this witness's.</exception>
    public static WebApplication Build(WitnessOptions options, Cosigner cosigner, TimeProvider clock)
    {
        var ledgers = options.Ledgers.ToDictionary(key => key.Name, key => new WatchedLedger(key, cosigner, options.State, clock));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => Listen(kestrel, options));
        var app = builder.Build();
        app.Use((context, next) =>
        {
            Caller(context).Asked();
            return next(context);
        });
        app.MapPost("/add-checkpoint", async (HttpRequest request, CancellationToken cancel) =>
        {
            var answer = await AddAsync(ledgers, request, cancel);
            if (answer.GoesOn) Caller(request.HttpContext).Proved();
            return TypedResults.Text(answer.Body, answer.ContentType, statusCode: (int)answer.Status);
        });
        app.MapGet("/{origin}/checkpoint", Results<ContentHttpResult, NotFound> (string origin) =>
            ledgers.Values.FirstOrDefault(ledger => ledger.OriginHash == origin)?.Latest() is { } note
                ? TypedResults.Text(note.ToString(), "text/plain; charset=utf-8")
                : TypedResults.NotFound());
        return app;
    }

    private static void Listen(KestrelServerOptions kestrel, WitnessOptions options)
    {
        var callers = new Callers(Connections, Patience, TimeProvider.System);
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = AddCheckpoint.MaxSizeInBytes;
        kestrel.Limits.RequestHeadersTimeout = Patience;
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
        kestrel.Listen(options.Listen, endpoint =>
        {
            endpoint.Use(next => async connection =>
            {
                using var caller = callers.Enter(((IPEndPoint)connection.RemoteEndPoint!).Address, connection.Abort);
                connection.Features.Set(caller);
                await next(connection);
            });
            if (options.Certificate is null) return;
            endpoint.UseHttps(X509Certificate2.CreateFromPemFile(options.Certificate, options.CertificateKey), https =>
            {
                https.SslProtocols = SslProtocols.Tls13;
                https.HandshakeTimeout = Patience;
            });
        });
    }

    private static Callers.Caller Caller(HttpContext context) => context.Features.GetRequiredFeature<Callers.Caller>();

    private static async Task<WitnessAnswer> AddAsync(Dictionary<string, WatchedLedger> ledgers, HttpRequest http, CancellationToken cancel)
    {
        try
        {
            using var reader = new StreamReader(http.Body, new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: false);
            var request = AddCheckpoint.Parse(await reader.ReadToEndAsync(cancel));
            var checkpoint = Checkpoint.Parse(request.Checkpoint.Text);
            return ledgers.TryGetValue(checkpoint.Origin, out var ledger)
                ? ledger.Add(request, checkpoint)
                : new(HttpStatusCode.NotFound, $"{checkpoint.Origin} is not watched here\n");
        }
        catch (Exception e) when (e is MalformedException or DecoderFallbackException)
        {
            return new(HttpStatusCode.BadRequest, e.Message + "\n");
        }
    }
}
