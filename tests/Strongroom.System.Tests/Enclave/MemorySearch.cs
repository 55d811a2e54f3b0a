using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Win32.SafeHandles;

namespace Strongroom.System.Tests.Enclave;

/// <summary>
/// Looks for secrets the way an attacker with root does: through everything of a process that /proc/PID/mem hands out, and through files. A run of 64
/// bytes of a secret holds at least one whole block of 32 that begins at a multiple of 32 in it, so blocks are what is looked for, at every offset.
/// </summary>
internal sealed class MemorySearch
{
    private const int Block = 32;
    private const int Page = 4096;
    private const int HintBits = 22;

    private readonly Dictionary<ulong, List<(string Name, byte[] Bytes)>> blocks = [];
    private readonly bool[] hints = new bool[1 << HintBits];

    /// <summary>Private keys of which the public half is known.</summary>
    public KeySearch Keys { get; } = new();

    /// <summary>Mappings that the kernel could not read although they are readable to their owner.</summary>
    public int Unreadable { get; private set; }

    public long Searched { get; private set; }

    public void Add(string name, ReadOnlySpan<byte> secret)
    {
        for (var at = 0; at + Block <= secret.Length; at += Block)
        {
            var block = secret.Slice(at, Block).ToArray();
            var start = BinaryPrimitives.ReadUInt64LittleEndian(block);
            if (!blocks.TryGetValue(start, out var same)) blocks[start] = same = [];
            same.Add(($"{name} at {at}", block));
            hints[Hint(start)] = true;
        }
    }

    /// <summary>As stored, and widened to binary32, which is how an engine might have copied them.</summary>
    public void AddTensor(string name, ReadOnlySpan<byte> bf16)
    {
        Add(name, bf16);
        var wide = new byte[bf16.Length * 2];
        for (var i = 0; i < bf16.Length; i += 2) bf16.Slice(i, 2).CopyTo(wide.AsSpan((2 * i) + 2));
        Add(name + " widened", wide);
    }

    /// <param name="process">Its id.</param>
    /// <param name="withKeys">Also for private keys, which takes seconds.</param>
    public List<string> InProcess(int process, bool withKeys = true)
    {
        var found = new List<string>();
        using var memory = File.OpenHandle($"/proc/{process}/mem");
        foreach (var line in File.ReadAllLines($"/proc/{process}/maps"))
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields[1][0] != 'r' || line.Contains("[v", StringComparison.Ordinal)) continue;
            var range = fields[0].Split('-').Select(hex => long.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToArray();
            using var disk = File.Exists(fields[^1]) ? File.OpenHandle(fields[^1]) : null;
            InMapping(memory, range[0], range[1], line, withKeys && CouldHoldKey(line), disk, long.Parse(fields[2], NumberStyles.HexNumber, CultureInfo.InvariantCulture), found);
        }
        return [.. found, .. Keys.Find()];
    }

    /// <summary>All but what is read only and as it lies on a disk; the JIT writes code through another mapping of the same unnamed file.</summary>
    /// <param name="mapping">A line of /proc/PID/maps.</param>
    public static bool CouldHoldKey(string mapping) =>
        mapping.Split(' ', 3)[1][1] == 'w' || !mapping.Contains('/', StringComparison.Ordinal) || mapping.EndsWith(" (deleted)", StringComparison.Ordinal);

    public List<string> InFiles(IEnumerable<string> paths)
    {
        var found = new List<string>();
        foreach (var path in paths)
        {
            try
            {
                var bytes = File.ReadAllBytes(path);
                In(bytes, path, written: true, found);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A socket, or gone again.
            }
        }
        return [.. found, .. Keys.Find()];
    }

    /// <summary>What an enclave of this setup must not show: its weights, the keys of its files, and once it has asked its private keys.</summary>
    public static MemorySearch For(EnclaveSetup setup)
    {
        var search = new MemorySearch();
        for (var i = 0; i < setup.Model.Tensors.Count; i++) search.AddTensor($"tensor {i}", setup.Model.Tensors[i]);
        search.Add("file keys", setup.Model.FileKeys);
        if (setup.Broker.EnclaveKey is { } key) search.Keys.Add("HPKE key", key);
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(setup.State, "enclave.crt"));
        search.Keys.Add("TLS key", certificate);
        return search;
    }

    /// <summary>Every file that a confined enclave could have written: those in its places, and those without a name that it holds open.</summary>
    public static IEnumerable<string> Written(int process) =>
        EnclaveSetup.Writable.SelectMany(place => Directory.EnumerateFiles($"/proc/{process}/root{place}", "*", SearchOption.AllDirectories))
            .Concat(Directory.EnumerateFileSystemEntries($"/proc/{process}/fd").Where(open =>
                new FileInfo(open).LinkTarget is { } target && target.EndsWith(" (deleted)", StringComparison.Ordinal) && !target.StartsWith("/memfd:", StringComparison.Ordinal)));

    private void InMapping(SafeFileHandle memory, long start, long end, string where, bool written, SafeFileHandle? disk, long offset, List<string> found)
    {
        var buffer = new byte[(4 << 20) + Block];
        var stored = new byte[disk is null ? 0 : buffer.Length];
        for (var at = start; at < end; at += buffer.Length - Block)
        {
            var length = (int)Math.Min(buffer.Length, end - at);
            try
            {
                length = RandomAccess.Read(memory, buffer.AsSpan(0, length), at);
            }
            catch (IOException)
            {
                Unreadable++;
                return;
            }
            var same = disk is null ? 0 : RandomAccess.Read(disk, stored.AsSpan(0, length), offset + at - start);
            In(buffer.AsSpan(0, length), where, written, found, stored.AsSpan(0, same));
        }
    }

    /// <param name="written">Could hold a private key that was made later; programs and libraries could not.</param>
    /// <param name="stored">The file that is mapped there: pages that are still as on the disk hold no key.</param>
    private void In(ReadOnlySpan<byte> bytes, string where, bool written, List<string> found, ReadOnlySpan<byte> stored = default)
    {
        Searched += bytes.Length;
        for (var page = 0; page + Block <= bytes.Length; page += Page)
        {
            // Pages of zeros are most of any process, and hold no secret but one of zeros.
            var end = Math.Min(page + Page, bytes.Length - Block + 1);
            var here = bytes[page..Math.Min(page + Page + Block, bytes.Length)];
            if (!here.ContainsAnyExcept((byte)0)) continue;
            if (written && !(stored.Length >= page + Page && stored.Slice(page, Page).SequenceEqual(here[..Page]))) Keys.Collect(here);
            for (var at = page; at < end; at++)
                if (hints[Hint(Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref MemoryMarshal.GetReference(bytes), at)))]) Compare(bytes[at..], where, found);
        }
    }

    private void Compare(ReadOnlySpan<byte> bytes, string where, List<string> found)
    {
        if (!blocks.TryGetValue(MemoryMarshal.Read<ulong>(bytes), out var candidates)) return;
        foreach (var (name, block) in candidates)
            if (bytes[..Block].SequenceEqual(block)) found.Add($"{name} in {where}");
    }

    private static int Hint(ulong start) => unchecked((int)((start * 0x9e3779b97f4a7c15) >> (64 - HintBits)));
}
