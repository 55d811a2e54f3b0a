using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Strongroom.Bytes;

namespace Strongroom.Tests.Bytes;

public sealed partial class CanonicalJsonTests
{
    internal sealed record Sample(string Name, long Count, bool Sealed, IReadOnlyList<Digest> Digests, string? Note = null);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, AllowDuplicateProperties = false,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonSerializable(typeof(Sample))]
    internal sealed partial class SampleJson : JsonSerializerContext;

    private static readonly Sample Value = new("Größe \u20ac\n\u0001\"\\/", 7, true, [Digest.Of([1]), Digest.Of([2])]);

    private static string Text(JsonNode? node) => Encoding.UTF8.GetString(CanonicalJson.Write(node));

    private static Sample Parse(string text) => CanonicalJson.Parse(Encoding.UTF8.GetBytes(text), SampleJson.Default.Sample);

    [Fact]
    public void Sorts_members_by_UTF16_code_units_as_RFC_8785_section_3_2_3_does()
    {
        var node = JsonNode.Parse("""{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}""");
        Assert.Equal("{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"\u00f6\":\"Latin Small Letter O With Diaeresis\",\"\u20ac\":\"Euro Sign\",\"\ud83d\ude00\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}", Text(node));
    }

    [Fact]
    public void Escapes_strings_as_RFC_8785_section_3_2_2_2_does() =>
        Assert.Equal("\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"", Text(JsonValue.Create("\u20ac$\u000f\nA'B\"\\\\\"/")));

    /// <summary>Text that was read is written as it was read where nothing in it is escaped: that must not let in what no string can be.</summary>
    [Fact]
    public void Text_that_was_read_is_written_as_text_that_was_made_is()
    {
        foreach (var spelling in (string[])["\"a+b/c=\"", "\"Gr\\u00f6\u00dfe\"", "\"\\u002b\"", "\"\\/\"", "\"\u20ac\\n\"", "\"\"", "\"\u007f\u2028\""])
            Assert.Equal(Text(JsonValue.Create(JsonNode.Parse(spelling)!.GetValue<string>())), Text(JsonNode.Parse(spelling)));
        Assert.ThrowsAny<Exception>(() => CanonicalJson.Write(JsonNode.Parse([(byte)'"', 0xff, (byte)'"'])));
        Assert.ThrowsAny<ArgumentException>(() => CanonicalJson.Write(JsonValue.Create("\ud800")));
    }

    [Fact]
    public void Reads_back_what_it_wrote_and_writes_the_same_bytes()
    {
        var bytes = CanonicalJson.Serialize(Value, SampleJson.Default.Sample);
        Assert.Equal(bytes, CanonicalJson.Serialize(CanonicalJson.Parse(bytes, SampleJson.Default.Sample), SampleJson.Default.Sample));
    }

    [Theory]
    [InlineData("""{"count":7,"digests":[],"name":"a","sealed":true} """, "a trailing blank")]
    [InlineData("""{"name":"a","count":7,"digests":[],"sealed":true}""", "another order")]
    [InlineData("""{"count":7.0,"digests":[],"name":"a","sealed":true}""", "another spelling of a number")]
    [InlineData("""{"count":7,"digests":[],"name":"\u0061","sealed":true}""", "another spelling of a string")]
    [InlineData("""{"count":7,"count":7,"digests":[],"name":"a","sealed":true}""", "a member twice")]
    [InlineData("""{"count":7,"digests":[],"extra":1,"name":"a","sealed":true}""", "an unknown member")]
    [InlineData("""{"count":7,"digests":[],"sealed":true}""", "a missing member")]
    [InlineData("""{"count":7,"digests":[],"name":null,"sealed":true}""", "null")]
    [InlineData("""{"count":7,"digests":[],"name":"a","note":null,"sealed":true}""", "an optional member that is null")]
    [InlineData("""{"count":7,"digests":["00"],"name":"a","sealed":true}""", "a short digest")]
    [InlineData("""{"count":9007199254740993,"digests":[],"name":"a","sealed":true}""", "an integer above 2^53")]
    [InlineData("""null""", "nothing")]
    [InlineData("", "no bytes")]
    public void Refuses(string text, string because)
    {
        var refused = Record.Exception(() => Parse(text));
        Assert.True(refused is MalformedException or ArgumentException, $"accepted {because}: {refused}");
    }

    [Fact]
    public void Refuses_every_truncation_and_every_flipped_bit_or_reads_another_value()
    {
        var bytes = CanonicalJson.Serialize(Value, SampleJson.Default.Sample);
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<MalformedException>(() => CanonicalJson.Parse(bytes.AsSpan(0, length), SampleJson.Default.Sample));
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            var flipped = bytes.ToArray();
            flipped[bit / 8] ^= (byte)(1 << bit % 8);
            try
            {
                Assert.Equal(flipped, CanonicalJson.Serialize(CanonicalJson.Parse(flipped, SampleJson.Default.Sample), SampleJson.Default.Sample));
            }
            catch (MalformedException)
            {
                continue;
            }
        }
    }

    [Fact]
    public void Refuses_more_bytes_than_the_caller_allows() =>
        Assert.Throws<MalformedException>(() => CanonicalJson.Parse(CanonicalJson.Serialize(Value, SampleJson.Default.Sample), SampleJson.Default.Sample, maxBytes: 10));
}
