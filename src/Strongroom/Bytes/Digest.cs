using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Strongroom.Bytes;

/// <summary>A SHA-256 value (FIPS 180-4), 32 bytes; in JSON and in words 64 lower-case hexadecimal digits.</summary>
[JsonConverter(typeof(Json))]
public readonly struct Digest : IEquatable<Digest>
{
    public const int SizeInBytes = 32;

    private readonly byte[]? bytes;

    private Digest(byte[] bytes) => this.bytes = bytes;

    public ReadOnlySpan<byte> Span => bytes ?? throw new InvalidOperationException("a digest was used before it was computed");

    /// <exception cref="MalformedException">Not exactly 32 bytes.</exception>
    public static Digest From(ReadOnlySpan<byte> bytes) =>
        bytes.Length == SizeInBytes ? new(bytes.ToArray()) : throw new MalformedException(bytes.Length, "a SHA-256 value has 32 bytes");

    public static Digest Of(ReadOnlySpan<byte> data) => new(SHA256.HashData(data));

    /// <exception cref="MalformedException">Not 64 lower-case hexadecimal digits.</exception>
    public static Digest Parse(ReadOnlySpan<char> hex)
    {
        if (hex.Length != 2 * SizeInBytes || hex.ContainsAnyExcept("0123456789abcdef"))
            throw new MalformedException(-1, "a SHA-256 value is written as 64 lower-case hexadecimal digits");
        return new(Convert.FromHexString(hex));
    }

    public bool Equals(Digest other) => Span.SequenceEqual(other.Span);

    public override bool Equals(object? obj) => obj is Digest other && Equals(other);

    public override int GetHashCode() => BitConverter.ToInt32(Span);

    public override string ToString() => Convert.ToHexStringLower(Span);

    public static bool operator ==(Digest left, Digest right) => left.Equals(right);

    public static bool operator !=(Digest left, Digest right) => !left.Equals(right);

    internal sealed class Json : JsonConverter<Digest>
    {
        public override Digest Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Parse(reader.GetString() ?? throw new MalformedException(-1, "a digest cannot be null"));

        public override void Write(Utf8JsonWriter writer, Digest value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());

        public override Digest ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Parse(reader.GetString());

        public override void WriteAsPropertyName(Utf8JsonWriter writer, Digest value, JsonSerializerOptions options) =>
            writer.WritePropertyName(value.ToString());
    }
}
