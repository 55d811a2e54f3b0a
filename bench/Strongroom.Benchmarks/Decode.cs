using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Strongroom.Enclave.Memory;
using Strongroom.Weights.Formats;
using Strongroom.Weights.Models;

namespace Strongroom.Benchmarks;

/// <summary>
/// Decoding a 15M-parameter Llama shape with random weights, against a C program that only does the same products. All variants take turns within each
/// round, and a ratio is the median over the rounds of the ratios within one, so that a neighbour's load falls on both sides.
/// </summary>
internal static unsafe partial class Decode
{
    private const int Dimension = 288, Hidden = 768, Layers = 6, Heads = 6, Vocabulary = 32000;
    private const int Tokens = 40, Rounds = 9;

    public static int Run()
    {
        using var peer = Peer([]);
        using var hugePeer = Peer(["huge"]);
        using var secondPeer = Peer([]);
        using var f32 = Model("F32", protect: null);
        using var bf16 = Model("BF16", protect: null);
        using var secret = Model("F32", MemoryKind.Secret);
        using var locked = Model("F32", MemoryKind.Locked);
        var variants = new Dictionary<string, Func<double>>
        {
            ["c"] = () => Ask(peer), ["c huge"] = () => Ask(hugePeer), ["f32"] = () => f32.Processor(1),
            ["bf16"] = () => bf16.Processor(1), ["secret"] = () => secret.Processor(1),
            ["locked"] = () => locked.Processor(1), ["f32 wall"] = () => f32.Wall(1), ["f32 wall x2"] = () => f32.Wall(2),
            ["bf16 wall"] = () => bf16.Wall(1), ["bf16 wall x2"] = () => bf16.Wall(2),
            ["c wall"] = () => Together(peer), ["c wall x2"] = () => Together(peer, secondPeer),
        };
        var rounds = new List<Dictionary<string, double>>();
        for (var round = -2; round < Rounds; round++)
        {
            var times = variants.ToDictionary(variant => variant.Key, variant => variant.Value());
            if (round >= 0) rounds.Add(times); // the first two warm caches and the just-in-time compiler
        }
        Report("one thread F32 / C, malloc's pages", "c", "f32", 0.9);
        Report("one thread F32 / C, huge pages", "c huge", "locked", 0.9);
        Report("two threads / one, F32", "f32 wall", "f32 wall x2", 1.7);
        Report("two threads / one, BF16", "bf16 wall", "bf16 wall x2", 1.7);
        Report("two C programs at once / one, the machine's own", "c wall", "c wall x2", null);
        Report("BF16 / F32, one thread", "f32", "bf16", 1.3);
        Report("secret memory / ordinary", "f32", "secret", 0.98);
        Report("locked huge pages / ordinary", "f32", "locked", 0.98);
        foreach (var name in variants.Keys)
        {
            var times = rounds.Select(round => round[name]).ToList();
            Console.WriteLine($"  {name,-14} {1e9 / Median(times),8:F0} tokens a second, best {1e9 / times.Min():F0}");
        }
        return 0;

        // Speed of the second over speed of the first: time of the first over time of the second.
        void Report(string what, string reference, string measured, double? wanted)
        {
            var ratios = rounds.Select(round => round[reference] / round[measured]).Order().ToList();
            Console.WriteLine($"{what,-48} {Median(ratios):F2}  ({ratios[0]:F2} to {ratios[^1]:F2}{(wanted is null ? "" : $"; wanted {wanted}")})");
        }
    }

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(values.Count() / 2);

    private static Process Peer(string[] arguments, [CallerFilePath] string here = "")
    {
        var source = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../decode-peer.c"));
        var program = Path.Combine(Path.GetTempPath(), $"decode-peer-{Environment.ProcessId}-{arguments.Length}");
        using (var compiler = Process.Start("gcc", ["-Ofast", "-march=native", source, "-o", program]))
        {
            compiler.WaitForExit();
            if (compiler.ExitCode != 0) throw new InvalidOperationException("gcc could not compile the peer");
        }
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        var peer = Process.Start(start)!;
        File.Delete(program);
        return peer;
    }

