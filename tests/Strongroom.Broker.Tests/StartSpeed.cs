using System.Diagnostics;
using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Broker.Storage;
using Strongroom.Ledger;
using Strongroom.Tests.Facts;
using Strongroom.Tests.Ledger;

namespace Strongroom.Broker.Tests;

/// <summary>What a start on a long ledger costs; run by name with <c>-explicit only -method '*StartSpeed*'</c>. Figures, no verdict.</summary>
public sealed class StartSpeed(ITestOutputHelper output)
{
    private const int Cycles = 20_000; // of five records: request, two approvals, release, renewal

    [Fact(Explicit = true)]
    public async Task On_a_hundred_thousand_records()
    {
        var directory = Directory.CreateTempSubdirectory("strongroom-start-").FullName;
        try
        {
            var witness = new MemoryWitness();
            var town = Town.Furnished();
            await using (var store = New(directory, witness))
            {
                await store.OpenAsync();
                foreach (var entry in town.Entries) await store.AppendAsync(entry, []);
                long index = town.Entries.Count;
                for (var done = 0; done < Cycles; done += 1000)
                {
                    List<Task> appended = [];
                    for (var i = 0; i < 1000; i++, index += 5) appended.AddRange(Cycle(town, index).Select(record => store.AppendAsync(record.ToEntry(), [])));
                    await Task.WhenAll(appended);
                }
            }
            GC.Collect();
            await using (var store = New(directory, witness))
            {
                var (spent, watch) = (Environment.CpuUsage.TotalTime, Stopwatch.StartNew());
                await store.OpenAsync();
                using var journal = new Journal(store, TimeProvider.System);
                await journal.OpenAsync(town.Entries[0], CancellationToken.None);
                output.WriteLine($"{journal.State.Size} records: {watch.Elapsed.TotalSeconds:0.0} s, {(Environment.CpuUsage.TotalTime - spent).TotalSeconds:0.0} s of processor time, {GC.GetTotalMemory(true) >> 20} MiB of state");
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static SqliteLedger New(string directory, MemoryWitness witness) => new(Path.Combine(directory, "ledger.db"), TestKeys.Signer(Town.Origin), [witness.Client()]);

    /// <summary>As long as real ones; nobody verifies signatures on the way in, nor does a start.</summary>
    private static IEnumerable<LedgerRecord> Cycle(Town town, long index)
    {
        var signature = RandomNumberGenerator.GetBytes(64);
        var (open, policy) = (town.Open(), town.State.Access.Policy!.Digest);
        yield return new CommandRecord(town.Now, open, signature);
        foreach (var owner in (string[])[town.Owner1, town.Owner2])
        {
            yield return new CommandRecord(town.Now, new Approval(
                Town.Origin, Command.NewId(), owner, town.Now, Answer.Approve, Ids.Request(open), Digest.Of(signature), policy, open.ModelDigest, open.Machine, open.Measurement,
                open.Purpose, open.LeaseSeconds, open.Expires), signature);
        }
        var transcript = new Transcript(
            Town.Origin, RandomNumberGenerator.GetBytes(32), town.Now, Ids.Request(open), open.ModelDigest, open.Machine, town.Enclave.PublicKey, town.BrokerKey, "secret", town.Configuration);
        var lease = Ids.Lease(Digest.Of(transcript.Nonce.Span));
        yield return new ReleaseDecided(
            town.Now, Outcome.Allowed, transcript, open.Model, open.Version, policy, 68_000, policy, open.Measurement, true,
            new(lease, [index + 1, index + 2], "stories", 3600, town.Now.AddHours(1), CheckTree: true));
        yield return new RenewalDecided(
            town.Now, Outcome.Allowed, new(Town.Origin, transcript.Nonce, town.Now, lease, open.Machine, town.Enclave.PublicKey, town.BrokerKey, town.Configuration), policy, 68_000,
            policy, open.Measurement, true, 3600, town.Now.AddHours(1));
    }
}
