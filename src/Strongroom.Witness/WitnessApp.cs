using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Witness;

/// <summary>The two addresses of C2SP tlog-witness: <c>POST /add-checkpoint</c> and <c>GET /ORIGIN-HASH/checkpoint</c>.</summary>
internal static class WitnessApp
{
    /// <exception cref="LedgerBrokenException">The state on disk is not this witness's.</exception>
    public static WebApplication Build(WitnessOptions options, Cosigner cosigner, TimeProvider clock)
    {
        var ledgers = options.Ledgers.ToDictionary(key => key.Name, key => new WatchedLedger(key, cosigner, options.State, clock));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = AddCheckpoint.MaxSizeInBytes;
            kestrel.Limits.MaxConcurrentConnections = 256;
            kestrel.Listen(options.Listen, endpoint =>
            {
                if (options.Certificate is null) return;
                endpoint.UseHttps(X509Certificate2.CreateFromPemFile(options.Certificate, options.CertificateKey), https => https.SslProtocols = SslProtocols.Tls13);
            });
        });
        var app = builder.Build();
        app.MapPost("/add-checkpoint", async (HttpRequest request, CancellationToken cancel) =>
        {
            var answer = await AddAsync(ledgers, request, cancel);
            return TypedResults.Text(answer.Body, answer.ContentType, statusCode: (int)answer.Status);
        });
        app.MapGet("/{origin}/checkpoint", Results<ContentHttpResult, NotFound> (string origin) =>
            ledgers.Values.FirstOrDefault(ledger => ledger.OriginHash == origin)?.Latest() is { } note
                ? TypedResults.Text(note.ToString(), "text/plain; charset=utf-8")
                : TypedResults.NotFound());
        return app;
    }

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
