using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Strongroom.Weights.Models;

/// <summary>How one kind of stored weight becomes binary32. Columns are counted in numbers from the start of a row.</summary>
internal unsafe interface IWeight
{
    /// <summary>16 weights; the column is a multiple of 16.</summary>
    static abstract Vector512<float> Load512(byte* row, nint column);

    /// <summary>8 weights; the column is a multiple of 8.</summary>
    static abstract Vector256<float> Load256(byte* row, nint column);

    static abstract float Load(byte* row, nint column);
}

internal readonly unsafe struct F32 : IWeight
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(byte* row, nint column) => unchecked(Vector512.Load((float*)row + column));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load256(byte* row, nint column) => unchecked(Vector256.Load((float*)row + column));

    public static float Load(byte* row, nint column) => Unsafe.ReadUnaligned<float>((float*)row + column);
}

internal readonly unsafe struct BF16 : IWeight
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(byte* row, nint column) =>
        unchecked((Vector512.WidenLower(Vector256.Load((ushort*)row + column).ToVector512Unsafe()) << 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load256(byte* row, nint column) =>
        unchecked((Vector256.WidenLower(Vector128.Load((ushort*)row + column).ToVector256Unsafe()) << 16).AsSingle());

    public static float Load(byte* row, nint column) => BitConverter.UInt32BitsToSingle((uint)Unsafe.ReadUnaligned<ushort>((ushort*)row + column) << 16);
}

/// <remarks>
/// The half's exponent and fraction, moved to the float's place, are the number divided by 2^112, subnormals included. Infinities and NaN, which no
/// usable model holds, come out as large finite numbers.
/// </remarks>
internal readonly unsafe struct F16 : IWeight
{
    private const float Rebias = 5.192296858534828e33f; // 2^112

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(byte* row, nint column)
    {
        var bits = Vector512.WidenLower(unchecked(Vector256.Load((ushort*)row + column)).ToVector512Unsafe());
        var size = ((bits & Vector512.Create(0x7fffu)) << 13).AsSingle() * Rebias;
        return size | ((bits & Vector512.Create(0x8000u)) << 16).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load256(byte* row, nint column)
    {
        var bits = Vector256.WidenLower(unchecked(Vector128.Load((ushort*)row + column)).ToVector256Unsafe());
        var size = ((bits & Vector256.Create(0x7fffu)) << 13).AsSingle() * Rebias;
        return size | ((bits & Vector256.Create(0x8000u)) << 16).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load(byte* row, nint column)
    {
        uint bits = Unsafe.ReadUnaligned<ushort>(unchecked((ushort*)row + column));
        var size = BitConverter.UInt32BitsToSingle((bits & 0x7fff) << 13) * Rebias;
        return (bits & 0x8000) == 0 ? size : -size;
    }
}

internal readonly unsafe struct Q8 : IWeight
{
    private const int Block = 32;
    private const int BlockBytes = 34;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(byte* row, nint column)
    {
        var block = BlockOf(row, column);
        var whole = Vector128.Load(unchecked((sbyte*)block + 2 + (column & (Block - 1))));
        var wide = Vector512.WidenLower(Vector256.WidenLower(whole.ToVector256Unsafe()).ToVector512Unsafe());
        return Vector512.ConvertToSingle(wide) * F16.Load(block, 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load256(byte* row, nint column)
    {
        var block = BlockOf(row, column);
        var whole = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<long>(unchecked(block + 2 + (column & (Block - 1))))).AsSByte();
        var wide = Vector256.WidenLower(Vector128.WidenLower(whole).ToVector256Unsafe());
        return Vector256.ConvertToSingle(wide) * F16.Load(block, 0);
    }

    public static float Load(byte* row, nint column)
    {
        var block = BlockOf(row, column);
        return ((sbyte*)block)[2 + (column % Block)] * F16.Load(block, 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* BlockOf(byte* row, nint column) => unchecked(row + ((column >> 5) * BlockBytes));
}
