using Strongroom.Bytes;

namespace Strongroom.Weights.Formats;

/// <summary>How a tensor's numbers are stored, little-endian.</summary>
public enum TensorType
{
    /// <summary>IEEE 754 binary32.</summary>
    F32,

    /// <summary>IEEE 754 binary16.</summary>
    F16,

    /// <summary>The upper half of a binary32.</summary>
    BF16,

    /// <summary>Blocks of 32: a binary16 scale, then 32 signed bytes (GGML type 8, Q8_0).</summary>
    Q8,
}

/// <summary>A tensor where it lies.</summary>
/// <param name="Shape">Row-major: the last dimension is contiguous.</param>
/// <param name="Data">Address of the first number; not aligned to anything.</param>
public sealed record Tensor(string Name, TensorType Type, IReadOnlyList<long> Shape, nint Data)
{
    /// <summary>Length in bytes, or -1 where the shape overflows or does not fill whole blocks.</summary>
    public static long SizeInBytes(TensorType type, IReadOnlyList<long> shape)
    {
        long count = 1;
        foreach (var extent in shape)
        {
            if (extent < 0 || (extent != 0 && count > long.MaxValue / 8 / extent)) return -1;
            count *= extent;
        }
        return type switch
        {
            TensorType.F32 => count * 4,
            TensorType.F16 or TensorType.BF16 => count * 2,
            TensorType.Q8 => shape is [.., var columns] && columns % 32 == 0 ? count / 32 * 34 : -1,
            _ => -1,
        };
    }

    /// <exception cref="MalformedException">The tensor has another shape.</exception>
    internal Tensor Expect(params ReadOnlySpan<long> shape)
    {
        if (Shape.Count == shape.Length)
        {
            var same = true;
            for (var i = 0; i < shape.Length; i++) same &= Shape[i] == shape[i];
            if (same) return this;
        }
        throw new MalformedException(-1, $"{Name} has shape [{string.Join(", ", Shape)}], the model's shape wants [{string.Join(", ", shape.ToArray())}]");
    }
}
