using Strongroom.Bytes;

namespace Strongroom.Weights.Models;

/// <summary>How a model that was trained on short texts turns positions further out.</summary>
public abstract record RopeScaling
{
    private RopeScaling()
    {
    }

    public static RopeScaling None { get; } = new Unscaled();

    /// <summary>Angle per position of pair <paramref name="pair"/> of <paramref name="headDimension"/> / 2.</summary>
    public double Frequency(int pair, int headDimension, double theta) => Scale(Math.Pow(theta, -2.0 * pair / headDimension), pair);

    internal static RopeScaling ParseJson(JsonMembers? scaling)
    {
        if (scaling is null) return None;
        return (scaling.Text("rope_type") ?? scaling.Text("type")) switch
        {
            "default" => None,
            "linear" => new Linear(scaling.Positive("factor")),
            "llama3" => new Llama3(scaling.Positive("factor"), scaling.Positive("low_freq_factor"), scaling.Positive("high_freq_factor"),
                scaling.Positive("original_max_position_embeddings")).Checked(),
            var other => throw new MalformedException(-1, $"rope_scaling of type {other} is not one of default, linear, llama3"),
        };
    }

    private protected abstract double Scale(double frequency, int pair);

    private sealed record Unscaled : RopeScaling
    {
        private protected override double Scale(double frequency, int pair) => frequency;
    }

    /// <summary>Positions are divided by <paramref name="Factor"/>.</summary>
    public sealed record Linear(double Factor) : RopeScaling
    {
        private protected override double Scale(double frequency, int pair) => frequency / Factor;
    }

    /// <summary>Llama 3.1: long waves are divided by <paramref name="Factor"/>, short ones are kept, those between are blended.</summary>
    public sealed record Llama3(double Factor, double LowFactor, double HighFactor, double OriginalContext) : RopeScaling
    {
        internal Llama3 Checked() =>
            HighFactor > LowFactor ? this : throw new MalformedException(-1, "rope_scaling: high_freq_factor is not above low_freq_factor");

        private protected override double Scale(double frequency, int pair)
        {
            var turns = OriginalContext * frequency / (2 * Math.PI);
            if (turns < LowFactor) return frequency / Factor;
            if (turns > HighFactor) return frequency;
            var blend = (turns - LowFactor) / (HighFactor - LowFactor);
            return ((1 - blend) * frequency / Factor) + (blend * frequency);
        }
    }

    /// <summary>GGUF's rope_freqs.weight: a divisor for each pair.</summary>
    public sealed record Divisors(IReadOnlyList<double> Values) : RopeScaling
    {
        private protected override double Scale(double frequency, int pair) => frequency / Values[pair];
    }
}
