using Strongroom.Attestation.Cose;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Cose;

public sealed class CborTests
{
    /// <summary>Examples of RFC 8949 appendix A, hexadecimal.</summary>
    [Theory]
    [InlineData("00", 0)]
    [InlineData("17", 23)]
    [InlineData("1818", 24)]
    [InlineData("1903e8", 1000)]
    [InlineData("1a000f4240", 1000000)]
    [InlineData("1b000000e8d4a51000", 1000000000000)]
    [InlineData("20", -1)]
    [InlineData("3863", -100)]
    [InlineData("3903e7", -1000)]
    [InlineData("3b7fffffffffffffff", long.MinValue)]
    public void Numbers_are_read_and_written(string hex, long value)
    {
        Assert.Equal(value, Parse(hex).I64("number"));
        Assert.Equal(hex, Convert.ToHexStringLower(new CborWriter().Number(value).ToArray()));
    }

    [Fact]
    public void The_largest_number_is_read_as_unsigned_and_refused_as_signed()
    {
        Assert.Equal(ulong.MaxValue, Parse("1bffffffffffffffff").U64("number"));
        Assert.Throws<MalformedException>(() => Parse("1bffffffffffffffff").I64("number"));
        Assert.Throws<MalformedException>(() => Parse("3bffffffffffffffff").I64("number"));
        Assert.Throws<MalformedException>(() => Parse("20").U64("number"));
    }

    [Theory]
    [InlineData("1800")] // one byte for less than 24
    [InlineData("1817")]
    [InlineData("1900ff")]
    [InlineData("1a0000ffff")]
    [InlineData("1b00000000ffffffff")]
    [InlineData("580101")] // a length
    [InlineData("9800")]
    [InlineData("b800")]
    [InlineData("d81200")] // a tag
    public void Rejects_a_head_that_is_longer_than_its_value_needs(string hex) => Refused(hex);

    [Theory]
    [InlineData("")]
    [InlineData("18")]
    [InlineData("1901")]
    [InlineData("4100ff")] // something follows
    [InlineData("0000")]
    [InlineData("42ff")]
    [InlineData("5affffffff00")]
    [InlineData("5bffffffffffffffff00")]
    [InlineData("9bffffffffffffffff00")]
    [InlineData("bb7fffffffffffffff00")]
    [InlineData("8201")]
    [InlineData("a101")]
    [InlineData("c1")]
    [InlineData("9f01")] // no break
    [InlineData("bf0102")]
    [InlineData("bf01ff")] // a key without a value
    [InlineData("ff")] // a break alone
    [InlineData("82ff00")]
    [InlineData("5f4100ff")] // strings in parts
    [InlineData("7f6161ff")]
    [InlineData("1c")] // reserved
    [InlineData("1f")]
    [InlineData("df00")]
    [InlineData("f7")] // undefined
    [InlineData("f97e00")] // floats
    [InlineData("fb3ff199999999999a")]
    [InlineData("e0")] // simple values
    [InlineData("f820")]
    [InlineData("62c328")] // not UTF-8
    [InlineData("a1800100")] // an array as a key
    [InlineData("a1f601")]
    public void Rejects_what_is_no_item_in_any_form(string hex) => Refused(hex);

    [Theory]
    [InlineData("9f0102ff")]
    [InlineData("bf0102ff")]
    public void Deterministic_items_have_definite_lengths(string hex) => Assert.Throws<MalformedException>(() => CborItem.Parse(Convert.FromHexString(hex), CborForm.Deterministic));

    [Fact]
    public void Deterministic_keys_ascend_and_others_need_not()
    {
        foreach (var hex in (string[])["a202010101", "a2616200616100", "a26161001818 00".Replace(" ", "", StringComparison.Ordinal)])
        {
            Assert.Throws<MalformedException>(() => CborItem.Parse(Convert.FromHexString(hex), CborForm.Deterministic));
            CborItem.Parse(Convert.FromHexString(hex), CborForm.AnyOrder);
        }
    }

    [Theory]
    [InlineData("a201000100")]
    [InlineData("a3010002000101")]
    [InlineData("bf616100616100ff")]
    [InlineData("81a2200020f6")]
    public void Rejects_a_key_twice(string hex) => Refused(hex);

    [Fact]
    public void Rejects_nesting_beyond_the_limit()
    {
        byte[] deepest = [.. Enumerable.Repeat((byte)0x81, CborItem.MaxDepth), 0x00];
        CborItem.Parse(deepest, CborForm.Deterministic);
        foreach (var one in (byte[])[0x81, 0x9F, 0xC1, 0xA1]) Assert.Throws<MalformedException>(() => CborItem.Parse(Enumerable.Repeat(one, 100_000).ToArray(), CborForm.AnyOrder));
        Assert.Throws<MalformedException>(() => CborItem.Parse((byte[])[0x81, .. deepest], CborForm.Deterministic));
    }

    [Fact]
    public void Rejects_more_items_than_anybody_needs() =>
        Assert.Throws<MalformedException>(() => CborItem.Parse((byte[])[0x9A, 0x00, 0x01, 0x00, 0x00, .. new byte[0x10000]], CborForm.AnyOrder));

    [Fact]
    public void Every_item_keeps_its_own_bytes()
    {
        var item = Parse("a201820304026161");
        Assert.Equal("820304", Convert.ToHexStringLower(item.Find(1)!.Encoded.Span));
        Assert.Equal("a", item.Find(2)!.Text("text"));
        Assert.Null(item.Find(3));
        Assert.Null(item.Find("a"));
    }

    [Fact]
    public void A_member_of_another_kind_is_malformed()
    {
        var item = Parse("00");
        foreach (var read in (Action[])[() => item.Bytes("it"), () => item.Text("it"), () => item.Array("it"), () => item.Map("it"), () => item.TagNumber("it")]) Assert.Throws<MalformedException>(read);
        Assert.Null(item.Tagged(18));
        Assert.NotNull(Parse("d200").Tagged(18));
    }

    private static CborItem Parse(string hex) => CborItem.Parse(Convert.FromHexString(hex), CborForm.Deterministic);

    private static void Refused(string hex)
    {
        foreach (var form in Enum.GetValues<CborForm>()) Assert.Throws<MalformedException>(() => CborItem.Parse(Convert.FromHexString(hex), form));
    }
}
