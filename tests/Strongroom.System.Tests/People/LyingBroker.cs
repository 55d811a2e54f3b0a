using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Strongroom.Bytes;
using Strongroom.Protocol;

namespace Strongroom.System.Tests.People;

/// <summary>A broker with a pinned key of its own that answers one question as a test wants, and every other as the honest one does; the profile <c>liar</c> trusts it.</summary>
internal sealed class LyingBroker(WebApplication app) : IAsyncDisposable
{
    internal static async Task<LyingBroker> StartAsync(House house, string path, string answer)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var made = new CertificateRequest("CN=liar", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        var certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        var port = House.FreePort();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.ListenLocalhost(port, endpoint => endpoint.UseHttps(certificate)));
        var app = builder.Build();
        var profile = JsonNode.Parse(await File.ReadAllTextAsync(house.At("people/owner.json")))!;
        var honest = await HonestAsync(house);
        app.Run(async context =>
        {
            if (context.Request.Path == path)
            {
                context.Response.ContentType = "application/json";
                await context.Response.WriteAsync(answer);
                return;
            }
            using var relayed = await honest.GetAsync(context.Request.Path.Value);
            context.Response.StatusCode = (int)relayed.StatusCode;
            await relayed.Content.CopyToAsync(context.Response.Body);
        });
        await app.StartAsync();
        (profile["broker"], profile["broker_key"]) = ($"https://localhost:{port}", BrokerPin.Of(certificate).Key.ToString());
        await File.WriteAllTextAsync(house.At("people/liar.json"), profile.ToJsonString());
        return new(app);
    }

    /// <summary>Asks the broker that the house pins.</summary>
    internal static async Task<HttpClient> HonestAsync(House house)
    {
        var profile = JsonNode.Parse(await File.ReadAllTextAsync(house.At("people/owner.json")))!;
        var pin = new BrokerPin(Digest.Parse((string)profile["broker_key"]!));
        return new(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, shown, _, _) => pin.Matches(shown as X509Certificate2) } })
        {
            BaseAddress = new(house.Broker),
        };
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();
}
