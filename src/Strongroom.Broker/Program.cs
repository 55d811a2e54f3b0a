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

if (args is ["copy", "--dir", var from, "--to", var copy, .. var rest] && rest is [] or ["--with-names"]) return Copy(from, copy, rest.Length > 0);
if (args.Contains("--help"))
{
    Console.WriteLine(BrokerOptions.Usage);
    return 0;
}
if (BrokerOptions.Parse(args) is not { } options)
{
    Console.Error.WriteLine(BrokerOptions.Usage);
    return 64;
}
Hardening.Apply();
try
{
    var directory = BrokerDirectory.Open(options);
    await using var broker = await BrokerHost.StartAsync(directory, TimeProvider.System, new Limits(), () => new SocketsHttpHandler { AllowAutoRedirect = false }, CancellationToken.None);
    Console.WriteLine($"broker of {directory.Configuration.Origin} listens on {broker.Address} with key {directory.BrokerKey}");
    if (directory.Configuration.DangerDevelopmentEvidence == true) Console.WriteLine("DANGER: development evidence is accepted; it proves nothing about any machine");
    return await broker.EndAsync();
}
catch (Exception e) when (ExitCode.For(e) is var code and not 70)
{
    Console.Error.WriteLine($"strongroom broker: {e.Message}");
    return code;
}

static int Copy(string directory, string copy, bool withNames)
{
    try
    {
        DirectoryCopy.Make(directory, copy, withNames);
        return 0;
    }
    catch (Exception e) when (e is IOException || ExitCode.For(e) is not 70)
    {
        Console.Error.WriteLine($"strongroom broker: {e.Message}");
        return e is IOException and not (FileNotFoundException or DirectoryNotFoundException) ? 3 : ExitCode.For(e);
    }
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
