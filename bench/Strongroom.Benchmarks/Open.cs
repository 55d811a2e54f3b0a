using System.Diagnostics;
using Strongroom.Sealing;

namespace Strongroom.Benchmarks;

/// <summary><c>bench open [MIB]</c>: decrypting a sealed file from a warm page cache, against the cipher's own speed and against programs that do the same.</summary>
internal static class Open
{
    private const int Rounds = 5;

    internal static int Run(long mebibytes)
    {
        var length = mebibytes << 20;
        using var file = new Sealed(length);
        using var handle = File.OpenHandle(file.SealedPath);
        using var source = NativeBuffer.Map(handle);
        Console.WriteLine($"{mebibytes} MiB, medians of {Rounds} rounds; rates in GB (1e9 bytes) per second; load {File.ReadAllText("/proc/loadavg").Split(' ')[0]}");
        var one = IntoTouched(file, source);
        Tensor(file, source);
        IntoFresh(file, source, one);
        return 0;
    }

    /// <summary>Peers and ours alternate within each round, so that a busy minute hits both.</summary>
    private static double IntoTouched(Sealed file, NativeBuffer source)
    {
        using var target = NativeBuffer.Locked(file.Length);
        Copy(source, target);
        var (speed, copy, cpu, one, both) = (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            speed.Add(Peers.OpenSslSpeed(decrypt: true));
            copy.Add(file.Length / 1e9 / Peers.Time(() => Copy(source, target)).Cpu);
            var time = Peers.Time(() => file.Decrypt(source, target, threads: 1));
            cpu.Add(file.Length / 1e9 / time.Cpu);
            one.Add(file.Length / 1e9 / time.Wall);
            both.Add(file.Length / 1e9 / Peers.Time(() => file.Decrypt(source, target, Environment.ProcessorCount)).Wall);
        }
        var limit = Math.Min(Peers.Median(speed), Peers.Median(copy));
        Peers.Line("open into touched memory, per core / min(openssl speed, memcpy)", Peers.Median(cpu) / limit, $"{Peers.Median(cpu):0.00} per CPU-s; openssl speed {Peers.Median(speed):0.00}, memcpy {Peers.Median(copy):0.00}");
        Peers.Line($"all {Environment.ProcessorCount} cores / one, wall", Peers.Median(both) / Peers.Median(one), $"{Peers.Median(both):0.00} and {Peers.Median(one):0.00}");
        return Peers.Median(one);
    }

    private static void IntoFresh(Sealed file, NativeBuffer source, double touched)
    {
        var rate = Peers.Median(Enumerable.Range(0, Rounds).Select(_ =>
        {
            var clock = Stopwatch.StartNew();
            using var target = NativeBuffer.Locked(file.Length);
            file.Decrypt(source, target, Environment.ProcessorCount);
            target.Lock();
            return file.Length / 1e9 / clock.Elapsed.TotalSeconds;
        }));
        Peers.Line("open into fresh locked huge pages / one core into touched memory", rate / touched, $"{rate:0.00}, start to ready");
        Peer("age -d", rate, file, $"age-keygen -o {file.Directory}/id 2>/dev/null && age -R <(age-keygen -y {file.Directory}/id) -o {file.Directory}/peer {file.PlainPath}", $"age -d -i {file.Directory}/id {file.Directory}/peer > /dev/null");
        Peer("openssl cms -decrypt", rate, file,
            $"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=bench -keyout {file.Directory}/cms.key -out {file.Directory}/cms.pem 2>/dev/null && head -c 1G {file.PlainPath} | openssl cms -encrypt -binary -stream -aes-256-gcm -outform DER -out {file.Directory}/peer {file.Directory}/cms.pem",
            $"openssl cms -decrypt -binary -inform DER -in {file.Directory}/peer -inkey {file.Directory}/cms.key > /dev/null", Math.Min(file.Length, 1L << 30));
        Peer("plain mmap and clone in torch", rate, file, "/usr/bin/python3 -c 'import torch'", $"/usr/bin/python3 -c 'import mmap, torch; m = mmap.mmap(open(\"{file.PlainPath}\", \"rb\").fileno(), 0, prot=mmap.PROT_READ); torch.frombuffer(m, dtype=torch.uint8).clone()'");
    }

    private static void Peer(string name, double ours, Sealed file, string prepare, string run, long? length = null)
    {
        if (!Peers.Run("bash", $"-c \"{prepare.Replace("\"", "\\\"")}\"").Ran)
        {
            Console.WriteLine($"{name}: not on this machine");
            return;
        }
        var seconds = Peers.Median(Enumerable.Range(0, 3).Select(_ => Peers.Run("bash", $"-c \"{run.Replace("\"", "\\\"")}\"").Seconds));
        var rate = (length ?? file.Length) / 1e9 / seconds;
        Peers.Line($"open into fresh locked huge pages / {name}", ours / rate, $"{rate:0.00}");
    }

    /// <summary>A tensor of 1 MiB somewhere in the file, by positioned access; the header chunk is read each time too.</summary>
    private static void Tensor(Sealed file, NativeBuffer source)
    {
        using var reader = new SealedFileReader(file.FileKey, file.Manifest, 0, (offset, buffer) => source.At(offset, buffer.Length).CopyTo(buffer));
        var (header, tensor) = (new byte[8 + 4096], new byte[1 << 20]);
        var times = Enumerable.Range(0, 50).Select(i => Peers.Time(() =>
        {
            reader.Read(0, header);
            reader.Read((file.Length - tensor.Length) / 50 * i, tensor);
        }).Wall * 1000).ToList();
        Peers.Line("one 1 MiB tensor of the file / 5 ms", Peers.Median(times) / 5, $"median {Peers.Median(times):0.00} ms, longest {times.Max():0.00}");
    }

    private static void Copy(NativeBuffer source, NativeBuffer target)
    {
        for (var at = 0L; at < target.Length; at += 1 << 20)
        {
            var part = (int)Math.Min(1 << 20, target.Length - at);
            source.At(at, part).CopyTo(target.At(at, part));
        }
    }
}
