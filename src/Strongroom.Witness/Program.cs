using System.Text.Json.Nodes;

namespace Strongroom.Witness;

/// <summary><c>strongroom witness</c>: cosigns the checkpoints of a ledger that extend all it has seen. Meant to be run by somebody else.</summary>
internal static class Program
{
    private const string Name = "strongroom witness";

    private const string Usage = """
        usage: strongroom witness key create KEY --name NAME [--json]
               strongroom witness --key KEY --ledger VKEY --state DIR --listen ADDRESS:PORT [--certificate PEM --certificate-key PEM] [--json]

          key create       writes a signing key that only its owner may read, and prints the verifier key that readers of the ledger pin
          --key KEY        the witness's signing key
          --ledger VKEY    the verifier key of a ledger to watch; may be given more than once
          --state DIR      remembers the last checkpoint of each ledger; losing it means that the witness can be lied to again
          --listen         port 0 takes a free one; without a certificate only a loopback address is accepted
          --json           one JSON object instead of a sentence: the verifier key, and where the witness listens
        """;

    private static async Task<int> Main(string[] args)
    {
        var json = args.Contains("--json");
        try
        {
            if (args.Contains("--help") || args.Contains("-h")) Console.WriteLine(Usage);
            else if (args is ["key", "create", .. var rest]) CreateKey(rest, json);
            else await RunAsync(WitnessOptions.Parse(args), json);
            return 0;
        }
        catch (Exception e)
        {
            var failure = Failure.Of(e, Name);
            if (failure.ExitCode == 70) Console.Error.WriteLine(e); // where the bug is; its line is the last
            return failure.Tell(Name, Console.Error, json ? Console.Out : null);
        }
    }

    private static void CreateKey(string[] arguments, bool json)
    {
        if (arguments is not [var path, .. var rest] || path.StartsWith('-')) throw new UsageException("key create KEY: where the key goes is missing");
        var name = new Arguments(["name"], [], ["json"]).Parse(rest)["name"].SingleOrDefault() ?? throw new UsageException("--name NAME is missing: what the witness is called, such as witness.example");
        var key = WitnessKey.Create(path, name).ToString();
        Console.WriteLine(json ? new JsonObject { ["key"] = key }.ToJsonString() : key);
    }

    private static async Task RunAsync(WitnessOptions options, bool json)
    {
        using var key = WitnessKey.Open(options.Key);
        await using var app = WitnessApp.Build(options, key.Cosigner, TimeProvider.System);
        await app.StartAsync();
        var (verifier, address) = (key.Cosigner.Verifier.ToString(), app.Urls.Single());
        var words = $"witness {verifier} listens on {address}";
        Console.WriteLine(json ? new JsonObject { ["event"] = "listening", ["address"] = address, ["key"] = verifier, ["words"] = words }.ToJsonString() : words);
        await app.WaitForShutdownAsync();
    }
}
