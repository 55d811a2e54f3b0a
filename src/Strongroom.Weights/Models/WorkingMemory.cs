using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Strongroom.Weights.Models;

/// <summary>
/// Where activations, the KV cache, prompts and answers live. The enclave hands in protected memory; a program with nothing to hide uses
/// <see cref="Ordinary"/>.
/// </summary>
public abstract class WorkingMemory
{
    /// <summary>Unmanaged memory, out of the garbage collector's reach and no more.</summary>
    public static WorkingMemory Ordinary { get; } = new Unmanaged();

    /// <summary>Zeroed memory of <paramref name="bytes"/> bytes, aligned to 64.</summary>
    /// <exception cref="OutOfMemoryException">There is no more.</exception>
    public abstract nint Allocate(long bytes);

    /// <summary>Takes back memory that has already been wiped.</summary>
    public abstract void Free(nint memory, long bytes);

    private sealed unsafe class Unmanaged : WorkingMemory
    {
        public override nint Allocate(long bytes)
        {
            var pointer = NativeMemory.AlignedAlloc((nuint)bytes, 64);
            NativeMemory.Clear(pointer, (nuint)bytes);
            return (nint)pointer;
        }

        public override void Free(nint memory, long bytes) => NativeMemory.AlignedFree((void*)memory);
    }
}

/// <summary>One allocation, wiped when disposed.</summary>
internal sealed unsafe class Buffer<T>(WorkingMemory memory, long length) : IDisposable
    where T : unmanaged
{
    private readonly long bytes = Math.Max(64, length * sizeof(T));
    private nint pointer = memory.Allocate(Math.Max(64, length * sizeof(T)));

    ~Buffer() => Wipe();

    public long Length { get; } = length;

    public T* Pointer => pointer != 0 ? (T*)pointer : throw new ObjectDisposedException(nameof(Buffer<>));

    public Span<T> Span => new(Pointer, checked((int)Length));

    public void Dispose()
    {
        Wipe();
        GC.SuppressFinalize(this);
    }

    private void Wipe()
    {
        if (pointer == 0) return;
        for (long done = 0; done < bytes; done += 1 << 30)
            CryptographicOperations.ZeroMemory(new Span<byte>((byte*)pointer + done, (int)Math.Min(1 << 30, bytes - done)));
        memory.Free(pointer, bytes);
        pointer = 0;
    }
}
