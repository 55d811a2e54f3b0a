using System.Runtime.InteropServices;

namespace Strongroom.Benchmarks;

/// <summary>Anonymous memory as the enclave's kind <c>locked</c> takes it, or a file mapped for reading; addressed in parts, since a span ends at 2 GiB.</summary>
internal sealed unsafe partial class NativeBuffer : IDisposable
{
    private const int Read = 1, Write = 2, Private = 2, Anonymous = 0x20, HugePage = 14, DontFork = 10, DontDump = 16, Populate = 22;

    private readonly nint start;

    private NativeBuffer(nint start, long length) => (this.start, Length) = (start != -1 ? start : throw new InvalidOperationException("mmap failed"), length);

    internal long Length { get; }

    /// <summary>Transparent huge pages, locked, kept out of core dumps and of children.</summary>
    internal static NativeBuffer Locked(long length)
    {
        var buffer = new NativeBuffer(mmap(0, (nuint)length, Read | Write, Private | Anonymous, -1, 0), length);
        foreach (var advice in new[] { HugePage, DontDump, DontFork }) _ = madvise(buffer.start, (nuint)length, advice);
        return buffer;
    }

    /// <summary>
    /// Takes that much memory, touches it and gives it back. A hypervisor may have taken back what the machine had free (free page reporting), and
    /// fetching it again is twenty times slower than anything measured here: whoever is timed next finds it there.
    /// </summary>
    internal static void WarmHost(long length)
    {
        using var buffer = Locked(length + (2L << 30)); // which of it the next one is given, nobody knows
        for (var at = 0L; at < buffer.Length; at += 4096) buffer.At(at, 1)[0] = 1;
    }

    internal static NativeBuffer Map(Microsoft.Win32.SafeHandles.SafeFileHandle file)
    {
        var length = RandomAccess.GetLength(file);
        var buffer = new NativeBuffer(mmap(0, (nuint)length, Read, Private, (int)file.DangerousGetHandle(), 0), length);
        _ = madvise(buffer.start, (nuint)length, Populate); // warm, as the page cache is
        return buffer;
    }

    internal void Lock()
    {
        if (mlock(start, (nuint)Length) != 0) throw new InvalidOperationException("mlock failed: raise RLIMIT_MEMLOCK");
    }

    internal Span<byte> At(long offset, int count) => new((byte*)start + offset, offset + count <= Length ? count : throw new ArgumentOutOfRangeException(nameof(count)));

    public void Dispose() => _ = munmap(start, (nuint)Length);

    [LibraryImport("libc")]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc")]
    private static partial int munmap(nint address, nuint length);

    [LibraryImport("libc")]
    private static partial int madvise(nint address, nuint length, int advice);

    [LibraryImport("libc")]
    private static partial int mlock(nint address, nuint length);
}