    private static double Ask(Process peer)
    {
        peer.StandardInput.WriteLine(Tokens);
        peer.StandardInput.Flush();
        return double.Parse(peer.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
    }

    /// <summary>Nanoseconds on the wall for a token when each of the peers decodes its own: what the cores and their memory give to two who share nothing.</summary>
    private static double Together(params IReadOnlyList<Process> peers) => Enumerable.Range(0, 2).Min(_ =>
    {
        var start = Stopwatch.GetTimestamp();
        foreach (var peer in peers)
        {
            peer.StandardInput.WriteLine(Tokens);
            peer.StandardInput.Flush();
        }
        foreach (var peer in peers) peer.StandardOutput.ReadLine();
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / (Tokens * peers.Count);
    });

    private static Loaded Model(string type, MemoryKind? protect)
    {
        var tensors = new List<(string Name, int[] Shape)> { ("model.embed_tokens.weight", [Vocabulary, Dimension]), ("model.norm.weight", [Dimension]) };
        for (var layer = 0; layer < Layers; layer++)
        {
            foreach (var (name, rows, columns) in new[]
            {
                ("input_layernorm", 0, Dimension), ("post_attention_layernorm", 0, Dimension), ("self_attn.q_proj", Dimension, Dimension),
                ("self_attn.k_proj", Dimension, Dimension), ("self_attn.v_proj", Dimension, Dimension), ("self_attn.o_proj", Dimension, Dimension),
                ("mlp.gate_proj", Hidden, Dimension), ("mlp.up_proj", Hidden, Dimension), ("mlp.down_proj", Dimension, Hidden),
            })
            {
                tensors.Add(($"model.layers.{layer}.{name}.weight", rows == 0 ? [columns] : [rows, columns]));
            }
        }
        var size = type == "F32" ? 4 : 2;
        var header = new StringBuilder("{");
        long at = 0;
        foreach (var (name, shape) in tensors)
        {
            var bytes = shape.Aggregate((long)size, (a, b) => a * b);
            header.Append(at == 0 ? "" : ",").Append(CultureInfo.InvariantCulture, $"\"{name}\":{{\"dtype\":\"{type}\",");
            header.Append(CultureInfo.InvariantCulture, $"\"shape\":[{string.Join(',', shape)}],\"data_offsets\":[{at},{at + bytes}]}}");
            at += bytes;
        }
        header.Append('}').Append(' ', (8 - ((header.Length + 1) % 8)) % 8);
        var weights = new Region("model.safetensors", 8 + header.Length + at, protect);
        BitConverter.TryWriteBytes(weights.Span, (long)header.Length);
        Encoding.ASCII.GetBytes(header.ToString(), weights.Span[8..]);
        var random = new Random(1);
        var numbers = weights.Span[(8 + header.Length)..];
        for (var i = 0; i < numbers.Length; i += size)
        {
            var value = (float)((random.NextDouble() - 0.5) * 0.1);
            if (size == 4) BitConverter.TryWriteBytes(numbers[i..], value);
            else BitConverter.TryWriteBytes(numbers[i..], (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
        }
        return new Loaded(weights, protect);
    }

    /// <summary>A file in memory of one kind.</summary>
    private sealed class Region : IDisposable
    {
        private readonly ProtectedRegion? region;

        public Region(string name, long length, MemoryKind? protect)
        {
            if (protect is { } kind)
            {
                region = ProtectedRegion.Map(kind, length);
                region.Touch(1, CancellationToken.None);
            }
            File = new(name, region?.Start ?? (nint)NativeMemory.AlignedAlloc((nuint)length, 4096), length);
        }

        public ModelFile File { get; }

        public Span<byte> Span => new((void*)File.Address, checked((int)File.Length));

        public void Dispose()
        {
            if (region is not null) region.Dispose();
            else NativeMemory.AlignedFree((void*)File.Address);
        }
    }

    /// <summary>The model with one thread and with two, and a session on each.</summary>
    private sealed class Loaded : IDisposable
    {
        private readonly Region weights;
        private readonly Region config = new("config.json", Config.Length, null);
        private readonly Region tokenizer = new("tokenizer.bin", 4 + (Vocabulary * 16), null);
        private readonly LlamaModel[] models;
        private readonly Session[] sessions;

        public Loaded(Region weights, MemoryKind? protect)
        {
            this.weights = weights;
            Config.CopyTo(config.Span);
            BitConverter.TryWriteBytes(tokenizer.Span, 8);
            for (var token = 0; token < Vocabulary; token++)
            {
                var entry = tokenizer.Span.Slice(4 + (token * 16), 16);
                entry[..4].Clear();
                BitConverter.TryWriteBytes(entry[4..], 8);
                Encoding.ASCII.GetBytes(token.ToString("x8", CultureInfo.InvariantCulture), entry[8..]);
            }
            models = [.. new[] { 1, 2 }.Select(threads => LlamaModel.Load([config.File, weights.File, tokenizer.File], threads))];
            sessions = [.. models.Select(model => new Session(model, protect is { } kind ? new RegionMemory(kind) : WorkingMemory.Ordinary, Tokens))];
        }

        private static ReadOnlySpan<byte> Config => """
            {"model_type":"llama","hidden_size":288,"intermediate_size":768,"num_hidden_layers":6,"num_attention_heads":6,"num_key_value_heads":6,
             "vocab_size":32000,"max_position_embeddings":256,"rms_norm_eps":1e-5,"tie_word_embeddings":true,"bos_token_id":1,"eos_token_id":2}
            """u8;

        /// <summary>Nanoseconds of processor time for a token, this thread's.</summary>
        public double Processor(int threads)
        {
            var start = ThreadTime();
            Decode(sessions[threads - 1]);
            return (ThreadTime() - start) / Tokens;
        }

        /// <summary>Nanoseconds on the wall for a token: the quicker of two, because a neighbour can only add.</summary>
        public double Wall(int threads) => Enumerable.Range(0, 2).Min(_ =>
        {
            var start = Stopwatch.GetTimestamp();
            Decode(sessions[threads - 1]);
            return Stopwatch.GetElapsedTime(start).TotalNanoseconds / Tokens;
        });

        public void Dispose()
        {
            foreach (var session in sessions) session.Dispose();
            foreach (var model in models) model.Dispose();
            weights.Dispose();
            config.Dispose();
            tokenizer.Dispose();
        }

        private static void Decode(Session session)
        {
            session.Rewind(0);
            for (var token = 0; token < Tokens; token++) session.Read([token]);
        }

        private static double ThreadTime()
        {
            ClockGetTime(3, out var time); // CLOCK_THREAD_CPUTIME_ID
            return (time.Seconds * 1e9) + time.Nanoseconds;
        }

    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    private sealed class RegionMemory(MemoryKind kind) : WorkingMemory
    {
        private readonly Dictionary<nint, ProtectedRegion> regions = [];

        public override nint Allocate(long bytes)
        {
            var region = ProtectedRegion.Map(kind, bytes);
            region.Touch(1, CancellationToken.None);
            regions[region.Start] = region;
            return region.Start;
        }

        public override void Free(nint memory, long bytes)
        {
            if (regions.Remove(memory, out var region)) region.Dispose();
        }
    }
}
