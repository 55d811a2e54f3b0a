using Strongroom.Attestation.Appraisal;

namespace Strongroom.Tests.Attestation.Appraisal;

public sealed class RememberedTests
{
    [Fact]
    public void Somebody_who_sends_new_things_all_the_time_fills_nothing_and_keeps_nobody_out()
    {
        var remembered = new Remembered<int, string>(100);
        for (var i = 0; i < 1000; i++)
        {
            Assert.Equal($"{i}", remembered.Add(i, $"{i}"));
            Assert.InRange(remembered.Count, 1, 100);
            Assert.True(remembered.TryGet(i, out var found));
            Assert.Equal($"{i}", found);
        }
    }

    [Fact]
    public void Of_two_findings_about_one_thing_the_first_counts()
    {
        var remembered = new Remembered<int, string>(2);
        Assert.Equal("first", remembered.Add(1, "first"));
        Assert.Equal("first", remembered.Add(1, "second"));
    }
}
