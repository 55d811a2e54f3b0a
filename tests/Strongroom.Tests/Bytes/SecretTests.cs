using System.Text.Json;
using Strongroom.Bytes;

namespace Strongroom.Tests.Bytes;

public sealed unsafe class SecretTests
{
    [Fact]
    public void Takes_over_its_source_and_wipes_it()
    {
        var source = new byte[] { 1, 2, 3 };
        using var secret = Secret.Take(source);
        Assert.Equal([1, 2, 3], secret.Span.ToArray());
        Assert.Equal([0, 0, 0], source);
    }

    [Fact]
    public void Cannot_be_read_after_it_was_disposed()
    {
        var secret = Secret.Random(32);
        secret.Dispose();
        Assert.Throws<ObjectDisposedException>(() => secret.Span.Length);
    }

    [Fact]
    public void Is_wiped_before_its_memory_is_given_back()
    {
        var memory = new Watched();
        var before = SecretMemory.Current;
        SecretMemory.Use(memory);
        try
        {
            Secret.Random(32).Dispose();
        }
        finally
        {
            SecretMemory.Use(before);
        }
        Assert.True(memory.Freed > 0);
        Assert.Equal(0, memory.FreedUnwiped);
    }

    [Fact]
    public void Gives_its_memory_back_once_whoever_disposes_it()
    {
        var memory = new Watched();
        var before = SecretMemory.Current;
        SecretMemory.Use(memory);
        try
        {
            var secret = Secret.Random(77);
            memory.WhileFreeing = length =>
            {
                if (length == 77) secret.Dispose(); // as another thread would, in the middle of the first
            };
            secret.Dispose();
            secret.Dispose();
        }
        finally
        {
            SecretMemory.Use(before);
        }
        Assert.Equal(1, memory.FreedOf77);
    }

    [Fact]
    public void Says_nothing_as_text()
    {
        using var secret = Secret.CopyOf("strongroom"u8);
        Assert.Equal(typeof(Secret).FullName, secret.ToString());
        Assert.ThrowsAny<Exception>(() => JsonSerializer.Serialize(secret));
    }

    private sealed class Watched : SecretMemory
    {
        public int Freed { get; private set; }

        public int FreedUnwiped { get; private set; }

        public int FreedOf77 { get; private set; }

        public Action<int> WhileFreeing { get; set; } = _ => { };

        protected internal override void* Allocate(int length) => System.Runtime.InteropServices.NativeMemory.AllocZeroed((nuint)length);

        protected internal override void Free(void* bytes, int length)
        {
            Freed++;
            if (length == 77 && ++FreedOf77 == 1) WhileFreeing(length);
            if (new Span<byte>(bytes, length).ContainsAnyExcept((byte)0)) FreedUnwiped++;
            System.Runtime.InteropServices.NativeMemory.Free(bytes);
        }
    }
}
