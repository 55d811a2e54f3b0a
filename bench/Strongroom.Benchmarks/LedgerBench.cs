using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using Microsoft.Data.Sqlite;
using Strongroom.Broker.Storage;
using Strongroom.Ledger;
using Strongroom.Tests.Ledger;

namespace Strongroom.Benchmarks;

/// <summary>
/// <c>bench ledger</c>: durable appends by 64 writers beside a bare SQLite loop that commits in groups, in turns in one run; and the time to prove
/// one of a million leaves. The witness answers in this process: what it costs elsewhere is the network's and its own disk's.
/// </summary>
internal static class LedgerBench
{
    private const int Writers = 64;
    private const int Rounds = 7;
    private const int Leaves = 1_000_000;
    private const int Proofs = 5_000;

    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1.5);

    public static async Task<int> RunAsync()
    {
        var directory = Directory.CreateTempSubdirectory("strongroom-bench-").FullName;
        try
        {
            await AppendsAsync(directory);
            await ProofsAsync(directory);
            return 0;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task AppendsAsync(string directory)
    {
        using var elsewhere = new Elsewhere();
        await using var ledger = await OpenAsync(Path.Combine(directory, "ledger.db"), elsewhere.Client());
        await using var bare = new BareStore(Path.Combine(directory, "bare.db"));
        List<Rates> rates = [];
        for (var round = -1; round < Rounds; round++)
        {
            var loop = await RateAsync(entry => bare.AppendAsync(entry));
            elsewhere.Busy = TimeSpan.Zero;
            var appends = await RateAsync(entry => ledger.AppendAsync(entry, []));
            Rates one = new(loop, appends, appends / (1 - elsewhere.Busy / Round));
            if (round >= 0) rates.Add(one); // the first round warms up
        }
        Console.WriteLine($"durable appends, {Writers} writers, 300-byte entries, of a bare SQLite group-commit loop at {Median(rates.Select(rate => rate.Bare)):0} a second:");
        Print("hashed, signed, cosigned by a witness in this process", rate => rate.Ledger);
        Print("the same less the time that the witness itself took", rate => rate.LedgerAlone);

        void Print(string what, Func<Rates, double> ours)
        {
            var ratios = rates.Select(rate => ours(rate) / rate.Bare).Order().ToList();
            Console.WriteLine($"  {what}: {Median(ratios):0.00} ({ratios[0]:0.00} to {ratios[^1]:0.00}), {Median(rates.Select(ours)):0} a second");
        }
    }

    private static async Task ProofsAsync(string directory)
    {
        await using var ledger = await OpenAsync(Path.Combine(directory, "million.db"), new MemoryWitness().Client());
        for (var from = 0; from < Leaves; from += 8192)
            await Task.WhenAll(Enumerable.Range(from, Math.Min(8192, Leaves - from)).Select(i => ledger.AppendAsync(Entry(i), [])));
        List<double> times = [];
        for (var i = -500; i < Proofs; i++)
        {
            var index = RandomNumberGenerator.GetInt32(Leaves);
            var started = Stopwatch.GetTimestamp();
            _ = (await ledger.ReceiptAsync(index)).Proof;
            if (i >= 0) times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        times.Sort();
        Console.WriteLine($"proof of one of {Leaves} leaves, entry read and proof checked: median {Median(times):0.000} ms, p99 {times[times.Count * 99 / 100]:0.000} ms");
    }

    private static async Task<SqliteLedger> OpenAsync(string path, params IReadOnlyList<WitnessClient> witnesses)
    {
        var ledger = new SqliteLedger(path, TestKeys.Signer("example.com/bench"), witnesses);
        await ledger.OpenAsync();
        return ledger;
    }

    private static async Task<double> RateAsync(Func<byte[], Task> append)
    {
        var (appended, started) = (0L, Stopwatch.GetTimestamp());
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; Stopwatch.GetElapsedTime(started) < Round; i++)
            {
                await append(Entry(writer * 1_000_000 + i));
                Interlocked.Increment(ref appended);
            }
        })));
        return appended / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static byte[] Entry(int i) => Encoding.ASCII.GetBytes($$"""{"n":{{i}},"padding":"{{new string('x', 270)}}"}""");

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(values.Count() / 2);

    /// <summary>Appends a second.</summary>
    private sealed record Rates(double Bare, double Ledger, double LedgerAlone);

    /// <summary>Takes the time of a witness, which is another machine's: nothing is appended while it works.</summary>
    private sealed class Elsewhere() : DelegatingHandler(new MemoryWitness())
    {
        public TimeSpan Busy { get; set; }

        public WitnessClient Client() => new(new(this, disposeHandler: false) { BaseAddress = new("http://witness/") }, ((MemoryWitness)InnerHandler!).Verifier);

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
        {
            var started = Stopwatch.GetTimestamp();
            var answer = await base.SendAsync(request, cancel);
            Busy += Stopwatch.GetElapsedTime(started);
            return answer;
        }
    }

    /// <summary>The least that a durable group commit can be: rows into one table, acknowledged after COMMIT.</summary>
    private sealed class BareStore : IAsyncDisposable
    {
        private readonly SqliteConnection connection;
        private readonly Channel<(byte[] Entry, TaskCompletionSource Done)> queue = Channel.CreateUnbounded<(byte[], TaskCompletionSource)>(new() { SingleReader = true });
        private readonly Task pump;

        public BareStore(string path)
        {
            connection = new($"Data Source={path};Pooling=False");
            connection.Open();
            Run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE entries (idx INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT");
            pump = Task.Run(PumpAsync);
        }

        public Task AppendAsync(byte[] entry)
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            queue.Writer.TryWrite((entry, done));
            return done.Task;
        }

        public async ValueTask DisposeAsync()
        {
            queue.Writer.Complete();
            await pump;
            await connection.DisposeAsync();
        }

        private async Task PumpAsync()
        {
            using var insert = connection.CreateCommand();
            insert.CommandText = "INSERT INTO entries (entry) VALUES ($entry)";
            var parameter = insert.Parameters.Add(new SqliteParameter { ParameterName = "$entry" });
            List<TaskCompletionSource> batch = [];
            while (await queue.Reader.WaitToReadAsync())
            {
                batch.Clear();
                Run("BEGIN IMMEDIATE");
                while (batch.Count < 1024 && queue.Reader.TryRead(out var waiting))
                {
                    parameter.Value = waiting.Entry;
                    insert.ExecuteNonQuery();
                    batch.Add(waiting.Done);
                }
                Run("COMMIT");
                foreach (var done in batch) done.SetResult();
            }
        }

        private void Run(string sql)
        {
            using var command = connection.CreateCommand();
            command.CommandText = sql;
            command.ExecuteNonQuery();
        }
    }
}
