using System.Buffers.Text;
using System.Runtime.CompilerServices;
using Strongroom.Broker.Machines;
using Strongroom.Broker.Release;

namespace Strongroom.Broker.Tests;

public sealed class ChallengesTests : IDisposable
{
    private const string Machine = "machine-a";

    private static readonly TimeSpan TimeToLive = TimeSpan.FromSeconds(60);
    private static readonly Enrolment Bound = new("development", Machine, new byte[] { 1, 2, 3 });

    private readonly HandWoundClock clock = new();
    private readonly Challenges<Enrolment> challenges;

    public ChallengesTests() => challenges = New();

    public void Dispose() => challenges.Dispose();

    [Fact]
    public void A_challenge_carries_what_it_is_bound_to()
    {
        var opened = challenges.Open(challenges.Give(Bound).Id)!.Bound;
        Assert.Equal((Bound.Kind, Bound.Machine), (opened.Kind, opened.Machine));
        Assert.Equal(Bound.AttestationKey.ToArray(), opened.AttestationKey.ToArray());
    }

    [Fact]
    public void No_bit_of_a_challenge_can_change()
    {
        var bytes = Base64Url.DecodeFromChars(challenges.Give(Bound).Id);
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Null(challenges.Open(Base64Url.EncodeToString(bytes)));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
        for (var length = 0; length < bytes.Length; length++) Assert.Null(challenges.Open(Base64Url.EncodeToString(bytes.AsSpan(0, length))));
    }

    [Theory]
    [InlineData("")]
    [InlineData("=")]
    [InlineData("00000000000000000000000000000000")]
    [InlineData("no base64 at all!")]
    public void What_is_no_challenge_opens_nothing(string id) => Assert.Null(challenges.Open(id));

    [Fact]
    public void A_challenge_of_another_process_or_for_another_thing_opens_nothing()
    {
        using var other = New(); // a restart, and the challenges of another capability, are the same: another key
        Assert.Null(other.Open(challenges.Give(Bound).Id));
    }

    [Fact]
    public void A_challenge_is_over_when_its_time_is()
    {
        var (id, _, expires) = challenges.Give(Bound);
        clock.Wind(expires - clock.GetUtcNow() - TimeSpan.FromTicks(1));
        var given = challenges.Open(id);
        Assert.NotNull(given);
        clock.Wind(TimeSpan.FromTicks(1));
        Assert.Null(challenges.Open(id));
        Assert.Equal(Problem.ChallengeSpent, challenges.Spend(given, Machine)); // opened in time, answered too late
    }

    [Fact]
    public async Task A_challenge_is_spent_once_by_many_at_once()
    {
        var given = challenges.Open(challenges.Give(Bound).Id)!;
        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => challenges.Spend(given, Machine))));
        Assert.Single(answers, answer => answer is null);
        Assert.Equal(15, answers.Count(answer => answer == Problem.ChallengeSpent));
    }

    [Fact]
    public void Another_spelling_of_a_challenge_is_the_same_challenge()
    {
        var id = challenges.Give(Bound).Id;
        Assert.Null(challenges.Spend(challenges.Open(id)!, Machine));
        if (challenges.Open($" {id}\n") is { } again) Assert.Equal(Problem.ChallengeSpent, challenges.Spend(again, Machine));
    }

    [Fact]
    public void A_spent_challenge_is_remembered_until_it_would_be_over()
    {
        var given = challenges.Open(challenges.Give(Bound).Id)!;
        Assert.Null(challenges.Spend(given, Machine));
        clock.Wind(TimeToLive - TimeSpan.FromTicks(1));
        Assert.Null(challenges.Spend(challenges.Open(challenges.Give(Bound).Id)!, Machine)); // which throws out what is over
        Assert.Equal(Problem.ChallengeSpent, challenges.Spend(given, Machine));
    }

    [Fact]
    public void A_flood_of_challenges_takes_no_memory_and_no_place_from_an_honest_machine()
    {
        var honest = challenges.Give(Bound).Id;
        var flood = Flood();
        GC.Collect();
        Assert.DoesNotContain(flood, given => given.TryGetTarget(out _)); // nobody holds any of it
        Assert.Null(challenges.Spend(challenges.Open(honest)!, Machine));
    }

    [Fact]
    public void One_machine_that_answers_too_often_waits_alone()
    {
        for (var i = 0; i < Challenges<Enrolment>.MostSpent; i++) Assert.Null(challenges.Spend(challenges.Open(challenges.Give(Bound).Id)!, Machine));
        Assert.Equal(Problem.TooMany, challenges.Spend(challenges.Open(challenges.Give(Bound).Id)!, Machine));
        Assert.Null(challenges.Spend(challenges.Open(challenges.Give(Bound).Id)!, "machine-b"));
        clock.Wind(TimeToLive);
        Assert.Null(challenges.Spend(challenges.Open(challenges.Give(Bound).Id)!, Machine));
    }

    [Fact]
    public void The_secret_of_a_challenge_is_its_own_and_the_same_each_time()
    {
        var (id, other) = (challenges.Give(Bound).Id, challenges.Give(Bound).Id);
        using var secret = challenges.SecretOf(challenges.Open(id)!);
        using var again = challenges.SecretOf(challenges.Open(id)!);
        using var another = challenges.SecretOf(challenges.Open(other)!);
        Assert.Equal(secret.Span.ToArray(), again.Span.ToArray());
        Assert.NotEqual(secret.Span.ToArray(), another.Span.ToArray());
        Assert.True(Base64Url.DecodeFromChars(id).AsSpan().IndexOf(secret.Span) < 0);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private List<WeakReference<object>> Flood() => [.. Enumerable.Range(0, 20_000).SelectMany(_ =>
    {
        var bound = Bound with { };
        return (WeakReference<object>[])[new(bound), new(challenges.Give(bound).Id)];
    })];

    private Challenges<Enrolment> New() => new(clock, TimeToLive, EnrolmentJson.Default.Enrolment);
}
