using System.Runtime.Intrinsics;

namespace Strongroom.Weights.Models;

/// <summary>What happens to activations between the products.</summary>
internal static unsafe class Activations
{
    /// <summary>RMSNorm: input / sqrt(mean square + epsilon) * weight.</summary>
    public static void Normalise(in Matrix weight, float* input, float* output, float epsilon)
    {
        var scale = 1 / MathF.Sqrt((Kernels.Dot(input, input, weight.Columns) / weight.Columns) + epsilon);
        Kernels.Widen(weight, 0, output);
        for (var i = 0; i < weight.Columns; i++) output[i] *= input[i] * scale;
    }

    public static void AddBias(in Matrix? bias, float* output)
    {
        if (bias is not { } weight) return;
        for (var i = 0; i < weight.Columns; i++) output[i] += Kernels.Load(weight, i);
    }

    /// <summary>Rotary embedding: turns each pair of each head by the angle of its position.</summary>
    public static void Turn(float* heads, int count, int size, float* turns, RopePairing pairing)
    {
        unchecked
        {
            var (first, second) = pairing == RopePairing.Halves ? (1, size / 2) : (2, 1);
            for (var head = heads; head < heads + (count * size); head += size)
            {
                for (var pair = 0; pair < size / 2; pair++)
                {
                    float* a = head + (pair * first), b = a + second;
                    float x = *a, y = *b, cos = turns[2 * pair], sin = turns[(2 * pair) + 1];
                    *a = (x * cos) - (y * sin);
                    *b = (x * sin) + (y * cos);
                }
            }
        }
    }

    /// <summary>gate = gate / (1 + exp(-gate)) * up.</summary>
    public static void Gate(float* gate, float* up, int count)
    {
        unchecked
        {
            var i = 0;
            for (; i + 8 <= count; i += 8)
            {
                var x = Vector256.Load(gate + i);
                (x / (Vector256<float>.One + Vector256.Exp(-x)) * Vector256.Load(up + i)).Store(gate + i);
            }
            for (; i < count; i++) gate[i] = gate[i] / (1 + MathF.Exp(-gate[i])) * up[i];
        }
    }

    /// <summary>The largest of the values.</summary>
    public static float Max(float* values, int count)
    {
        unchecked
        {
            var max = float.NegativeInfinity;
            var maxima = Vector256.Create(max);
            var i = 0;
            for (; i + 8 <= count; i += 8) maxima = Vector256.Max(maxima, Vector256.Load(values + i));
            for (; i < count; i++) max = MathF.Max(max, values[i]);
            for (i = 0; i < 8; i++) max = MathF.Max(max, maxima[i]);
            return max;
        }
    }

    /// <summary>Makes probabilities of the values.</summary>
    public static void Softmax(float* values, int count)
    {
        unchecked
        {
            var max = Max(values, count);
            float sum = 0;
            var sums = Vector256<float>.Zero;
            var i = 0;
            for (; i + 8 <= count; i += 8)
            {
                var e = Vector256.Exp(Vector256.Load(values + i) - Vector256.Create(max));
                e.Store(values + i);
                sums += e;
            }
            for (; i < count; i++) sum += values[i] = MathF.Exp(values[i] - max);
            var scale = 1 / (sum + Vector256.Sum(sums));
            for (i = 0; i < count; i++) values[i] *= scale;
        }
    }
}
