using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using Strongroom.Broker.Tests;
using Strongroom.Broker.Tests.Machines;
using Strongroom.Broker.Tests.Release;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;
using Strongroom.Tests.Attestation;

namespace Strongroom.Benchmarks;

/// <summary>
/// A whole release over TLS, a hundred begun every second whether or not the ones before have ended: challenge, TPM quote verified, decision, durable and
/// cosigned append, key unwrapped and sealed. The floor is the same number of bare fdatasync calls on the same disk.
/// </summary>
internal static class Release
{
    private const int PerSecond = 100;
    private const int WarmUp = 600;
    private const int Measured = 1000;
    private const int Machines = 10; // one machine has at most 256 answers in a minute

    internal static async Task<int> RunAsync()
    {
        using var maker = new TestMaker();
        var tpms = Enumerable.Range(0, Machines).Select(_ => new SoftwareTpm(maker)).ToList();
        await using var scene = await ReleaseScene.StartAsync();
        await scene.EnrolAsync(tpms[0], maker);
        foreach (var tpm in tpms[1..]) await scene.AdmitAsync(tpm);
        var requests = await ApprovedAsync(scene, tpms, WarmUp + Measured);
        await WalkAsync(scene, tpms, requests[..WarmUp]);
        var processor = Environment.CpuUsage.TotalTime;
        var times = await WalkAsync(scene, tpms, requests[WarmUp..]);
        foreach (var tpm in tpms) tpm.Dispose();
        var perRelease = (Environment.CpuUsage.TotalTime - processor).TotalMilliseconds / Measured;
        var sync = Syncs(scene.Broker.Directory);
        Console.WriteLine($"{Measured} releases at {PerSecond} a second: median {times[Measured / 2]:0.0} ms, p99 {times[Measured * 99 / 100]:0.0} ms, slowest {times[^1]:0.0} ms");
        Console.WriteLine($"processor time of one release, asking enclave and software TPM included: {perRelease:0.0} ms");
        Console.WriteLine($"bare fdatasync of 4 KiB: median {sync[sync.Length / 2]:0.00} ms, p99 {sync[sync.Length * 99 / 100]:0.00} ms");
        Console.WriteLine($"ratio of the p99 to the 20 ms that a release may take: {times[Measured * 99 / 100] / 20:0.00}");
        return 0;
    }

    /// <summary>Requests that wait for their machine alone.</summary>
    private static async Task<List<OpenRequest>> ApprovedAsync(ReleaseScene scene, List<SoftwareTpm> tpms, int count)
    {
        var requests = Enumerable.Range(0, count).Select(i => tpms[i % Machines]).Select(tpm => scene.NewRequest() with { Machine = tpm.Machine.Id, Measurement = tpm.Measurement }).ToList();
        foreach (var chunk in requests.Chunk(64))
        {
            await SendAsync(scene, chunk.Select(scene.Requester.Sign), HttpStatusCode.Accepted);
            await SendAsync(scene, chunk.Select(request => scene.Xena.Sign(scene.Approval(scene.Xena, request))), HttpStatusCode.Accepted);
            await SendAsync(scene, chunk.Select(request => scene.Yuri.Sign(scene.Approval(scene.Yuri, request))), HttpStatusCode.OK);
        }
        return requests;
    }

    private static async Task SendAsync(ReleaseScene scene, IEnumerable<SignedCommand> commands, HttpStatusCode expected)
    {
        foreach (var response in await Task.WhenAll(commands.Select(scene.Broker.SendAsync))) await TestBroker.MustAsync(expected, response);
    }

    /// <summary>Milliseconds from when each release was due, ascending: one that had to wait for its turn is not counted as fast.</summary>
    private static async Task<double[]> WalkAsync(ReleaseScene scene, List<SoftwareTpm> tpms, IReadOnlyList<OpenRequest> requests)
    {
        var began = Stopwatch.GetTimestamp();
        var walks = requests.Select(async (request, i) =>
        {
            var due = TimeSpan.FromSeconds((double)i / PerSecond);
            if (due - Stopwatch.GetElapsedTime(began) is var wait && wait > TimeSpan.Zero) await Task.Delay(wait);
            using var enclave = HpkePrivateKey.Generate();
            var challenge = await scene.ChallengeAsync(enclave, request: Ids.Request(request));
            byte[] evidence;
            var tpm = tpms[i % Machines]; // as the requests were dealt out: both runs begin with the first
            lock (tpm) evidence = tpm.Evidence(challenge.Transcript);
            await TestBroker.MustAsync(HttpStatusCode.OK, await scene.AnswerAsync(challenge.Id, evidence), ProtocolJson.Default.GrantReply);
            return (Stopwatch.GetElapsedTime(began) - due).TotalMilliseconds;
        });
        var times = await Task.WhenAll([.. walks]);
        Array.Sort(times);
        return times;
    }

    private static double[] Syncs(string directory)
    {
        using var file = new FileStream(Path.Combine(directory, "sync"), FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        var times = new double[500];
        for (var i = 0; i < times.Length; i++)
        {
            file.Write(RandomNumberGenerator.GetBytes(4096));
            var began = Stopwatch.GetTimestamp();
            file.Flush(flushToDisk: true);
            times[i] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        }
        Array.Sort(times);
        return times;
    }
}
