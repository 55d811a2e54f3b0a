using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Enclave.Loader;
using Strongroom.Enclave.Memory;
using Strongroom.Sealing;

namespace Strongroom.Benchmarks;

/// <summary>
/// The enclave's own path from sealed file to protected memory: 1 GiB, page cache warm. Each round measures everything once, and a ratio is the median
/// of the ratios within a round, so that a neighbour's load falls on both sides. A core's rate is bytes by CPU time, which a neighbour cannot take.
/// </summary>
internal static class Ready
{
    private const long Length = 1L << 30;
    private const int Rounds = 5;

    public static int Run()
    {
        var directory = Directory.CreateTempSubdirectory("strongroom-bench-").FullName;
        try
        {
            using var publisher = Ed25519PrivateKey.FromSeed(RandomNumberGenerator.GetBytes(32));
            using var keys = Seal(directory, publisher);
            Report(Enumerable.Range(-1, Rounds + 1).Select(_ => Round(directory, publisher.PublicKey, keys)).Skip(1).ToList());
            return 0;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>GB/s of each: by CPU time where the name says core, else by the wall.</summary>
    private static Dictionary<string, double> Round(string directory, Ed25519PublicKey publisher, Secret keys)
    {
        var rates = new Dictionary<string, double> { ["openssl core"] = OpenSsl() };
        using (var memory = new ProtectedMemory(MemoryKind.Locked))
        {
            Rate(rates, "fresh", () => Touch(SealedModel.Prepare(directory, [publisher], memory)).Open(keys, null, false, _ => { }, CancellationToken.None));
        }
        using (var memory = new ProtectedMemory(MemoryKind.Locked))
        {
            var model = Touch(SealedModel.Prepare(directory, [publisher], memory));
            Rate(rates, "touched", () => model.Open(keys, null, false, _ => { }, CancellationToken.None));
            Rate(rates, "touched 1", () => model.Open(keys, null, false, _ => { }, CancellationToken.None, threads: 1));
            Rate(rates, "touched tree", () => model.Open(keys, null, true, _ => { }, CancellationToken.None));
        }
        using (var memory = new ProtectedMemory(MemoryKind.Secret))
        {
            var region = memory.Reserve(Length / 8);
            Rate(rates, "secret fill", () => region.Touch(Environment.ProcessorCount, CancellationToken.None), Length / 8);
        }
        using (var memory = new ProtectedMemory(MemoryKind.Locked))
        {
            var region = memory.Reserve(Length);
            Rate(rates, "locked fill", () => region.Touch(Environment.ProcessorCount, CancellationToken.None));
        }
        return rates;
    }

    private static SealedModel Touch(SealedModel model)
    {
        model.Region.Touch(Environment.ProcessorCount, CancellationToken.None);
        return model;
    }

    private static void Rate(Dictionary<string, double> rates, string name, Action work, long bytes = Length)
    {
        var (wall, processor) = (Stopwatch.GetTimestamp(), Process.GetCurrentProcess().TotalProcessorTime);
        work();
        rates[name] = bytes / 1e9 / Stopwatch.GetElapsedTime(wall).TotalSeconds;
        rates[name + " core"] = bytes / 1e9 / (Process.GetCurrentProcess().TotalProcessorTime - processor).TotalSeconds;
    }

    private static void Report(List<Dictionary<string, double>> rounds)
    {
        Ratio("into touched memory, one core / openssl speed", "touched 1 core", "openssl core", "0.85");
        Ratio("both cores / one", "touched", "touched 1", "1.8");
        Ratio("into fresh locked huge pages, a core / openssl", "fresh core", "openssl core", "-");
        Ratio("with the tree checked / without, a core", "touched tree core", "touched core", "-");
        foreach (var name in rounds[0].Keys) Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-18} {Median(rounds.Select(round => round[name])),7:F2} GB/s"));

        void Ratio(string what, string measured, string reference, string wanted)
        {
            var ratios = rounds.Select(round => round[measured] / round[reference]).Order().ToList();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-48} {Median(ratios):F2}  ({ratios[0]:F2} to {ratios[^1]:F2}; wanted {wanted})"));
        }
    }

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(values.Count() / 2);

    /// <summary>The same libcrypto's own figure for the same cipher and chunk size.</summary>
    private static double OpenSsl()
    {
        var start = new ProcessStartInfo("openssl", ["speed", "-decrypt", "-evp", "aes-256-gcm", "-bytes", "16384", "-seconds", "1", "-mr"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return double.Parse(output.Split('\n').Single(line => line.StartsWith("+F", StringComparison.Ordinal)).Split(':')[^1], CultureInfo.InvariantCulture) / 1e9;
    }

    private static Secret Seal(string directory, Ed25519PrivateKey publisher)
    {
        var identity = new FileIdentity(publisher.PublicKey, "bench", 1, "weights.bin");
        using var modelKey = Secret.Random(32);
        var key = ContentKeys.Derive(modelKey, identity);
        using var encryptor = ChunkEncryptor.Create(key.Span, identity);
        var tree = new SealedTree(SealedTree.SegmentCount(Length));
        var plain = RandomNumberGenerator.GetBytes(SealedTree.PlainSegmentSize);
        var room = new byte[1 + SealedLayout.HeaderSize + SealedTree.SegmentSize];
        using (var file = File.Create(Path.Combine(directory, "weights.bin" + SealedLayout.Extension)))
        {
            for (long at = 0, index = 0; at <= Length; at += plain.Length, index++)
            {
                var header = index == 0 ? encryptor.Header : [];
                header.CopyTo(room.AsSpan(1));
                var final = at == Length;
                var size = header.Length + encryptor.Encrypt(at / SealedLayout.ChunkSize, final ? [] : plain, room.AsSpan(1 + header.Length), final);
                file.Write(room, 1, size);
                tree.Add(index, SealedTree.Leaf(room.AsSpan(0, 1 + size)));
            }
        }
        var manifest = Manifest.Sign(publisher, "bench", 1, DateTimeOffset.UtcNow, [new("weights.bin", Length, SealedLayout.SealedLength(Length), tree.Root())]);
        File.WriteAllBytes(Path.Combine(directory, "manifest.json"), manifest.Bytes.Span);
        return key;
    }
}
