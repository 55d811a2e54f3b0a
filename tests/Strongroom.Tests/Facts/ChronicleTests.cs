using Strongroom.Facts;

namespace Strongroom.Tests.Facts;

public sealed class ChronicleTests
{
    private static readonly Chronicle Ten = Enumerable.Range(0, 10).Aggregate(Chronicle.Empty, (list, i) => list.With(i * 3, $"id-{i}"));

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(10)]
    [InlineData(11)]
    public void Pages_one_after_the_other_are_the_whole_list(int size)
    {
        List<string> all = [];
        for (var after = -1L; Ten.After(after, size).ToList() is { Count: > 0 } page; after = long.Parse(page[^1].AsSpan(3)) * 3) all.AddRange(page);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"id-{i}"), all);
    }

    [Fact]
    public void A_page_begins_after_a_record_that_is_not_in_the_list()
    {
        Assert.Equal(["id-2", "id-3"], Ten.After(4, 2));
        Assert.Equal(["id-2", "id-3"], Ten.Without(3, "id-1").After(3, 2));
        Assert.Empty(Ten.After(long.MaxValue, 5));
    }

    [Fact]
    public void What_one_record_brought_up_comes_together()
    {
        var list = Chronicle.Empty.With(0, "b").With(0, "a").With(0, "c").With(4, "d");
        Assert.Equal(["a", "b", "c"], list.After(-1, 1));
        Assert.Equal(["d"], list.After(0, 1));
    }
}
