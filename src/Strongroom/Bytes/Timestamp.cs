using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Strongroom.Bytes;

/// <summary>Writes a time as RFC 3339 in UTC with whole seconds, <c>2026-01-31T23:59:59Z</c>, and reads nothing else: one instant, one spelling.</summary>
public sealed class Timestamp : JsonConverter<DateTimeOffset>
{
    private const string Form = "yyyy-MM-dd'T'HH:mm:ss'Z'";

    public static string Format(DateTimeOffset time) => time.UtcDateTime.ToString(Form, CultureInfo.InvariantCulture);

    /// <exception cref="MalformedException">Any other spelling, an offset other than Z, or a fraction of a second.</exception>
    public static DateTimeOffset Parse(string text) =>
        DateTimeOffset.TryParseExact(text, Form, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : throw new MalformedException(-1, "a time is written as 2026-01-31T23:59:59Z");

    /// <summary>The whole second at or before <paramref name="time"/>: what can be written and read back unchanged.</summary>
    public static DateTimeOffset WholeSecond(DateTimeOffset time) => DateTimeOffset.FromUnixTimeSeconds(time.ToUnixTimeSeconds());

    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Parse(reader.GetString() ?? throw new MalformedException(-1, "a time cannot be null"));

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) => writer.WriteStringValue(Format(value));
}
