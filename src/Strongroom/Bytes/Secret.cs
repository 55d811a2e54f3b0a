using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Strongroom.Bytes;

/// <summary>
/// Key material of a fixed length in unmanaged memory, so that the garbage collector never copies it. Wiped on dispose; has no text, no JSON,
/// no equality; read through a span only.
/// </summary>
public sealed unsafe class Secret : IDisposable
{
    private readonly SecretMemory memory = SecretMemory.Current;
    private nint bytes;

    /// <param name="length">Length in bytes; the content starts as zeros.</param>
    public Secret(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        Length = length;
        bytes = (nint)memory.Allocate(length);
    }

    ~Secret() => Wipe();

    /// <summary>Length in bytes.</summary>
    public int Length { get; }

    /// <summary>The bytes themselves: good until <see cref="Dispose"/>, or until nobody holds the secret any more.</summary>
    /// <exception cref="ObjectDisposedException">It was wiped.</exception>
    public Span<byte> Span
    {
        get
        {
            ObjectDisposedException.ThrowIf(bytes == 0, this);
            return new((void*)bytes, Length);
        }
    }

    /// <summary>Copies <paramref name="source"/> and wipes it: after this call the secret is the only holder.</summary>
    public static Secret Take(Span<byte> source)
    {
        var secret = CopyOf(source);
        CryptographicOperations.ZeroMemory(source);
        return secret;
    }

    public static Secret CopyOf(ReadOnlySpan<byte> source)
    {
        var secret = new Secret(source.Length);
        source.CopyTo(secret.Span);
        return secret;
    }

    public static Secret Random(int length)
    {
        var secret = new Secret(length);
        RandomNumberGenerator.Fill(secret.Span);
        return secret;
    }

    public void Dispose()
    {
        Wipe();
        GC.SuppressFinalize(this);
    }

    private void Wipe()
    {
        var taken = (void*)Interlocked.Exchange(ref bytes, 0); // the end of a lease and the end of a program may both come here: memory is given back once
        if (taken is null) return;
        CryptographicOperations.ZeroMemory(new Span<byte>(taken, Length));
        memory.Free(taken, Length);
    }
}

/// <summary>Where secrets live. The enclave replaces it, before the first secret is made, by memory that the kernel cannot read.</summary>
public abstract unsafe class SecretMemory
{
    public static SecretMemory Current { get; private set; } = new Unmanaged();

    /// <summary>For the start of a program only: secrets made earlier stay where they are.</summary>
    public static void Use(SecretMemory memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        Current = memory;
    }

    /// <summary>Zeroed memory of <paramref name="length"/> bytes.</summary>
    protected internal abstract void* Allocate(int length);

    /// <summary>Takes back memory that has already been wiped.</summary>
    protected internal abstract void Free(void* bytes, int length);

    private sealed class Unmanaged : SecretMemory
    {
        protected internal override void* Allocate(int length) => NativeMemory.AllocZeroed((nuint)length);

        protected internal override void Free(void* bytes, int length) => NativeMemory.Free(bytes);
    }
}
