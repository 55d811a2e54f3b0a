using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using Strongroom.Bytes;
using Strongroom.Sealing;
using Strongroom.Tests.Crypto;

namespace Strongroom.Tests.Sealing;

/// <summary>C2SP chunked-encryption as Cobblestone-256: the published vectors through every entry point, and each way to move a chunk.</summary>
public sealed class ChunkedEncryptionTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    [Fact]
    public void Decrypts_and_encrypts_every_published_vector()
    {
        var (valid, refused) = (0, 0);
        foreach (var (_, test) in Wycheproof.Read("c2sp_chunked_encryption_aes_256_gcm_test.json"))
        {
            var file = Inflate(test.Hex("ct"));
            var plain = Open(test.Hex("key"), test.Hex("ctx"), file);
            Assert.True(test.Text("result") == "valid" == plain is not null, $"{test.GetProperty("tcId")} {test.Text("comment")}");
            if (plain is null)
            {
                refused++;
                continue;
            }
            Assert.Equal(test.Text("msgSha512"), Convert.ToHexStringLower(SHA512.HashData(plain)));
            using var keys = new ChunkKeys(test.Hex("key"), file.AsSpan(0, 24), test.Hex("ctx"));
            Assert.Equal(test.Hex("aeadKey"), keys.Key);
            Assert.Equal(test.Hex("baseNonce"), keys.BaseNonce);
            using var encryptor = ChunkEncryptor.Create(test.Hex("key"), test.Hex("ctx"), file.AsSpan(0, 24));
            var again = new byte[file.Length - SealedLayout.HeaderSize];
            Assert.Equal(again.Length, encryptor.Encrypt(0, plain, again, final: true));
            Assert.Equal<byte>(file, (byte[])[.. encryptor.Header, .. again]);
            valid++;
        }
        Assert.True(valid > 5 && refused > 10, $"{valid} valid and {refused} refused vectors ran");
    }

    [Theory]
    [InlineData("swapped", 1, 0, 2, 3)]
    [InlineData("repeated", 0, 0, 2, 3)]
    [InlineData("inserted again", 0, 0, 1, 2, 3)]
    [InlineData("dropped", 0, 2, 3)]
    [InlineData("dropped from the end", 0, 1, 2)] // no file has this length
    [InlineData("appended", 0, 1, 2, 3, 3)]
    public void Refuses_chunks_that_were_moved(string how, params int[] order)
    {
        var plain = RandomNumberGenerator.GetBytes((3 * SealedLayout.ChunkSize) + 100);
        var file = Seal(plain);
        Assert.Equal(plain, Open(Key, [], InOrder(0, 1, 2, 3)));
        Assert.True(Open(Key, [], InOrder(order)) is null, how);

        byte[] InOrder(params int[] chunks) => [.. file[..SealedLayout.HeaderSize], .. chunks.SelectMany(Chunk)];

        byte[] Chunk(int i) => file[(int)SealedLayout.Offset(i)..Math.Min(file.Length, (int)SealedLayout.Offset(i + 1))];
    }

    [Fact]
    public void Refuses_a_file_that_was_cut_at_any_byte()
    {
        var file = Seal(RandomNumberGenerator.GetBytes(SealedLayout.ChunkSize + 40));
        for (var length = 0; length < file.Length; length++) Assert.True(Open(Key, [], file[..length]) is null, $"cut to {length} bytes");
    }

    [Fact]
    public void Refuses_any_flipped_bit()
    {
        var file = Seal("a small file"u8.ToArray());
        for (var bit = 0; bit < file.Length * 8; bit++)
        {
            file[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.True(Open(Key, [], file) is null, $"bit {bit}");
            file[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Hands_out_nothing_of_a_chunk_that_is_not_authentic()
    {
        var file = Seal(Enumerable.Repeat((byte)7, 2 * SealedLayout.ChunkSize).ToArray());
        file[(int)SealedLayout.Offset(1) + 5] ^= 1;
        using var decryptor = new ChunkDecryptor(Key, [], file.AsSpan(0, SealedLayout.HeaderSize));
        var plain = Enumerable.Repeat((byte)9, 2 * SealedLayout.ChunkSize).ToArray();
        Assert.Throws<AuthenticationTagMismatchException>(() => decryptor.Decrypt(0, file.AsSpan(SealedLayout.HeaderSize), plain));
        Assert.All(plain[..SealedLayout.ChunkSize], each => Assert.Equal(7, each));
        Assert.All(plain[SealedLayout.ChunkSize..], each => Assert.Equal(0, each));
    }

    [Fact]
    public void A_file_opens_only_as_itself()
    {
        var model = SealedModel.Create();
        var (publisher, other) = (model.Manifest.Publisher, SealedModel.Create().Manifest.Publisher);
        var identity = new FileIdentity(publisher, "model", 1, "a");
        using var fileKey = ContentKeys.Derive(model.Key, identity);
        using var encryptor = ChunkEncryptor.Create(fileKey.Span, identity);
        foreach (var claimed in new[]
        {
            new FileIdentity(publisher, "model", 1, "b"), new FileIdentity(publisher, "model", 2, "a"), new FileIdentity(publisher, "modem", 1, "a"), new FileIdentity(other, "model", 1, "a"),
        })
        {
            using var otherKey = ContentKeys.Derive(model.Key, claimed);
            Assert.False(otherKey.Span.SequenceEqual(fileKey.Span));
            Assert.Throws<AuthenticationTagMismatchException>(() => new ChunkDecryptor(otherKey.Span, claimed, encryptor.Header));
            Assert.Throws<AuthenticationTagMismatchException>(() => new ChunkDecryptor(fileKey.Span, claimed, encryptor.Header)); // the key alone is not enough
        }
    }

    [Fact]
    public void Decrypting_allocates_nothing_for_a_chunk()
    {
        var file = Seal(new byte[64 * SealedLayout.ChunkSize]);
        using var decryptor = new ChunkDecryptor(Key, [], file.AsSpan(0, SealedLayout.HeaderSize));
        var plain = new byte[64 * SealedLayout.ChunkSize];
        var chunks = file.AsSpan(SealedLayout.HeaderSize);
        decryptor.Decrypt(0, chunks, plain);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 4; i++) decryptor.Decrypt(0, chunks, plain);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Theory]
    [InlineData(0, 72), InlineData(1, 73), InlineData(16383, 56 + 16383 + 16), InlineData(16384, 56 + 16384 + 32), InlineData(20480, 56 + 20480 + 32)]
    public void A_length_has_one_sealed_length(long plain, long sealedLength)
    {
        Assert.Equal(sealedLength, SealedLayout.SealedLength(plain));
        Assert.Equal(plain, SealedLayout.Length(sealedLength));
    }

    [Fact]
    public void Lengths_that_overflow_are_refused()
    {
        foreach (var sealedLength in new[] { long.MinValue, -1, 0, 55, 71, 56 + 16400, 56 + 16400 + 15, long.MaxValue }) Assert.Throws<MalformedException>(() => SealedLayout.Length(sealedLength));
        Assert.Throws<ArgumentOutOfRangeException>(() => SealedLayout.SealedLength(1L << 52));
        Assert.Throws<ArgumentOutOfRangeException>(() => SealedLayout.SealedLength(-1));
        Assert.Equal((1L << 52) - 1, SealedLayout.Length(SealedLayout.SealedLength((1L << 52) - 1)));
    }

    [Fact]
    public void What_is_not_whole_chunks_is_the_callers_mistake()
    {
        var file = Seal(new byte[SealedLayout.ChunkSize + 1]);
        foreach (var length in new[] { 0, SealedLayout.HeaderSize - 1, SealedLayout.HeaderSize + 1 })
            Assert.Throws<ArgumentException>(() => new ChunkDecryptor(Key, [], file.AsSpan(0, length)));
        using var decryptor = new ChunkDecryptor(Key, [], file.AsSpan(0, SealedLayout.HeaderSize));
        foreach (var plain in new[] { 0, SealedLayout.ChunkSize, SealedLayout.ChunkSize + 2 })
            Assert.Throws<ArgumentException>(() => decryptor.Decrypt(0, file.AsSpan(SealedLayout.HeaderSize), new byte[plain]));
        foreach (var sealedSize in new[] { 1, 15, SealedLayout.SealedChunkSize + 1, SealedLayout.SealedChunkSize + 15 })
            Assert.Throws<ArgumentException>(() => ChunkDecryptor.PlainSize(sealedSize));
        using var encryptor = ChunkEncryptor.Create(Key, [], file.AsSpan(0, SealedLayout.SaltSize));
        Assert.Throws<ArgumentException>(() => encryptor.Encrypt(0, new byte[SealedLayout.ChunkSize + 1], new byte[2 * SealedLayout.SealedChunkSize], final: false));
    }

    [Theory]
    [InlineData(1L << 38), InlineData(long.MaxValue), InlineData(-1)]
    public void Chunk_numbers_that_no_message_has_are_refused(long chunk)
    {
        var file = Seal([1, 2, 3]);
        using var decryptor = new ChunkDecryptor(Key, [], file.AsSpan(0, SealedLayout.HeaderSize));
        Assert.Throws<ArgumentOutOfRangeException>(() => decryptor.Decrypt(chunk, file.AsSpan(SealedLayout.HeaderSize), new byte[3]));
        using var encryptor = ChunkEncryptor.Create(Key, [], file.AsSpan(0, SealedLayout.SaltSize));
        Assert.Throws<ArgumentOutOfRangeException>(() => encryptor.Encrypt(chunk, new byte[SealedLayout.ChunkSize], new byte[SealedLayout.SealedChunkSize], final: false));
        Assert.Throws<ArgumentOutOfRangeException>(() => encryptor.Encrypt(chunk, [], new byte[SealedLayout.TagSize], final: true));
    }

    private static byte[] Seal(byte[] plain)
    {
        using var encryptor = ChunkEncryptor.Create(Key, [], RandomNumberGenerator.GetBytes(24));
        var chunks = new byte[ChunkEncryptor.SealedSize(plain.Length, final: true)];
        encryptor.Encrypt(0, plain, chunks, final: true);
        return [.. encryptor.Header, .. chunks];
    }

    /// <summary>A file from first to last byte; null when any of it is refused.</summary>
    private static byte[]? Open(byte[] key, byte[] context, byte[] file)
    {
        try
        {
            var plain = new byte[SealedLayout.Length(file.Length)];
            using var decryptor = new ChunkDecryptor(key, context, file.AsSpan(0, SealedLayout.HeaderSize));
            decryptor.Decrypt(0, file.AsSpan(SealedLayout.HeaderSize), plain);
            return plain;
        }
        catch (Exception e) when (e is MalformedException or AuthenticationTagMismatchException or ArgumentException) // a key of another length is the caller's mistake
        {
            return null;
        }
    }

    private static byte[] Inflate(byte[] compressed)
    {
        using var output = new MemoryStream();
        using (var stream = new ZLibStream(new MemoryStream(compressed), CompressionMode.Decompress)) stream.CopyTo(output);
        return output.ToArray();
    }
}
