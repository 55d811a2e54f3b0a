using System.Text;
using Strongroom.Broker.Storage;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Ledger;

namespace Strongroom.Appender;

/// <summary>
/// Appends to a ledger until it is killed and prints one line for each entry that was acknowledged: index and leaf hash. The crash and the
/// strace test run it: FILE ORIGIN WITNESS-VKEY WITNESS-URL WRITERS [COUNT].
/// </summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        using var key = Ed25519PrivateKey.FromSeed(Digest.Of(Encoding.UTF8.GetBytes(args[1])).Span);
        using var http = new HttpClient { BaseAddress = new(args[3]) };
        await using var ledger = new SqliteLedger(args[0], new NoteSigner(key, args[1]), [new WitnessClient(http, VerifierKey.Parse(args[2]))]);
        await ledger.OpenAsync();
        using var output = Console.OpenStandardOutput();
        var count = args.Length > 5 ? int.Parse(args[5]) : int.MaxValue;
        await Task.WhenAll(Enumerable.Range(0, int.Parse(args[4])).Select(writer => Task.Run(() => WriteAsync(ledger, output, writer, count))));
        return 0;
    }

    private static async Task WriteAsync(SqliteLedger ledger, Stream output, int writer, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var receipt = await ledger.AppendAsync(Encoding.ASCII.GetBytes($$"""{"i":{{i}},"nonce":"{{Guid.NewGuid()}}","writer":{{writer}}}"""), []);
            var line = Encoding.ASCII.GetBytes($"{receipt.Index} {receipt.LeafHash}\n");
            lock (output) output.Write(line);
        }
    }
}
