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

    public static void Softmax(float* values, int count)
    {
        unchecked
        {
            var max = float.NegativeInfinity;
            for (var i = 0; i < count; i++) max = MathF.Max(max, values[i]);
            float sum = 0;
            for (var i = 0; i < count; i++) sum += values[i] = MathF.Exp(values[i] - max);
            for (var i = 0; i < count; i++) values[i] /= sum;
        }
    }
}
