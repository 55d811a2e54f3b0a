using Strongroom.Weights.Models;

namespace Strongroom.Enclave.Memory;

/// <summary>
/// All protected memory of one kind that the enclave holds: large regions for weights, and an arena for activations, KV cache, prompts and answers.
/// Keys live in <see cref="CryptoHeap"/>.
/// </summary>
public sealed unsafe class ProtectedMemory(MemoryKind kind) : WorkingMemory, IDisposable
{
    private const long BlockSize = 4 << 20;
    private const long Alignment = 64;

    private readonly Lock gate = new();
    private readonly List<ProtectedRegion> regions = [];
    private readonly Dictionary<long, Stack<nint>> returned = [];
    private ProtectedRegion? block;
    private long used;

    public MemoryKind Kind { get; } = kind;

    /// <summary>A region of its own, untouched; it lives until this object is disposed.</summary>
    /// <exception cref="Bytes.UnavailableException">The machine lacks this kind of memory, or lets this process have less.</exception>
    public ProtectedRegion Reserve(long length)
    {
        var region = ProtectedRegion.Map(Kind, length);
        lock (gate) regions.Add(region);
        return region;
    }

    /// <inheritdoc/>
    /// <exception cref="Bytes.UnavailableException">As for <see cref="Reserve"/>.</exception>
    public override nint Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        var size = Size(bytes);
        lock (gate)
        {
            if (returned.TryGetValue(size, out var same) && same.TryPop(out var pointer)) return pointer;
            if (size > BlockSize / 4) return Touched(size).Start;
            if (block is null || used + size > block.Length) (block, used) = (Touched(BlockSize), 0);
            used += size;
            return block.Start + (nint)(used - size);
        }
    }

    /// <summary>Kept for the next allocation of that size: fetching pages costs more than any answer's arithmetic.</summary>
    public override void Free(nint memory, long bytes)
    {
        var size = Size(bytes);
        lock (gate)
        {
            if (!returned.TryGetValue(size, out var same)) returned[size] = same = new();
            same.Push(memory);
        }
    }

    /// <summary>Zeroes everything and keeps it mapped, so that a thread still at work reads zeros and not a fault.</summary>
    public void Wipe()
    {
        lock (gate)
            foreach (var region in regions) region.Wipe();
    }

    public void Dispose()
    {
        lock (gate)
        {
            foreach (var region in regions) region.Dispose();
            regions.Clear();
            returned.Clear();
            block = null;
        }
    }

    /// <summary>Sizes are rounded to one of four in each doubling, so that what one request returns fits the next.</summary>
    private static long Size(long bytes)
    {
        var step = Math.Max(Alignment, (long)(System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)bytes) / 8));
        return checked((bytes + step - 1) / step * step);
    }

    private ProtectedRegion Touched(long size)
    {
        var region = ProtectedRegion.Map(Kind, size);
        try
        {
            region.Touch(Environment.ProcessorCount, CancellationToken.None);
        }
        catch
        {
            region.Dispose(); // else each request that finds no memory would keep some of it
            throw;
        }
        regions.Add(region);
        return region;
    }
}
