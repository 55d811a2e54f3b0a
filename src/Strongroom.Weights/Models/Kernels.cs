using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Strongroom.Weights.Formats;

namespace Strongroom.Weights.Models;

/// <summary>A matrix of weights where it lies: <paramref name="Rows"/> rows of <paramref name="Columns"/> numbers.</summary>
internal readonly unsafe record struct Matrix(TensorType Type, nint Data, int Rows, int Columns)
{
    public Matrix(Tensor tensor, int rows, int columns)
        : this(tensor.Type, tensor.Expect(rows, columns).Data, rows, columns)
    {
    }

    public nint Stride => Type switch
    {
        TensorType.F32 => 4 * (nint)Columns,
        TensorType.Q8 => (nint)Columns / 32 * 34,
        _ => 2 * (nint)Columns,
    };

    public byte* Row(int row) => (byte*)Data + (row * Stride);
}

/// <summary>
/// The arithmetic on weights. Each number of a result is one chain of fused multiply-adds in column order, lane by lane, whatever rows or tokens are
/// computed beside it: a prompt read at once gives the same bits as one read token by token.
/// </summary>
internal static unsafe class Kernels
{
    private const int RowsAtOnce = 4;

    /// <summary>output[token, row] = matrix[row] . input[token] for rows from &lt;= row &lt; to; strides in numbers.</summary>
    public static void Multiply(in Matrix matrix, int from, int to, float* input, int inputStride, float* output, int outputStride, int tokens, bool add)
    {
        switch (matrix.Type)
        {
            case TensorType.F32:
                Multiply<F32>(matrix, from, to, input, inputStride, output, outputStride, tokens, add);
                break;
            case TensorType.F16:
                Multiply<F16>(matrix, from, to, input, inputStride, output, outputStride, tokens, add);
                break;
            case TensorType.BF16:
                Multiply<BF16>(matrix, from, to, input, inputStride, output, outputStride, tokens, add);
                break;
            case TensorType.Q8:
                Multiply<Q8>(matrix, from, to, input, inputStride, output, outputStride, tokens, add);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>One row of weights as binary32.</summary>
    public static void Widen(in Matrix matrix, int row, float* output)
    {
        var weights = matrix with { Data = (nint)matrix.Row(row), Rows = 1 };
        for (var i = 0; i < matrix.Columns; i++) output[i] = Load(weights, i);
    }

    /// <summary>One number of the first row.</summary>
    public static float Load(in Matrix matrix, int column) => matrix.Type switch
    {
        TensorType.F32 => F32.Load((byte*)matrix.Data, column),
        TensorType.F16 => F16.Load((byte*)matrix.Data, column),
        TensorType.BF16 => BF16.Load((byte*)matrix.Data, column),
        _ => Q8.Load((byte*)matrix.Data, column),
    };

    /// <summary>Dot product of activations.</summary>
    public static float Dot(float* a, float* b, int count) =>
        Vector512.IsHardwareAccelerated ? Dot<Lanes512, Vector512<float>>(a, b, count) : Dot<Lanes256, Vector256<float>>(a, b, count);

    /// <summary>output += scale * input.</summary>
    public static void AddScaled(float* output, float* input, float scale, int count)
    {
        if (Vector512.IsHardwareAccelerated) AddScaled<Lanes512, Vector512<float>>(output, input, scale, count);
        else AddScaled<Lanes256, Vector256<float>>(output, input, scale, count);
    }

    private static void Multiply<TWeight>(in Matrix matrix, int from, int to, float* input, int inputStride, float* output, int outputStride, int tokens, bool add)
        where TWeight : struct, IWeight
    {
        if (Vector512.IsHardwareAccelerated)
            Multiply<Lanes512, Vector512<float>, TWeight>(matrix, from, to, input, inputStride, output, outputStride, tokens, add);
        else
            Multiply<Lanes256, Vector256<float>, TWeight>(matrix, from, to, input, inputStride, output, outputStride, tokens, add);
    }

    private static void Multiply<TLanes, TVector, TWeight>(in Matrix matrix, int from, int to, float* input, int inputStride, float* output, int outputStride, int tokens, bool add)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
        where TWeight : struct, IWeight
    {
        unchecked
        {
            var (stride, columns) = (matrix.Stride, matrix.Columns);
            var row = from;
            for (; row + RowsAtOnce <= to; row += RowsAtOnce)
            {
                var weights = matrix.Row(row);
                for (var token = 0; token < tokens; token++)
                    Four<TLanes, TVector, TWeight>(weights, stride, input + ((nint)token * inputStride), output + ((nint)token * outputStride) + row, columns, add);
            }
            for (; row < to; row++)
            {
                for (var token = 0; token < tokens; token++)
                    One<TLanes, TVector, TWeight>(matrix.Row(row), input + ((nint)token * inputStride), output + ((nint)token * outputStride) + row, columns, add);
            }
        }
    }

    // Four rows share each load of the input, and their four chains hide the latency of the fused multiply-add.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four<TLanes, TVector, TWeight>(byte* weights, nint stride, float* input, float* output, int columns, bool add)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
        where TWeight : struct, IWeight
    {
        unchecked
        {
            byte* w0 = weights, w1 = w0 + stride, w2 = w1 + stride, w3 = w2 + stride;
            TVector a0 = TLanes.Zero, a1 = TLanes.Zero, a2 = TLanes.Zero, a3 = TLanes.Zero;
            nint i = 0;
            for (nint end = columns - TLanes.Width; i <= end; i += TLanes.Width)
            {
                var x = TLanes.Load(input + i);
                a0 = TLanes.MultiplyAdd(TLanes.Weights<TWeight>(w0, i), x, a0);
                a1 = TLanes.MultiplyAdd(TLanes.Weights<TWeight>(w1, i), x, a1);
                a2 = TLanes.MultiplyAdd(TLanes.Weights<TWeight>(w2, i), x, a2);
                a3 = TLanes.MultiplyAdd(TLanes.Weights<TWeight>(w3, i), x, a3);
            }
            float s0 = TLanes.Sum(a0), s1 = TLanes.Sum(a1), s2 = TLanes.Sum(a2), s3 = TLanes.Sum(a3);
            for (; i < columns; i++)
            {
                s0 = MathF.FusedMultiplyAdd(TWeight.Load(w0, i), input[i], s0);
                s1 = MathF.FusedMultiplyAdd(TWeight.Load(w1, i), input[i], s1);
                s2 = MathF.FusedMultiplyAdd(TWeight.Load(w2, i), input[i], s2);
                s3 = MathF.FusedMultiplyAdd(TWeight.Load(w3, i), input[i], s3);
            }
            output[0] = add ? output[0] + s0 : s0;
            output[1] = add ? output[1] + s1 : s1;
            output[2] = add ? output[2] + s2 : s2;
            output[3] = add ? output[3] + s3 : s3;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One<TLanes, TVector, TWeight>(byte* weights, float* input, float* output, int columns, bool add)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
        where TWeight : struct, IWeight
    {
        unchecked
        {
            var chain = TLanes.Zero;
            nint i = 0;
            for (nint end = columns - TLanes.Width; i <= end; i += TLanes.Width)
                chain = TLanes.MultiplyAdd(TLanes.Weights<TWeight>(weights, i), TLanes.Load(input + i), chain);
            var sum = TLanes.Sum(chain);
            for (; i < columns; i++) sum = MathF.FusedMultiplyAdd(TWeight.Load(weights, i), input[i], sum);
            *output = add ? *output + sum : sum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Dot<TLanes, TVector>(float* a, float* b, int count)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        unchecked
        {
            var chain = TLanes.Zero;
            nint i = 0;
            for (nint end = count - TLanes.Width; i <= end; i += TLanes.Width) chain = TLanes.MultiplyAdd(TLanes.Load(a + i), TLanes.Load(b + i), chain);
            var sum = TLanes.Sum(chain);
            for (; i < count; i++) sum = MathF.FusedMultiplyAdd(a[i], b[i], sum);
            return sum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddScaled<TLanes, TVector>(float* output, float* input, float scale, int count)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        unchecked
        {
            var factor = TLanes.Broadcast(scale);
            nint i = 0;
            for (nint end = count - TLanes.Width; i <= end; i += TLanes.Width) TLanes.Store(TLanes.MultiplyAdd(TLanes.Load(input + i), factor, TLanes.Load(output + i)), output + i);
            for (; i < count; i++) output[i] = MathF.FusedMultiplyAdd(input[i], scale, output[i]);
        }
    }
}
