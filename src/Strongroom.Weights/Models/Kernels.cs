using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Strongroom.Weights.Formats;

namespace Strongroom.Weights.Models;

/// <summary>
/// The arithmetic on weights. Each number of a result is the same four chains of fused multiply-adds whatever rows or tokens are computed beside it:
/// a prompt read at once gives the same bits as one read token by token.
/// </summary>
/// <remarks>
/// Decoding reads every weight once and is as fast as memory gives them. A row is read front to back and rows one after the other, because a single
/// stream is what prefetchers follow best: four rows at once took twice the time on a matrix that no cache holds.
/// </remarks>
internal static unsafe class Kernels
{
    /// <summary>The rows from &lt;= row &lt; to of a product, for so many tokens; added to what is there, or in its place.</summary>
    public static void Multiply(in Product product, int from, int to, int tokens, bool add)
    {
        switch (product.Weights.Type)
        {
            case TensorType.F32:
                Multiply<F32>(product, from, to, tokens, add);
                break;
            case TensorType.F16:
                Multiply<F16>(product, from, to, tokens, add);
                break;
            case TensorType.BF16:
                Multiply<BF16>(product, from, to, tokens, add);
                break;
            default:
                Multiply<Q8>(product, from, to, tokens, add);
                break;
        }
    }

    /// <summary>One row of weights as binary32.</summary>
    public static void Widen(in Matrix matrix, int row, float* output)
    {
        var (weights, columns) = ((nint)matrix.Row(row), matrix.Columns);
        switch (matrix.Type)
        {
            case TensorType.F32:
                Widen<F32>((byte*)weights, columns, output);
                break;
            case TensorType.F16:
                Widen<F16>((byte*)weights, columns, output);
                break;
            case TensorType.BF16:
                Widen<BF16>((byte*)weights, columns, output);
                break;
            default:
                Widen<Q8>((byte*)weights, columns, output);
                break;
        }
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
    public static float Dot(float* a, float* b, int count) => Vector512.IsHardwareAccelerated
        ? Row<Lanes512, Vector512<float>, F32>((byte*)a, b, count)
        : Row<Lanes256, Vector256<float>, F32>((byte*)a, b, count);

    /// <summary>output += scale * input.</summary>
    public static void AddScaled(float* output, float* input, float scale, int count)
    {
        if (Vector512.IsHardwareAccelerated) AddScaled<Lanes512, Vector512<float>>(output, input, scale, count);
        else AddScaled<Lanes256, Vector256<float>>(output, input, scale, count);
    }

    private static void Widen<TWeight>(byte* weights, int columns, float* output)
        where TWeight : struct, IWeight
    {
        for (var i = 0; i < columns; i++) output[i] = TWeight.Load(weights, i);
    }

    private static void Multiply<TWeight>(in Product product, int from, int to, int tokens, bool add)
        where TWeight : struct, IWeight
    {
        if (Vector512.IsHardwareAccelerated) Multiply<Lanes512, Vector512<float>, TWeight>(product, from, to, tokens, add);
        else Multiply<Lanes256, Vector256<float>, TWeight>(product, from, to, tokens, add);
    }

    private static void Multiply<TLanes, TVector, TWeight>(in Product product, int from, int to, int tokens, bool add)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
        where TWeight : struct, IWeight
    {
        unchecked
        {
            var (rows, columns, stride) = ((nint)product.Weights.Rows, (nint)product.Weights.Columns, product.Weights.Stride);
            var weights = product.Weights.Row(from);
            for (nint row = from; row < to; row++, weights += stride)
            {
                for (nint token = 0; token < tokens; token++)
                {
                    var sum = Row<TLanes, TVector, TWeight>(weights, product.Input + (token * columns), columns);
                    var place = product.Output + (token * rows) + row;
                    *place = add ? *place + sum : sum;
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Row<TLanes, TVector, TWeight>(byte* weights, float* input, nint columns)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
        where TWeight : struct, IWeight
    {
        unchecked
        {
            nint width = TLanes.Width, i = 0;
            TVector a = TLanes.Zero, b = TLanes.Zero, c = TLanes.Zero, d = TLanes.Zero;
            for (; i + (4 * width) <= columns; i += 4 * width)
            {
                a = TLanes.MultiplyAdd(TLanes.Weights<TWeight>(weights, i), TLanes.Load(input + i), a);
                b = TLanes.MultiplyAdd(TLanes.Weights<TWeight>(weights, i + width), TLanes.Load(input + i + width), b);
                c = TLanes.MultiplyAdd(TLanes.Weights<TWeight>(weights, i + (2 * width)), TLanes.Load(input + i + (2 * width)), c);
                d = TLanes.MultiplyAdd(TLanes.Weights<TWeight>(weights, i + (3 * width)), TLanes.Load(input + i + (3 * width)), d);
            }
            for (; i + width <= columns; i += width) a = TLanes.MultiplyAdd(TLanes.Weights<TWeight>(weights, i), TLanes.Load(input + i), a);
            var sum = TLanes.Sum(a, b, c, d);
            for (; i < columns; i++) sum = MathF.FusedMultiplyAdd(TWeight.Load(weights, i), input[i], sum);
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
            for (; i + TLanes.Width <= count; i += TLanes.Width)
                TLanes.Store(TLanes.MultiplyAdd(TLanes.Load(input + i), factor, TLanes.Load(output + i)), output + i);
            for (; i < count; i++) output[i] = MathF.FusedMultiplyAdd(input[i], scale, output[i]);
        }
    }
}
