using FsCheck;
using FsCheck.Fluent;
using Strongroom.Bytes;

namespace Strongroom.Tests.Bytes;

public sealed class ByteReaderTests
{
    [Fact]
    public void Reads_what_the_writer_wrote() =>
        Prop.ForAll<byte, uint, byte[]>((small, large, bytes) =>
        {
            var written = new ByteWriter().U8(small).U32(large).Sized16(bytes).U64(large).U32Little(large).ToArray();
            var reader = new ByteReader(written);
            var same = reader.U8("a") == small && reader.U32("b") == large && reader.Sized16("c").SequenceEqual(bytes) && reader.U64("d") == large
                && reader.U32Little("e") == large;
            reader.End("the sample");
            return same;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Names_the_offset_at_which_the_bytes_ran_out()
    {
        var refused = Assert.Throws<MalformedException>(() => { var reader = new ByteReader([1, 2, 3]); reader.U16("first"); reader.U16("second"); });
        Assert.Equal(2, refused.Offset);
        Assert.Contains("second", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_what_follows_the_end() =>
        Assert.Throws<MalformedException>(() => { var reader = new ByteReader([1, 2]); reader.U8("only"); reader.End("the sample"); });

    [Fact]
    public void Refuses_a_count_beyond_the_end_or_the_limit()
    {
        Assert.Throws<MalformedException>(() => new ByteReader([0, 3, 1, 2]).Sized16("field"));
        Assert.Throws<MalformedException>(() => new ByteReader([0, 2, 1, 2]).Sized16("field", max: 1));
    }
}
