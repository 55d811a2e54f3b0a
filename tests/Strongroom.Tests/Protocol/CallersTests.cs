using System.Net;
using Strongroom.Protocol;

namespace Strongroom.Tests.Protocol;

/// <summary>Who has a place on a listener, and who makes room.</summary>
public sealed class CallersTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly HandWoundClock clock = new();
    private readonly List<string> turnedAway = [];
    private readonly Callers callers;

    public CallersTests() => callers = new(places: 3, Patience, clock);

    [Fact]
    public void The_oldest_stranger_of_the_address_with_most_of_them_makes_room()
    {
        Enter("10.0.0.1", "alone");
        Enter("10.0.0.2", "first of two");
        Enter("10.0.0.2", "second of two");
        Enter("10.0.0.3", "next");
        Assert.Equal(["first of two"], turnedAway);
        Enter("10.0.0.4", "after that");
        Assert.Equal(["first of two", "alone"], turnedAway);
    }

    [Theory]
    [InlineData("2001:db8::1", "2001:db8::2")]
    [InlineData("2001:db8:0:0:1::1", "2001:db8::1")]
    [InlineData("::ffff:10.0.0.1", "10.0.0.1")]
    public void Addresses_of_one_customer_count_as_one(string one, string same)
    {
        Enter("2001:db8:0:1::1", "somebody else");
        Enter(one, "crowd");
        Enter(same, "crowd too");
        Enter("10.0.0.2", "next");
        Assert.Equal(["crowd"], turnedAway);
    }

    [Fact]
    public void No_stranger_takes_the_place_of_who_proved_who_it_is()
    {
        Enter("10.0.0.1", "client").Proved();
        for (var i = 0; i < 10; i++) Enter("10.0.0.1", $"{i}");
        clock.Wind(Patience);
        Assert.Equal(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], turnedAway);
    }

    [Fact]
    public void A_stranger_stays_for_a_short_time()
    {
        Enter("10.0.0.1", "slow");
        clock.Wind(Patience - TimeSpan.FromTicks(1));
        Assert.Empty(turnedAway);
        clock.Wind(TimeSpan.FromTicks(1));
        Assert.Equal(["slow"], turnedAway);
    }

    [Fact]
    public void Who_asked_stays_and_makes_room_all_the_same()
    {
        Enter("10.0.0.1", "reader").Asked();
        clock.Wind(Patience);
        Assert.Empty(turnedAway);
        for (var i = 0; i < 3; i++) Enter("10.0.0.1", $"{i}");
        Assert.Equal(["reader"], turnedAway);
    }

    [Fact]
    public void Who_leaves_gives_back_a_place()
    {
        for (var i = 0; i < 10; i++) Enter("10.0.0.1", "stranger").Dispose();
        for (var i = 0; i < 10; i++)
        {
            using var client = Enter("10.0.0.1", "client");
            client.Proved();
        }
        clock.Wind(Patience);
        Assert.Empty(turnedAway);
    }

    [Fact]
    public void Who_proved_who_it_is_counts_once_and_such_callers_are_bounded_too()
    {
        var client = Enter("10.0.0.1", "client");
        for (var i = 0; i < 10; i++) client.Proved();
        Enter("10.0.0.1", "client").Proved();
        Enter("10.0.0.1", "client").Proved();
        var late = Enter("10.0.0.1", "late");
        Assert.False(late.Proved());
        client.Dispose();
        Assert.True(late.Proved());
    }

    [Fact]
    public void Who_was_turned_away_gets_no_place_by_a_proof_that_came_too_late()
    {
        using (var late = Enter("10.0.0.1", "late"))
        {
            clock.Wind(Patience);
            late.Proved();
        }
        for (var i = 0; i < 3; i++) Enter("10.0.0.1", "client").Proved();
        Assert.Equal(["late"], turnedAway);
    }

    private Callers.Caller Enter(string from, string name) => callers.Enter(IPAddress.Parse(from), () => turnedAway.Add(name));
}
