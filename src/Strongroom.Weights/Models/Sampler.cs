using System.Security.Cryptography;

namespace Strongroom.Weights.Models;

/// <summary>How the next token is drawn.</summary>
/// <param name="Temperature">0 takes the likeliest token; 1 draws as the model thinks.</param>
/// <param name="TopP">Only the likeliest tokens whose probabilities together reach this are drawn from; above 0, 1 for all.</param>
/// <param name="Seed">Makes the draws repeatable; null draws a seed.</param>
public sealed record SamplingOptions(double Temperature = 1, double TopP = 1, long? Seed = null)
{
    public static SamplingOptions Greedy { get; } = new(Temperature: 0);
}

/// <summary>Draws tokens. The same seed and the same logits give the same tokens on every machine of the same SIMD width.</summary>
internal sealed unsafe class Sampler : IDisposable
{
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
        candidates = new(memory, temperature == 0 ? 1 : vocabulary);
    }

    public int Draw(ReadOnlySpan<float> logits)
    {
        var likeliest = 0;
        for (var i = 1; i < logits.Length; i++)
            if (logits[i] > logits[likeliest]) likeliest = i;
        if (temperature == 0) return likeliest;

        // A token whose probability is below (1 - p) / (n - 1) cannot be among the likeliest that reach p: leave it out of the sort.
        double total = 0, cut = topP < 1 ? (1 - topP) / Math.Max(1, logits.Length - 1) : 0;
        for (var i = 0; i < logits.Length; i++) total += Weight(logits[i], logits[likeliest]);
        var list = candidates.Span;
        var count = 0;
        for (var i = 0; i < logits.Length; i++)
        {
            var probability = (float)(Weight(logits[i], logits[likeliest]) / total);
            if (probability >= cut) list[count++] = new(probability, i);
        }
        list = list[..count];
        if (topP < 1) list = Likeliest(list);

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

    public void Dispose() => candidates.Dispose();

    private double Weight(float logit, float max) => Math.Exp((logit - max) / temperature);

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
