using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>A JSON object inside a record whose members another room knows, a policy: kept as its canonical bytes, compared and hashed by them.</summary>
[JsonConverter(typeof(Json))]
public sealed class CanonicalDocument : IEquatable<CanonicalDocument>
{
    private readonly byte[] utf8;

    private CanonicalDocument(byte[] utf8) => this.utf8 = utf8;

    public ReadOnlySpan<byte> Utf8 => utf8;

    /// <summary>SHA-256 of the canonical bytes.</summary>
    public Digest Digest => Bytes.Digest.Of(utf8);

    /// <exception cref="MalformedException">Not a canonical JSON object.</exception>
    public static CanonicalDocument Parse(ReadOnlySpan<byte> utf8)
    {
        try
        {
            var document = From(JsonNode.Parse(utf8));
            return utf8.SequenceEqual(document.utf8) ? document : throw new MalformedException(utf8.CommonPrefixLength(document.utf8), "not canonical JSON (RFC 8785)");
        }
        catch (JsonException e)
        {
            throw new MalformedException(e.BytePositionInLine ?? -1, "not JSON");
        }
    }

    public bool Equals(CanonicalDocument? other) => other is not null && Utf8.SequenceEqual(other.Utf8);

    public override bool Equals(object? obj) => Equals(obj as CanonicalDocument);

    public override int GetHashCode() => Digest.GetHashCode();

    public override string ToString() => System.Text.Encoding.UTF8.GetString(utf8);

    private static CanonicalDocument From(JsonNode? node)
    {
        if (node is not JsonObject) throw new MalformedException(-1, "a document is a JSON object");
        try
        {
            return new(CanonicalJson.Write(node));
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException) // a value without canonical form, a member named twice; text that is no Unicode
        {
            throw new MalformedException(-1, "the document holds a value that has no canonical form, a member twice, or text that is no Unicode");
        }
    }

    internal sealed class Json : JsonConverter<CanonicalDocument>
    {
        public override CanonicalDocument Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => From(JsonNode.Parse(ref reader));

        public override void Write(Utf8JsonWriter writer, CanonicalDocument value, JsonSerializerOptions options) => writer.WriteRawValue(value.utf8);
    }
}
