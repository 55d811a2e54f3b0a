using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Enclave.Native;

namespace Strongroom.Enclave.Memory;

/// <summary>One mapping of protected memory: zeroed, page-aligned, wiped before it is given back.</summary>
public sealed unsafe class ProtectedRegion : IDisposable
{
    private const int Page = 4096;
    private const int HugePage = 2 << 20;
    private const string RaiseTheLimit = "raise RLIMIT_MEMLOCK: ulimit -l, or LimitMEMLOCK= in the unit";
    private const long Slice = 32 << 20;

    private readonly nint mapping;
    private readonly nint mappedLength;
    private long touched;
    private int disposed;

    private ProtectedRegion(MemoryKind kind, nint mapping, nint mappedLength, nint pointer, long length)
    {
        (Kind, this.mapping, this.mappedLength, Start, Length) = (kind, mapping, mappedLength, pointer, length);
        Errno.Require(Mman.madvise(pointer, (nint)length, Mman.DontDump), "keeping memory out of core dumps");
        Errno.Require(Mman.madvise(pointer, (nint)length, Mman.DontFork), "keeping memory out of children");
    }

    public MemoryKind Kind { get; }

    public nint Start { get; }

    /// <summary>Bytes, a multiple of the page.</summary>
    public long Length { get; }

    /// <summary>Bytes that have their pages already.</summary>
    public long Touched => Interlocked.Read(ref touched);

    /// <summary>Maps at least <paramref name="length"/> bytes. Nothing is touched yet, so this is quick whatever the length.</summary>
    /// <exception cref="UnavailableException">The machine lacks this kind, or lets this process lock less than that.</exception>
    public static ProtectedRegion Map(MemoryKind kind, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        return kind == MemoryKind.Secret ? MapSecret(RoundUp(length, Page), at: 0) : MapLocked(length);
    }

    /// <summary>Replaces the pages of a mapping that somebody else made, its content kept; for libcrypto's heap.</summary>
    /// <param name="kind">The kind of the new pages.</param>
    /// <param name="address">Start of the mapping, page-aligned.</param>
    /// <param name="length">Bytes, whole pages.</param>
    internal static ProtectedRegion Replace(MemoryKind kind, nint address, long length)
    {
        var content = new ReadOnlySpan<byte>((void*)address, checked((int)length)).ToArray();
        var region = kind == MemoryKind.Secret ? MapSecret(length, address) : new(kind, address, (nint)length, Anonymous((nint)length, address), length);
        region.Touch(threads: 1, CancellationToken.None);
        content.CopyTo(new Span<byte>((void*)address, content.Length));
        return region;
    }

    /// <summary>Gives every page its memory, which for <see cref="MemoryKind.Secret"/> is the slow part: call it while there is time.</summary>
    /// <exception cref="UnavailableException">This process may not lock that much memory.</exception>
    public void Touch(int threads, CancellationToken cancellation)
    {
        var slices = (Length + Slice - 1) / Slice;
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        try
        {
            Parallel.For(0, slices, options, slice => TouchSlice(slice * Slice, Math.Min(Slice, Length - slice * Slice)));
        }
        catch (AggregateException e) when (e.InnerException is UnavailableException unavailable)
        {
            throw unavailable;
        }
    }

    public void Wipe()
    {
        // Nothing is written before all is touched, and wiping what was not touched would first have to fetch it.
        for (long at = 0; at < Length && Touched == Length; at += Slice)
            CryptographicOperations.ZeroMemory(new Span<byte>((byte*)Start + at, (int)Math.Min(Slice, Length - at)));
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0) return;
        Wipe();
        _ = Mman.munmap(mapping, mappedLength);
    }

    private void TouchSlice(long offset, long length)
    {
        var start = (byte*)Start + offset;
        // mlock fetches the pages itself. It cannot where the pages are secret: they are locked by nature, but only their owner's hand reaches them.
        if (Kind == MemoryKind.Locked)
            Errno.Require(Mman.mlock((nint)start, (nint)length), $"locking memory ({RaiseTheLimit})");
        else
            for (long at = 0; at < length; at += Page) Volatile.Write(ref start[at], 0);
        Interlocked.Add(ref touched, length);
    }

    private static ProtectedRegion MapSecret(long length, nint at)
    {
        LockLimit.Raise();
        var descriptor = Mman.memfd_secret(Mman.CloseOnExec);
        Errno.Require(descriptor, "memfd_secret(2) is not offered by this kernel (Linux 6.5, or 5.14 with secretmem.enable=1)");
        try
        {
            Errno.Require(Mman.ftruncate(descriptor, length), "sizing secret memory");
            var address = Mman.mmap(at, (nint)length, Mman.ProtReadWrite, Mman.Shared | (at != 0 ? Mman.Fixed : 0), descriptor, 0);
            if (address == Mman.Failed) throw Errno.Failure($"mapping {length} bytes of secret memory ({RaiseTheLimit})");
            return new(MemoryKind.Secret, address, (nint)length, address, length);
        }
        finally
        {
            // The mapping holds the pages; without a descriptor there is no /proc/PID/fd to open them by.
            _ = Mman.close(descriptor);
        }
    }

    private static ProtectedRegion MapLocked(long length)
    {
        LockLimit.Raise();
        length = RoundUp(length, HugePage);
        var mapped = checked((nint)(length + HugePage));
        var mapping = Anonymous(mapped, at: 0);
        var region = new ProtectedRegion(MemoryKind.Locked, mapping, mapped, (nint)RoundUp(mapping, HugePage), length);
        // Before the first touch: pages that exist already stay small. A kernel without huge pages refuses the advice; the memory is as safe without.
        _ = Mman.madvise(region.Start, (nint)length, Mman.HugePage);
        return region;
    }

    private static nint Anonymous(nint length, nint at)
    {
        var address = Mman.mmap(at, length, Mman.ProtReadWrite, Mman.PrivateAnonymous | (at != 0 ? Mman.Fixed : 0), -1, 0);
        return address != Mman.Failed ? address : throw Errno.Failure($"mapping {length} bytes");
    }

    private static long RoundUp(long value, long unit) => checked((value + unit - 1) / unit * unit);
}
