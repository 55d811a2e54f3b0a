using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Strongroom.Protocol;

namespace Strongroom.System.Tests.People;

/// <summary>A broker with a pinned key of its own that answers one question as a test wants; the profile <c>liar</c> trusts it.</summary>
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
        app.Run(async context =>
        {
            context.Response.StatusCode = context.Request.Path == path ? 200 : 404;
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(context.Request.Path == path ? answer : "{}");
        });
        await app.StartAsync();
        var profile = JsonNode.Parse(await File.ReadAllTextAsync(house.At("people/owner.json")))!;
        (profile["broker"], profile["broker_key"]) = ($"https://localhost:{port}", BrokerPin.Of(certificate).Key.ToString());
        await File.WriteAllTextAsync(house.At("people/liar.json"), profile.ToJsonString());
        return new(app);
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();
}
