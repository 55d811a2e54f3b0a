using System.Text.Json.Nodes;
using Strongroom.Broker;
using Strongroom.Broker.Access;
using Strongroom.Broker.Approvals;
using Strongroom.Broker.Endorsements;
using Strongroom.Broker.Kbs;
using Strongroom.Broker.Ledger;
using Strongroom.Broker.Machines;
using Strongroom.Broker.Models;
using Strongroom.Broker.People;
using Strongroom.Broker.References;
using Strongroom.Broker.Release;
using Strongroom.Broker.Storage;

[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

var json = args.Contains("--json");
try
{
    if (args.Contains("--help") || args.Contains("-h")) Say(BrokerOptions.Usage);
    else if (args is ["copy", .. var rest]) Copy(BrokerOptions.Copy.Parse(rest));
    else if (args is ["read", .. var which]) Read(BrokerOptions.Read.Parse(which));
    else return await RunAsync(BrokerOptions.Parse(args));
    return 0;
}
catch (Exception e) when (Failure.Of(e, "strongroom broker") is { ExitCode: not 70 } failure)
{
    return failure.Tell("strongroom broker", Console.Error, json ? Console.Out : null);
}

async Task<int> RunAsync(BrokerOptions options)
{
    Hardening.Apply();
    var directory = BrokerDirectory.Open(options);
    await using var broker = await BrokerHost.StartAsync(directory, TimeProvider.System, new Limits(), () => new SocketsHttpHandler { AllowAutoRedirect = false }, CancellationToken.None);
    var origin = directory.Configuration.Origin;
    Say($"broker of {origin} listens on {broker.Address} with key {directory.BrokerKey}", new()
    {
        ["event"] = "listening", ["address"] = broker.Address.ToString(), ["broker_key"] = directory.BrokerKey.ToString(), ["origin"] = origin,
    });
    if (directory.Configuration.DangerDevelopmentEvidence == true)
        Say("DANGER: development evidence is accepted; it proves nothing about any machine", new() { ["event"] = "danger", ["development"] = true });
    return await broker.EndAsync();
}

void Copy(ILookup<string, string> given)
{
    var to = One(given, "to");
    DirectoryCopy.Make(One(given, "dir"), to, given.Contains("with-names"));
    Say($"{to} is complete", new() { ["event"] = "copied", ["directory"] = Path.GetFullPath(to) });
}

void Read(ILookup<string, string> given)
{
    using var ledger = new StoredLedger(One(given, "dir"));
    using var answers = Console.OpenStandardOutput();
    ledger.Answer(Console.In, answers);
}

string One(ILookup<string, string> given, string name) => given[name].SingleOrDefault() ?? throw new UsageException($"--{name} is missing");

void Say(string words, JsonObject? more = null)
{
    if (more is not null) more["words"] = words;
    Console.WriteLine(json && more is not null ? more.ToJsonString() : words);
}

public partial class Program
{
    /// <summary>One line for each capability; each reads what those before it know, never what comes after (docs/house.md).</summary>
    internal static void MapSlices(WebApplication app)
    {
        app.MapHealth();
        app.MapLedger();
        app.MapAccess();
        app.MapReferences();
        app.MapPeople();
        app.MapModels();
        app.MapEndorsements();
        app.MapMachines();
        app.MapApprovals();
        app.MapReleases();
        app.MapLeases();
        app.MapKbs();
    }
}
