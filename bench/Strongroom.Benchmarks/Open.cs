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
        IntoTouched(file, source);
        Tensor(file, source);
        IntoFresh(file, source);
        return 0;
    }

    /// <summary>Peers and ours alternate within each round, so that a busy minute hits both.</summary>
    private static void IntoTouched(Sealed file, NativeBuffer source)
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
    }

    /// <summary>From nothing to ready: map, advise, decrypt, lock. Peers write to /dev/null; the tensor library's own import is not counted.</summary>
    private static void IntoFresh(Sealed file, NativeBuffer source)
    {
        var ours = Rates(file.Length, Rounds, () =>
        {
            NativeBuffer? target = null;
            var time = Peers.TimeAll(() =>
            {
                target = NativeBuffer.Locked(file.Length);
                file.Decrypt(source, target, Environment.ProcessorCount);
                target.Lock();
            });
            target!.Dispose(); // giving the memory back is not part of getting ready
            return time;
        });
        Console.WriteLine($"open into fresh locked huge pages, start to ready: {ours.Wall:0.00} wall, {ours.Cpu:0.00} per CPU-s");
        var (at, plain) = (file.Directory, file.PlainPath);
        Peer("age -d", ours, file.Length, $"age-keygen -o {at}/id 2>/dev/null && age -R <(age-keygen -y {at}/id) -o {at}/peer {plain}", $"age -d -i {at}/id {at}/peer > /dev/null");
        Peer(
            "openssl cms -decrypt", ours, Math.Min(file.Length, 1L << 28),
            $"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=bench -keyout {at}/cms.key -out {at}/cms.pem 2>/dev/null && head -c 256M {plain} | openssl cms -encrypt -binary -stream -aes-256-gcm -outform DER -out {at}/peer {at}/cms.pem",
            $"openssl cms -decrypt -binary -inform DER -in {at}/peer -inkey {at}/cms.key > /dev/null");
        const string Clone = "import mmap, sys, time, torch; m = mmap.mmap(open(sys.argv[1], 'rb').fileno(), 0, prot=mmap.PROT_READ); t = torch.frombuffer(m, dtype=torch.uint8); w, c = time.perf_counter(), time.process_time(); t.clone(); print('took', time.perf_counter() - w, time.process_time() - c)";
        Peer("plain, mmap and clone in torch", ours, file.Length, "/usr/bin/python3 -c 'import torch'", $"/usr/bin/python3 -W ignore -c \"{Clone}\" {plain}");
    }

    private static void Peer(string name, (double Wall, double Cpu) ours, long length, string prepare, string run)
    {
        if (!Peers.Run("bash", ["-c", prepare]).Ran)
        {
            Console.WriteLine($"{name}: not on this machine");
            return;
        }
        var theirs = Rates(length, 3, () =>
        {
            var output = "";
            var time = Peers.TimeAll(() => output = Peers.Run("bash", ["-c", run]).Output);
            return output.Split(' ') is ["took", var wall, var cpu] ? (double.Parse(wall), double.Parse(cpu)) : time; // a peer that times itself
        });
        Peers.Line($"open into fresh locked huge pages / {name}, wall", ours.Wall / theirs.Wall, $"{theirs.Wall:0.00}");
        Peers.Line($"open into fresh locked huge pages / {name}, per CPU-second", ours.Cpu / theirs.Cpu, $"{theirs.Cpu:0.00}");
    }

    private static (double Wall, double Cpu) Rates(long length, int rounds, Func<(double Wall, double Cpu)> run)
    {
        var times = Enumerable.Range(0, rounds).Select(_ => run()).ToList();
        return (length / 1e9 / Peers.Median(times.Select(each => each.Wall)), length / 1e9 / Peers.Median(times.Select(each => each.Cpu)));
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
