using Strongroom.Enclave.Memory;

namespace Strongroom.System.Tests.Enclave;

/// <summary>The two kinds of protected memory, by what the kernel says of them.</summary>
public sealed class ProtectedMemoryTests
{
    [Theory]
    [InlineData(MemoryKind.Secret)]
    [InlineData(MemoryKind.Locked)]
    public void Begins_as_zeros_and_is_wiped(MemoryKind kind)
    {
        using var memory = new ProtectedMemory(kind);
        var region = memory.Reserve(3 << 20);
        region.Touch(2, TestContext.Current.CancellationToken);
        var bytes = Bytes(region);
        Assert.False(bytes.ContainsAnyExcept((byte)0));
        bytes.Fill(0x5a);
        memory.Wipe();
        Assert.False(bytes.ContainsAnyExcept((byte)0));
        Assert.Equal(region.Length, region.Touched);
    }

    [Fact]
    public void Secret_memory_cannot_be_read_through_the_kernel()
    {
        using var region = ProtectedRegion.Map(MemoryKind.Secret, 4096);
        Bytes(region).Fill(0x5a);
        using var memory = File.OpenHandle("/proc/self/mem");
        Assert.Throws<IOException>(() => RandomAccess.Read(memory, new byte[16], region.Start));
    }

    [Fact]
    public void Locked_memory_is_locked_and_stays_out_of_dumps_and_children()
    {
        using var region = ProtectedRegion.Map(MemoryKind.Locked, 4 << 20);
        region.Touch(1, TestContext.Current.CancellationToken);
        var flags = Flags(region.Start);
        Assert.Contains("lo", flags); // VM_LOCKED
        Assert.Contains("dd", flags); // VM_DONTDUMP
        Assert.Contains("dc", flags); // VM_DONTCOPY
        Assert.Contains("hg", flags); // VM_HUGEPAGE
    }

    [Fact]
    public void Secret_memory_stays_out_of_dumps_and_children()
    {
        using var region = ProtectedRegion.Map(MemoryKind.Secret, 1 << 20);
        region.Touch(1, TestContext.Current.CancellationToken);
        var flags = Flags(region.Start);
        Assert.Contains("lo", flags);
        Assert.Contains("dd", flags);
        Assert.Contains("dc", flags);
    }

    [Fact]
    public void What_a_request_returns_the_next_one_gets_zeroed()
    {
        using var memory = new ProtectedMemory(MemoryKind.Locked);
        using (var text = new ProtectedText(memory, 1000)) text.Append("a prompt"u8);
        using var next = new ProtectedText(memory, 1000);
        Assert.False(next.Next(900).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void A_text_that_grows_leaves_nothing_where_it_was()
    {
        using var memory = new ProtectedMemory(MemoryKind.Locked);
        var block = memory.Allocate(64);
        memory.Free(block, 64);
        using var text = new ProtectedText(memory, 64); // takes that very block
        text.Append("a prompt of some words, long enough to have to move"u8);
        text.Append(new byte[100]);
        Assert.False(Bytes(block, 64).ContainsAnyExcept((byte)0));
        Assert.StartsWith("a prompt", global::System.Text.Encoding.UTF8.GetString(text.Written));
    }

    [Fact]
    public void A_text_that_found_no_room_to_grow_gives_back_what_it_has_and_no_more()
    {
        var memory = new NarrowMemory(room: 100);
        var text = new ProtectedText(memory, 64);
        text.Append("a prompt"u8);
        Assert.Throws<Bytes.UnavailableException>(() => text.Append(new byte[1000]));
        Assert.Equal("a prompt", global::System.Text.Encoding.UTF8.GetString(text.Written));
        text.Dispose();
        Assert.Equal([64], memory.Freed);
    }

    [Fact]
    public void A_kind_that_is_not_one_is_refused() => Assert.Throws<Bytes.MalformedException>(() => MemoryKinds.Parse("ordinary"));

    [Fact]
    public void The_heap_of_libcrypto_cannot_be_moved_once_it_is_in_use()
    {
        _ = global::System.Security.Cryptography.SHA256.HashData("in use"u8);
        Assert.Throws<InvalidOperationException>(() => CryptoHeap.Start(MemoryKind.Locked, 1 << 20));
    }

    private static Span<byte> Bytes(ProtectedRegion region) => Bytes(region.Start, (int)region.Length);

    private static unsafe Span<byte> Bytes(nint start, int length) => new((void*)start, length);

    private static string[] Flags(nint address)
    {
        var inside = false;
        foreach (var line in File.ReadLines("/proc/self/smaps"))
        {
            var range = line.Split(' ')[0].Split('-');
            if (range.Length == 2 && long.TryParse(range[0], global::System.Globalization.NumberStyles.HexNumber, null, out var start))
                inside = start <= address && address < long.Parse(range[1], global::System.Globalization.NumberStyles.HexNumber, null);
            else if (inside && line.StartsWith("VmFlags:", StringComparison.Ordinal)) return line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..];
        }
        return [];
    }

    /// <summary>Has so many bytes in one piece, and no more.</summary>
    private sealed class NarrowMemory(long room) : Weights.Models.WorkingMemory
    {
        public List<long> Freed { get; } = [];

        public override nint Allocate(long bytes) => bytes <= room ? Ordinary.Allocate(bytes) : throw new Bytes.UnavailableException("no more");

        public override void Free(nint memory, long bytes)
        {
            Freed.Add(bytes);
            Ordinary.Free(memory, bytes);
        }
    }
}
