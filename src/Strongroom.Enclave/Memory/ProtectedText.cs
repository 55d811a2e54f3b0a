using System.Security.Cryptography;
using Strongroom.Weights.Models;

namespace Strongroom.Enclave.Memory;

/// <summary>UTF-8 that grows in protected memory: a prompt, an answer, a stop sequence. Wiped when it moves and when it is disposed.</summary>
public sealed unsafe class ProtectedText(WorkingMemory memory, int capacity = 1024) : IDisposable
{
    private byte* bytes = (byte*)memory.Allocate(capacity);
    private int capacity = capacity;

    /// <summary>Bytes written.</summary>
    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => new(bytes, Length);

    public void Append(ReadOnlySpan<byte> utf8)
    {
        utf8.CopyTo(Next(utf8.Length));
        Length += utf8.Length;
    }

    /// <summary>At least <paramref name="count"/> bytes to write into; <see cref="Advance"/> says how many were.</summary>
    public Span<byte> Next(int count)
    {
        ObjectDisposedException.ThrowIf(bytes is null, this);
        if (capacity - Length < count) Grow(checked(Length + count));
        return new(bytes + Length, capacity - Length);
    }

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, capacity - Length);
        Length += count;
    }

    public void RemoveFirst(int count)
    {
        var rest = Written[count..];
        rest.CopyTo(new(bytes, rest.Length));
        CryptographicOperations.ZeroMemory(new(bytes + rest.Length, count));
        Length = rest.Length;
    }

    public void Dispose()
    {
        if (bytes is null) return;
        Release(bytes, capacity);
        bytes = null;
    }

    private void Grow(int needed)
    {
        var larger = (int)Math.Min(Math.Max(2L * capacity, needed), Array.MaxLength);
        // Nothing changes before there is memory: what is disposed after a failure must be as long as what was allocated.
        var grown = (byte*)memory.Allocate(larger);
        Written.CopyTo(new(grown, larger));
        Release(bytes, capacity);
        bytes = grown;
        capacity = larger;
    }

    private void Release(byte* pointer, int length)
    {
        CryptographicOperations.ZeroMemory(new(pointer, length));
        memory.Free((nint)pointer, length);
    }
}
