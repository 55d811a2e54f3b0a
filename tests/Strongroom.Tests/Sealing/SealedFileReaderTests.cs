using System.Security.Cryptography;
using Strongroom.Sealing;

namespace Strongroom.Tests.Sealing;

/// <summary>Random access: any range of a file, and only the chunks that it touches.</summary>
public sealed class SealedFileReaderTests
{
    private const int Length = (5 * SealedLayout.ChunkSize) + 1234;

    private readonly SealedModel model = SealedModel.Create(SealedModel.File("weights", Length));
    private readonly byte[] plain = RandomNumberGenerator.GetBytes(Length);
    private readonly byte[] file;

    public SealedFileReaderTests()
    {
        using var key = ContentKeys.Derive(model.Key, model.Manifest, 0);
        using var encryptor = ChunkEncryptor.Create(key.Span, model.Manifest.Identity(0));
        file = new byte[SealedLayout.SealedLength(Length)];
        encryptor.Header.CopyTo(file);
        encryptor.Encrypt(0, plain, file.AsSpan(SealedLayout.HeaderSize), final: true);
    }

    [Fact]
    public void Reads_any_range()
    {
        using var reader = Open();
        int[] edges = [0, 1, 16383, 16384, 16385, 2 * 16384, (5 * 16384) - 1, 5 * 16384, Length - 1, Length];
        foreach (var from in edges)
        {
            foreach (var to in edges.Where(to => to >= from))
            {
                var read = new byte[to - from];
                reader.Read(from, read);
                Assert.Equal(plain[from..to], read);
            }
        }
    }

    [Fact]
    public void Reads_only_the_chunks_that_a_range_touches()
    {
        for (var i = (int)SealedLayout.Offset(0); i < file.Length; i++)
            if (i < SealedLayout.Offset(2) || i >= SealedLayout.Offset(3)) file[i] = 0xEE;
        using var reader = Open();
        var read = new byte[100];
        reader.Read((2 * SealedLayout.ChunkSize) + 50, read);
        Assert.Equal(plain[((2 * SealedLayout.ChunkSize) + 50)..((2 * SealedLayout.ChunkSize) + 150)], read);
        Assert.Throws<AuthenticationTagMismatchException>(() => reader.Read(SealedLayout.ChunkSize - 50, read));
        Assert.All(read, each => Assert.Equal(0, each));
    }

    [Fact]
    public void Refuses_a_range_outside_the_file()
    {
        using var reader = Open();
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.Read(-1, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.Read(Length, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.Read(long.MaxValue, new byte[1]));
    }

    private SealedFileReader Open()
    {
        using var key = ContentKeys.Derive(model.Key, model.Manifest, 0);
        return new(key, model.Manifest, 0, (offset, buffer) => file.AsSpan((int)offset, buffer.Length).CopyTo(buffer));
    }
}
