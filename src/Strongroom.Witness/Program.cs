using System.Globalization;
using Strongroom.Bytes;

namespace Strongroom.Witness;

/// <summary><c>strongroom witness</c>: cosigns the checkpoints of a ledger that extend all it has seen. Meant to be run by somebody else.</summary>
internal static class Program
{
    private const string Usage = """
        usage: strongroom witness key create KEY --name NAME
               strongroom witness --key KEY --ledger VKEY --state DIR --listen ADDRESS:PORT [--certificate PEM --certificate-key PEM]

          key create       writes a signing key that only its owner may read, and prints the verifier key that readers of the ledger pin
          --key KEY        the witness's signing key
          --ledger VKEY    the verifier key of a ledger to watch; may be given more than once
          --state DIR      remembers the last checkpoint of each ledger; losing it means that the witness can be lied to again
          --listen         port 0 takes a free one; without a certificate only a loopback address is accepted
        """;

    private static async Task<int> Main(string[] args)
    {
        try
        {
            return args switch
            {
                _ when args.Contains("--help") => Help(),
                ["key", "create", var path, "--name", var name] => CreateKey(path, name),
                _ when WitnessOptions.Parse(args) is { } options => await RunAsync(options),
                _ => Fail(64, Usage),
            };
        }
        catch (Exception e)
        {
            return e switch
            {
                RefusedException => Fail(1, e.Message),
                MalformedException => Fail(2, e.Message),
                FileNotFoundException or DirectoryNotFoundException => Fail(66, e.Message),
                IOException or UnauthorizedAccessException => Fail(3, e.Message),
                LedgerBrokenException => Fail(71, e.Message),
                _ => Fail(70, e.ToString()),
            };
        }
    }

    private static int Help()
    {
        Console.WriteLine(Usage);
        return 0;
    }

    private static int CreateKey(string path, string name)
    {
        Console.WriteLine(WitnessKey.Create(path, name));
        return 0;
    }

    private static async Task<int> RunAsync(WitnessOptions options)
    {
        using var key = WitnessKey.Open(options.Key);
        await using var app = WitnessApp.Build(options, key.Cosigner, TimeProvider.System);
        await app.StartAsync();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"witness {key.Cosigner.Verifier} listens on {app.Urls.Single()}"));
        await app.WaitForShutdownAsync();
        return 0;
    }

    private static int Fail(int code, string message)
    {
        Console.Error.WriteLine(message);
        return code;
    }
}
