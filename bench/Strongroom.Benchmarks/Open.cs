using System.Globalization;
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

    /// <summary>Peers and ours alternate within each round and a ratio is taken within it, so that a busy minute hits both.</summary>
    private static void IntoTouched(Sealed file, NativeBuffer source)
    {
        using var target = NativeBuffer.Locked(file.Length);
        Copy(source, target);
        List<(double Limit, double Cpu, double One, double Both)> rounds = [];
        for (var round = 0; round < Rounds; round++)
        {
            var copy = file.Length / 1e9 / Peers.Time(() => Copy(source, target)).Cpu;
            var before = Peers.OpenSslSpeed(decrypt: true);
            var one = Peers.Time(() => file.Decrypt(source, target, threads: 1));
            var after = Peers.OpenSslSpeed(decrypt: true);
            var both = Peers.Time(() => file.Decrypt(source, target, Environment.ProcessorCount)).Wall;
            rounds.Add((Math.Min((before + after) / 2, copy), file.Length / 1e9 / one.Cpu, file.Length / 1e9 / one.Wall, file.Length / 1e9 / both));
        }
        Peers.Ratio("open into touched memory, per core / min(openssl speed, memcpy)", rounds.Select(each => (each.Cpu, each.Limit)));
        Peers.Ratio($"all {Environment.ProcessorCount} cores / one, wall", rounds.Select(each => (each.Both, each.One)));
    }

    /// <summary>From nothing to ready: map, advise, decrypt, lock. Peers write to /dev/null; the tensor library's own import is not counted.</summary>
    private static void IntoFresh(Sealed file, NativeBuffer source)
    {
        var (at, plain) = (file.Directory, file.PlainPath);
        Peer(
            "age -d", file, source, file.Length,
            $"age-keygen -o {at}/id 2>/dev/null && age -R <(age-keygen -y {at}/id) -o {at}/peer {plain}", $"age -d -i {at}/id {at}/peer > /dev/null");
        Peer(
            "openssl cms -decrypt", file, source, Math.Min(file.Length, 1L << 28),
            $"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=bench -keyout {at}/cms.key -out {at}/cms.pem 2>/dev/null && head -c 256M {plain} | openssl cms -encrypt -binary -stream -aes-256-gcm -outform DER -out {at}/peer {at}/cms.pem",
            $"openssl cms -decrypt -binary -inform DER -in {at}/peer -inkey {at}/cms.key > /dev/null");
        const string Clone = "import mmap, sys, time, torch; f = open(sys.argv[1], 'rb'); m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ); t = torch.frombuffer(m, dtype=torch.uint8); w, c = time.perf_counter(), time.process_time(); t.clone(); print('took', time.perf_counter() - w, time.process_time() - c)";
        Peer("plain, mmap and clone in torch", file, source, file.Length, "/usr/bin/python3 -c 'import torch'", $"/usr/bin/python3 -W ignore -c \"{Clone}\" {plain}");
    }

    private static void Peer(string name, Sealed file, NativeBuffer source, long length, string prepare, string run)
    {
        if (!Peers.Run("bash", ["-c", prepare]).Ran)
        {
            Console.WriteLine($"{name}: not on this machine");
            return;
        }
        List<((double Wall, double Cpu) Ours, (double Wall, double Cpu) Theirs)> rounds = [];
        for (var round = 0; round < Rounds; round++)
        {
            NativeBuffer.WarmHost(file.Length);
            var output = "";
            var theirs = Peers.TimeAll(() => output = Peers.Run("bash", ["-c", run]).Output);
            if (output.Split(' ') is ["took", var wall, var cpu]) theirs = (Seconds(wall), Seconds(cpu)); // a peer that times itself
            NativeBuffer.WarmHost(file.Length);
            rounds.Add((Rates(file.Length, Fresh(file, source)), Rates(length, theirs)));
        }
        Peers.Ratio($"open into fresh locked huge pages / {name}, wall", rounds.Select(each => (each.Ours.Wall, each.Theirs.Wall)));
        Peers.Ratio($"open into fresh locked huge pages / {name}, per CPU-second", rounds.Select(each => (each.Ours.Cpu, each.Theirs.Cpu)));
    }

    private static (double Wall, double Cpu) Fresh(Sealed file, NativeBuffer source)
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
    }

    private static double Seconds(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static (double Wall, double Cpu) Rates(long length, (double Wall, double Cpu) time) => (length / 1e9 / time.Wall, length / 1e9 / time.Cpu);

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
