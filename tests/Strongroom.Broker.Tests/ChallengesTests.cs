using System.Net;
using Strongroom.Broker.Release;

namespace Strongroom.Broker.Tests;

public sealed class ChallengesTests
{
    private static readonly IPAddress Caller = IPAddress.Parse("192.0.2.1");

    private static readonly TimeSpan TimeToLive = TimeSpan.FromSeconds(60);

    private readonly HandWoundClock clock = new();

    [Fact]
    public void A_challenge_works_once()
    {
        var challenges = new Challenges<string>(clock, TimeToLive);
        var (id, _) = challenges.Give("bound", Caller)!.Value;
        Assert.Equal("bound", challenges.Take(id));
        Assert.Null(challenges.Take(id));
    }

    [Fact]
    public void A_challenge_is_gone_when_its_time_is_over()
    {
        var challenges = new Challenges<string>(clock, TimeToLive);
        var (early, _) = challenges.Give("bound", Caller)!.Value;
        var (late, expires) = challenges.Give("bound", Caller)!.Value;
        clock.Wind(expires - clock.GetUtcNow() - TimeSpan.FromTicks(1));
        Assert.Equal("bound", challenges.Take(early));
        clock.Wind(TimeSpan.FromTicks(1));
        Assert.Null(challenges.Take(late));
    }

    [Fact]
    public void A_guessed_id_gets_nothing()
    {
        var challenges = new Challenges<string>(clock, TimeToLive);
        challenges.Give("bound", Caller);
        Assert.Null(challenges.Take(new string('0', 32)));
    }

    [Fact]
    public void One_caller_cannot_take_every_place()
    {
        var challenges = new Challenges<string>(clock, TimeToLive);
        for (var i = 0; i < Challenges<string>.CapacityPerCaller; i++) Assert.NotNull(challenges.Give("bound", Caller));
        Assert.Null(challenges.Give("bound", Caller));
        Assert.NotNull(challenges.Give("bound", IPAddress.Parse("192.0.2.2")));
    }

    [Fact]
    public void Many_callers_cannot_take_more_memory_than_there_is_for_all()
    {
        var challenges = new Challenges<string>(clock, TimeToLive);
        for (var i = 0; i < Challenges<string>.Capacity; i++) Assert.NotNull(challenges.Give("bound", new IPAddress(i + 1)));
        Assert.Null(challenges.Give("bound", new IPAddress(uint.MaxValue)));
    }

    [Fact]
    public void Places_are_free_again_when_challenges_are_taken_or_too_old()
    {
        var challenges = new Challenges<string>(clock, TimeToLive);
        var ids = Enumerable.Range(0, Challenges<string>.CapacityPerCaller).Select(_ => challenges.Give("bound", Caller)!.Value.Id).ToList();
        challenges.Take(ids[0]);
        Assert.NotNull(challenges.Give("bound", Caller));
        clock.Wind(TimeToLive);
        for (var i = 0; i < Challenges<string>.CapacityPerCaller; i++) Assert.NotNull(challenges.Give("bound", Caller));
    }
}
