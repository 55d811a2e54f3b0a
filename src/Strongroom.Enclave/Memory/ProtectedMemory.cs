namespace Strongroom.Enclave.Memory;

/// <summary>
/// All protected memory of one kind that the enclave holds: large regions for weights, and an arena for activations, KV cache, prompts and answers.
/// Keys live in <see cref="CryptoHeap"/>.
/// </summary>
public sealed unsafe class ProtectedMemory(MemoryKind kind) : IDisposable
{
    private const long ArenaBlock = 4 << 20;
    private const long Alignment = 64;

    private readonly Lock gate = new();
    private readonly List<ProtectedRegion> regions = [];
    private ProtectedRegion? block;
    private long used;

    public MemoryKind Kind { get; } = kind;

    /// <summary>A region of its own, untouched; it lives until this object is wiped or disposed.</summary>
    /// <exception cref="Bytes.UnavailableException">The machine lacks this kind of memory, or lets this process have less.</exception>
    public ProtectedRegion Reserve(long length)
    {
        var region = ProtectedRegion.Map(Kind, length);
        lock (gate) regions.Add(region);
        return region;
    }

    /// <summary>Zeroed bytes aligned to 64, for as long as this object lives; safe from many threads.</summary>
    /// <exception cref="Bytes.UnavailableException">As for <see cref="Reserve"/>.</exception>
    public nint Allocate(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        if (length > ArenaBlock / 4) return Touched(Reserve(length)).Start;
        lock (gate)
        {
            length = (length + Alignment - 1) & -Alignment;
            if (block is null || used + length > block.Length)
            {
                block = Touched(ProtectedRegion.Map(Kind, ArenaBlock));
                regions.Add(block);
                used = 0;
            }
            used += length;
            return block.Start + (nint)(used - length);
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
            block = null;
        }
    }

    private static ProtectedRegion Touched(ProtectedRegion region)
    {
        region.Touch(Environment.ProcessorCount, CancellationToken.None);
        return region;
    }
}
