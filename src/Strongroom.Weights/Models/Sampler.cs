using System.Security.Cryptography;
using Strongroom.Bytes;

namespace Strongroom.Weights.Models;

/// <summary>How the next token is drawn.</summary>
/// <param name="Temperature">0, or below a millionth, takes the likeliest token; 1 draws as the model thinks.</param>
/// <param name="TopP">Only the likeliest tokens whose probabilities together reach this are drawn from; above 0, 1 for all.</param>
/// <param name="Seed">Makes the draws repeatable; null draws a seed.</param>
public sealed record SamplingOptions(double Temperature = 1, double TopP = 1, long? Seed = null)
{
    public static SamplingOptions Greedy { get; } = new(Temperature: 0);
}

/// <summary>Draws tokens. The same seed and the same logits give the same tokens on every machine of the same SIMD width.</summary>
internal sealed unsafe class Sampler : IDisposable
{
    private const double Coldest = 1e-6; // below it the quotients leave binary32

    private readonly double temperature;
    private readonly double topP;
    private readonly Buffer<Candidate> candidates;
    private ulong state;

    public Sampler(SamplingOptions options, WorkingMemory memory, int vocabulary)
    {
        if (!(options.Temperature is >= 0 and <= 100)) throw new ArgumentOutOfRangeException(nameof(options), "temperature is 0 to 100");
        if (!(options.TopP is > 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(options), "top-p is above 0 and at most 1");
        (temperature, topP) = (options.Temperature, options.TopP);
        state = unchecked((ulong)(options.Seed ?? BitConverter.ToInt64(RandomNumberGenerator.GetBytes(8))));
        candidates = new(memory, temperature < Coldest ? 1 : vocabulary);
    }

    /// <param name="logits">Turned into probabilities on the way: read them before.</param>
    /// <exception cref="MalformedException">A logit is infinite or not a number.</exception>
    public int Draw(Span<float> logits)
    {
        float likeliest;
        fixed (float* values = logits)
        {
            var max = Activations.Max(values, logits.Length);
            if (!float.IsFinite(max)) throw new MalformedException(-1, "the model's weights give logits that are no numbers");
            if (temperature < Coldest) return logits.IndexOf(max);
            var scale = (float)(1 / temperature);
            for (var i = 0; i < logits.Length; i++) values[i] = (values[i] - max) * scale; // none above 0, so that none leaves binary32
            Activations.Softmax(values, logits.Length);
            likeliest = Activations.Max(values, logits.Length);
        }

        // A token whose probability is below (1 - p) / (n - 1) cannot be among the likeliest that reach p, unless it is the likeliest: leave it out of the sort.
        var cut = topP < 1 ? Math.Min((float)((1 - topP) / Math.Max(1, logits.Length - 1)), likeliest) : 0;
        var list = candidates.Span;
        var count = 0;
        for (var i = 0; i < logits.Length; i++)
            if (logits[i] >= cut) list[count++] = new(logits[i], i);
        return Draw(topP < 1 ? Likeliest(list[..count]) : list[..count]);
    }

    public void Dispose() => candidates.Dispose();

    private int Draw(ReadOnlySpan<Candidate> list)
    {
        double sum = 0;
        foreach (var candidate in list) sum += candidate.Probability;
        var left = NextUnit() * sum;
        foreach (var candidate in list)
        {
            left -= candidate.Probability;
            if (left < 0) return candidate.Token;
        }
        return list[^1].Token;
    }

    private Span<Candidate> Likeliest(Span<Candidate> list)
    {
        list.Sort(static (a, b) => a.Probability != b.Probability ? b.Probability.CompareTo(a.Probability) : a.Token.CompareTo(b.Token));
        double sum = 0;
        for (var i = 0; i < list.Length; i++)
        {
            sum += list[i].Probability;
            if (sum >= topP) return list[..(i + 1)];
        }
        return list;
    }

    /// <summary>SplitMix64, the upper 53 bits as a number from 0 to 1. Repeatability is its purpose, not secrecy.</summary>
    private double NextUnit()
    {
        unchecked
        {
            var z = state += 0x9e3779b97f4a7c15;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
            z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
            return ((z ^ (z >> 31)) >> 11) * (1.0 / (1L << 53));
        }
    }

    private readonly record struct Candidate(float Probability, int Token);
}
