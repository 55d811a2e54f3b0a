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

/// <summary>output = weights . input for each of some tokens; the numbers of a token side by side in both, tokens one after the other.</summary>
internal readonly unsafe struct Product(Matrix weights, float* input, float* output)
{
    public readonly Matrix Weights = weights;
    public readonly float* Input = input;
    public readonly float* Output = output;

    /// <summary>Rows that one thread takes at a time: enough pieces for threads of unequal luck.</summary>
    public static int RowsOfChunk(int rows, int workers) => workers == 1 ? rows : Math.Max(16, (rows / (workers * 4)) + 1);

    public static int Chunks(int rows, int rowsOfChunk) => (rows + rowsOfChunk - 1) / rowsOfChunk;
}
