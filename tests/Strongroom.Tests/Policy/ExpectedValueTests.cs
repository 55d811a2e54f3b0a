using Strongroom.Bytes;
using Strongroom.Policy;

namespace Strongroom.Tests.Policy;

public sealed class ExpectedValueTests
{
    [Theory]
    [InlineData("00ab", "00ab")]
    [InlineData("*", "whatever it is")]
    [InlineData("*", "")]
    [InlineData("550.90.07|570.86.15", "570.86.15")]
    [InlineData(">=8", "8")]
    [InlineData(">=8", "10")]
    [InlineData(">=0", "0")]
    [InlineData(">=9", "18446744073709551616")]
    [InlineData(">=2024-03-13", "2024-03-13")]
    [InlineData(">=2024-03-13", "2025-01-01")]
    public void Matches(string expected, string claim) => Assert.True(ExpectedValue.Parse(expected).Matches(claim));

    [Theory]
    [InlineData("00ab", "00aB")]
    [InlineData("00ab", "00ab ")]
    [InlineData("a|b", "a|b")]
    [InlineData("a|b", "c")]
    [InlineData(">=8", "7")]
    [InlineData(">=10", "9")]
    [InlineData(">=8", "08")]
    [InlineData(">=8", "+9")]
    [InlineData(">=8", "-9")]
    [InlineData(">=8", "9.0")]
    [InlineData(">=8", "9,10")]
    [InlineData(">=8", "")]
    [InlineData(">=8", "\u0669")] // a digit, but not one of ours
    [InlineData(">=8", ">=8")]
    [InlineData(">=8", "2024-03-13")]
    [InlineData(">=2024-03-13", "2024-03-12")]
    [InlineData(">=2024-03-13", "2024-13-01")]
    [InlineData(">=2024-03-13", "20240401")]
    [InlineData(">=2024-03-13", "9999")]
    public void Does_not_match(string expected, string claim) => Assert.False(ExpectedValue.Parse(expected).Matches(claim));

    [Theory]
    [InlineData("")]
    [InlineData("a*")]
    [InlineData("**")]
    [InlineData("a|*")]
    [InlineData("a|>=8")]
    [InlineData("a|a")]
    [InlineData("a|")]
    [InlineData("|a")]
    [InlineData(">=")]
    [InlineData(">=08")]
    [InlineData(">=-1")]
    [InlineData(">= 8")]
    [InlineData(">=8|9")]
    [InlineData(">=2024-02-30")]
    [InlineData(">=a0")]
    [InlineData("> 8")]
    [InlineData("<=8")]
    [InlineData("=8")]
    [InlineData(" a")]
    [InlineData("a ")]
    [InlineData("a\nb")]
    [InlineData("\u0430")] // looks like an a
    public void Refuses_what_could_be_read_in_two_ways(string text) => Assert.Throws<MalformedException>(() => ExpectedValue.Parse(text));

    [Fact]
    public void Refuses_a_value_that_is_longer_than_any_list_of_hashes() => Assert.Throws<MalformedException>(() => ExpectedValue.Parse(new string('a', 8193)));

    [Theory]
    [InlineData("8", "*", true)]
    [InlineData(">=8", "*", true)]
    [InlineData("*", "*", false)]
    [InlineData("*", "8", false)]
    [InlineData("8", ">=8", true)]
    [InlineData("8", ">=9", true)]
    [InlineData(">=8", ">=7", true)]
    [InlineData(">=8", ">=9", false)]
    [InlineData(">=8", ">=2026-01-31", true)]
    [InlineData(">=8", "7|9", true)]
    [InlineData(">=8", "9", false)]
    [InlineData("8", "8|9", true)]
    [InlineData("8|9", "9", false)]
    [InlineData("8", "9", false)] // something else, which whoever reads it sees
    public void Says_whether_it_is_looser(string before, string now, bool looser) => Assert.Equal(looser, ExpectedValue.Parse(now).IsLooserThan(ExpectedValue.Parse(before)));

    [Theory]
    [InlineData("*")]
    [InlineData(">=8")]
    [InlineData("a|b c")]
    public void Says_itself_again(string text) => Assert.Equal(text, ExpectedValue.Parse(text).ToString());
}
