using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Strongroom.Bytes;

namespace Strongroom.Enclave.Memory;

/// <summary>
/// Every allocation of libcrypto and libssl (keys, key schedules, EVP contexts, TLS state) and every <see cref="Secret"/>, in protected memory:
/// OpenSSL's own secure heap, moved onto pages of our kind and made the allocator of the whole library (openssl/crypto.h).
/// </summary>
/// <remarks>
/// Allocating and freeing stay native code inside libcrypto, because it frees from the destructors of dying threads, where managed code may no longer
/// run. Only growing a block comes back here, which no destructor does. A full heap is a failed allocation, never ordinary memory. Freed blocks are cleansed.
/// </remarks>
public sealed unsafe partial class CryptoHeap : SecretMemory
{
    private const string Name = "libcrypto.so.3";
    private const nuint SmallestBlock = 32;

    private static readonly Lock Once = new();
    private static ProtectedRegion? region;

    private CryptoHeap() { }

    /// <summary>The heap's pages, for those who check that a key lies in them.</summary>
    public static ProtectedRegion Region => region ?? throw new InvalidOperationException("the protected heap was not started");

    /// <summary>Call before anything in the process touches libcrypto; later it is refused by libcrypto itself.</summary>
    /// <param name="kind">The kind of memory.</param>
    /// <param name="size">Bytes, a power of two.</param>
    /// <exception cref="UnavailableException">The machine lacks this kind of memory.</exception>
    /// <exception cref="InvalidOperationException">libcrypto was in use already, or does not keep its allocations in the heap.</exception>
    public static void Start(MemoryKind kind, int size = 64 << 20)
    {
        lock (Once)
        {
            if (region is not null) throw new InvalidOperationException("the protected heap was started already");
            var library = NativeLibrary.Load(Name);
            var libc = NativeLibrary.Load("libc.so.6");
            // The secure heap's own tables are made before it can serve, so they come from libc. OpenSSL keeps the choice open until its *default*
            // allocator has run (crypto/mem.c, allow_customize), which naming libc's functions avoids.
            Take(CRYPTO_set_mem_functions(Export(libc, "malloc"), Export(libc, "realloc"), Export(libc, "free")) == 1);
            // 2 says that the heap's own pages could not be locked: they are about to be replaced.
            Take(CRYPTO_secure_malloc_init((nuint)size, SmallestBlock) is 1 or 2);
            region = Move(kind, size);
            delegate* unmanaged<nint, nuint, byte*, int, nint> grow = &Grow;
            Take(CRYPTO_set_mem_functions(Export(library, "CRYPTO_secure_malloc"), (nint)grow, Export(library, "CRYPTO_secure_free")) == 1);
            Probe();
            Use(new CryptoHeap());
        }
    }

    /// <summary>Zeroes every key at once; libcrypto cannot be used afterwards. For the end of the process only.</summary>
    public static void Wipe() => region?.Wipe();

    protected override void* Allocate(int length)
    {
        var block = CRYPTO_secure_zalloc((nuint)length, null, 0);
        return block != 0 ? (void*)block : throw new UnavailableException("the protected heap is full");
    }

    protected override void Free(void* bytes, int length) => CRYPTO_secure_free((nint)bytes, null, 0);

    /// <summary>An empty heap's one block is the whole of it, so allocating that tells where the heap lies.</summary>
    private static ProtectedRegion Move(MemoryKind kind, int size)
    {
        var whole = CRYPTO_secure_malloc((nuint)size, null, 0);
        if (whole == 0) throw new InvalidOperationException("libcrypto's secure heap is in use already");
        CRYPTO_secure_free(whole, null, 0);
        return ProtectedRegion.Replace(kind, whole, size);
    }

    private static void Probe()
    {
        var block = CRYPTO_malloc(4096, null, 0);
        if (block < Region.Start || block >= Region.Start + (nint)Region.Length) throw new InvalidOperationException("libcrypto does not keep its allocations in the protected heap");
        CRYPTO_free(block, null, 0);
    }

    [UnmanagedCallersOnly]
    private static nint Grow(nint block, nuint length, byte* file, int line)
    {
        if (block == 0) return CRYPTO_secure_malloc(length, file, line);
        if (length == 0)
        {
            CRYPTO_secure_free(block, file, line);
            return 0;
        }
        var held = CRYPTO_secure_actual_size(block);
        if (length <= held) return block;
        var grown = CRYPTO_secure_malloc(length, file, line);
        if (grown == 0) return 0;
        Unsafe.CopyBlockUnaligned((void*)grown, (void*)block, (uint)held);
        CRYPTO_secure_free(block, file, line);
        return grown;
    }

    private static nint Export(nint library, string name) => NativeLibrary.GetExport(library, name);

    private static void Take(bool taken)
    {
        if (!taken) throw new InvalidOperationException("libcrypto was used before its memory was protected");
    }

    [LibraryImport(Name)]
    private static partial int CRYPTO_set_mem_functions(nint malloc, nint realloc, nint free);

    [LibraryImport(Name)]
    private static partial int CRYPTO_secure_malloc_init(nuint size, nuint smallest);

    [LibraryImport(Name)]
    private static partial nint CRYPTO_secure_malloc(nuint length, byte* file, int line);

    [LibraryImport(Name)]
    private static partial nint CRYPTO_secure_zalloc(nuint length, byte* file, int line);

    [LibraryImport(Name)]
    private static partial void CRYPTO_secure_free(nint block, byte* file, int line);

    [LibraryImport(Name)]
    private static partial nuint CRYPTO_secure_actual_size(nint block);

    [LibraryImport(Name)]
    private static partial nint CRYPTO_malloc(nuint length, byte* file, int line);

    [LibraryImport(Name)]
    private static partial void CRYPTO_free(nint block, byte* file, int line);
}
