using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Strongroom.Attestation.Tpm;
using Strongroom.Broker.Endorsements;
using Strongroom.Broker.Kbs;
using Strongroom.Broker.Machines;
using Strongroom.Broker.Models;
using Strongroom.Broker.People;
using Strongroom.Broker.Release;
using Strongroom.Broker.Storage;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Ledger;
using Strongroom.Protocol;

namespace Strongroom.Broker;

/// <summary>A running broker: opens what lies in its directory, checks the ledger against its witnesses, and only then listens.</summary>
internal sealed class BrokerHost : IAsyncDisposable
{
    private static readonly TimeSpan WitnessPatience = TimeSpan.FromSeconds(5);

    private readonly Stack<object> opened = new();
    private WebApplication? app;

    private BrokerHost()
    {
    }

    public Uri Address { get; private set; } = null!;

    public LedgerStore Ledger { get; private set; } = null!;

    public Journal Journal { get; private set; } = null!;

    /// <param name="directory">Belongs to the host from now on.</param>
    /// <param name="witnessHandler">The way to the witnesses; tests hand in one that needs no network.</param>
    /// <param name="endorsements">How a bundle on record is read; tests hand in one that knows their vendors. Null is how everybody else reads it.</param>
    /// <exception cref="LedgerBrokenException">The ledger is not the one that was written, or that a witness has seen.</exception>
    /// <exception cref="UnavailableException">A witness or the custody key is away.</exception>
    public static async Task<BrokerHost> StartAsync(
        BrokerDirectory directory, TimeProvider clock, Limits limits, Func<HttpMessageHandler> witnessHandler, CancellationToken cancel,
        Func<ReadOnlyMemory<byte>, RecordedEndorsements>? endorsements = null)
    {
        var host = new BrokerHost();
        host.Own(directory);
        try
        {
            await host.OpenLedgerAsync(directory, clock, witnessHandler, cancel);
            await host.ListenAsync(directory, clock, limits, endorsements ?? RecordedEndorsements.Read, cancel);
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>Completes with the exit code when the program is told to end, or when the ledger is in doubt.</summary>
    public async Task<int> EndAsync()
    {
        var told = app!.WaitForShutdownAsync();
        if (await Task.WhenAny(told, Ledger.Broken) == told) return 0;
        return Failure.Of(await Ledger.Broken, "strongroom broker").Tell("strongroom broker", Console.Error, output: null);
    }

    public async ValueTask DisposeAsync()
    {
        if (app is not null) await app.DisposeAsync();
        while (opened.TryPop(out var thing))
        {
            if (thing is IAsyncDisposable slow) await slow.DisposeAsync();
            else ((IDisposable)thing).Dispose();
        }
    }

    private async Task OpenLedgerAsync(BrokerDirectory directory, TimeProvider clock, Func<HttpMessageHandler> witnessHandler, CancellationToken cancel)
    {
        var signer = new NoteSigner(Own(directory.OpenLedgerKey()), directory.Configuration.Origin);
        Ledger = Own(new SqliteLedger(directory.File("ledger.db"), signer, [.. directory.Configuration.Witnesses.Select(witness => Client(witness, witnessHandler))]));
        await Ledger.OpenAsync(cancel);
        Journal = Own(new Journal(Ledger, clock));
        await Journal.OpenAsync(directory.Genesis, cancel);
    }

    private WitnessClient Client(WitnessAddress witness, Func<HttpMessageHandler> handler)
    {
        var http = Own(new HttpClient(handler()) { BaseAddress = new(witness.Url.TrimEnd('/') + "/"), Timeout = WitnessPatience, MaxResponseContentBufferSize = 64 * 1024 });
        return new(http, VerifierKey.Parse(witness.Key));
    }

    private async Task ListenAsync(
        BrokerDirectory directory, TimeProvider clock, Limits limits, Func<ReadOnlyMemory<byte>, RecordedEndorsements> endorsements, CancellationToken cancel)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Listen(IPEndPoint.Parse(directory.Configuration.Listen), directory.Certificate, limits);
        limits.Add(builder.Services);
        builder.Services.AddJson();
        builder.Services.AddDocument();
        AddRooms(builder.Services, directory, clock, endorsements);
        app = builder.Build();
        app.UseCallers();
        app.UseProblems();
        app.UseRateLimiter();
        new Intake().Use(app);
        app.UseRequestTimeouts();
        app.MapOpenApi("/openapi/{documentName}.json");
        Program.MapSlices(app);
        await app.StartAsync(cancel);
        Address = new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
    }

    private void AddRooms(IServiceCollection services, BrokerDirectory directory, TimeProvider clock, Func<ReadOnlyMemory<byte>, RecordedEndorsements> endorsements)
    {
        var (custody, models) = (Own(directory.OpenCustody()), Own(Table.Open(directory.File("models.db"))));
        var shelf = new ModelShelf(models);
        services.AddSingleton(clock).AddSingleton(Ledger).AddSingleton(Journal).AddSingleton(directory);
        services.AddSingleton(new Names(Own(Table.Open(directory.File("names.db"))))).AddSingleton(shelf).AddSingleton(custody);
        services.AddSingleton(Own(new Challenges<Enrolment>(clock, TpmEnrolment.Lifetime, EnrolmentJson.Default.Enrolment)))
            .AddSingleton(Own(new Challenges<EnrolmentTranscript>(clock, EnrolmentTranscript.Lifetime, FactsJson.Default.EnrolmentTranscript))).AddSingleton<TeeChallenges>()
            .AddSingleton(Own(new Challenges<Transcript>(clock, ReleaseEndpoints.ChallengeTimeToLive, FactsJson.Default.Transcript)))
            .AddSingleton(Own(new Challenges<RenewalTranscript>(clock, ReleaseEndpoints.ChallengeTimeToLive, FactsJson.Default.RenewalTranscript)))
            .AddSingleton(Own(new Challenges<GuestChallenge>(clock, ReleaseEndpoints.ChallengeTimeToLive, KbsJson.Default.GuestChallenge))).AddSingleton(new GuestSessions(clock));
        services.AddSingleton(Own(new EndorsementShelf(Ledger, endorsements)));
        services.AddSingleton(new Strangers()).AddSingleton(new KeyRelease(custody, shelf, Journal, Own(Table.Open(directory.File("answers.db"), durable: false))));
    }

    private T Own<T>(T thing) where T : class
    {
        opened.Push(thing);
        return thing;
    }
}
