using Strongroom.Bytes;

namespace Strongroom.Tests.Bytes;

public sealed class TimestampTests
{
    [Fact]
    public void Writes_and_reads_one_spelling()
    {
        var time = new DateTimeOffset(2026, 1, 31, 23, 59, 59, TimeSpan.Zero);
        Assert.Equal("2026-01-31T23:59:59Z", Timestamp.Format(time));
        Assert.Equal(time, Timestamp.Parse("2026-01-31T23:59:59Z"));
    }

    [Theory]
    [InlineData("2026-01-31T23:59:59+00:00")]
    [InlineData("2026-01-31T23:59:59.0Z")]
    [InlineData("2026-01-31 23:59:59Z")]
    [InlineData("2026-02-30T00:00:00Z")]
    [InlineData("2026-01-31T23:59:60Z")]
    [InlineData(" 2026-01-31T23:59:59Z")]
    [InlineData("")]
    public void Refuses_every_other(string text) => Assert.Throws<MalformedException>(() => Timestamp.Parse(text));
}
