using Strongroom.Attestation;
using Strongroom.Crypto;
using Strongroom.Facts;

namespace Strongroom.Tests.Facts;

/// <summary>What may be recorded of those who are refused: a little, and not more after a restart.</summary>
public sealed class RefusalsTests
{
    private readonly Town town = Town.Furnished();
    private readonly string request;

    public RefusalsTests() => request = town.Opened();

    [Fact]
    public void Rubbish_in_a_machines_name_is_recorded_twenty_times_an_hour()
    {
        Assert.Equal(RefusalsState.PerHourInItsName, Enumerable.Range(0, 30).Count(_ => Recorded(Rubbish())));
        town.Now = town.Now.AddHours(1);
        Assert.True(Recorded(Rubbish()));
    }

    [Fact]
    public void A_restart_gives_no_new_budget()
    {
        for (var i = 0; i < 30; i++) Recorded(Rubbish());
        var folded = town.Entries.Aggregate(LedgerState.Empty, (state, entry) => state.Apply(state.Size, LedgerRecord.Parse(entry)));
        Assert.False(folded.Refused.HasRoomFor(Rubbish()));
    }

    [Fact]
    public void Large_rubbish_is_recorded_up_to_its_bytes_a_day()
    {
        const long size = 1024 * 1024;
        var recorded = 0;
        for (var i = 0; i < 30; i++)
        {
            if (i == 15) town.Now = town.Now.AddHours(1); // the budget of records is not what holds here
            if (Recorded(Rubbish() with { EvidenceSize = size })) recorded++;
        }
        Assert.Equal(RefusalsState.BytesPerDay / size - 1, recorded); // the records themselves count too
        town.Now = town.Now.AddDays(1);
        Assert.True(Recorded(Rubbish() with { EvidenceSize = size }));
    }

    [Fact]
    public void Large_rubbish_keeps_no_refusal_of_ordinary_size_from_the_record()
    {
        while (Recorded(Rubbish() with { EvidenceSize = 4 * 1024 * 1024 }) || Recorded(Rubbish() with { EvidenceSize = RefusalsState.OrdinarySize }))
        {
        }
        Assert.True(Recorded(Rubbish()));
        Assert.True(Recorded(Rubbish() with { EvidenceSize = RefusalsState.OrdinarySize / 2 }));
    }

    [Fact]
    public void Rubbish_in_one_machines_name_keeps_no_other_machines_refusals_from_the_record()
    {
        const long size = 230 * 1024;
        var recorded = 0;
        for (var i = 0; i < 30; i++)
        {
            if (i == 15) town.Now = town.Now.AddHours(1); // the budget of records is not what holds here
            if (Recorded(Rubbish() with { EvidenceSize = size })) recorded++;
        }
        Assert.Equal(RefusalsState.BytesPerDayInItsName / size, recorded);
        var rubbish = Rubbish() with { EvidenceSize = size };
        Assert.False(town.State.Refused.HasRoomFor(rubbish));
        Assert.True(town.State.Refused.HasRoomFor(rubbish with { Transcript = rubbish.Transcript with { Machine = "machine-other" } }));
    }

    [Fact]
    public void A_machines_own_refusals_have_a_budget_of_their_own()
    {
        while (Recorded(Rubbish()))
        {
        }
        Assert.Equal(RefusalsState.PerHourByItself, Enumerable.Range(0, 100).Count(_ => Recorded(Proved())));
        Assert.True(town.State.Refused.HasRoomFor(Proved() with { Transcript = Proved().Transcript with { Machine = "machine-other" } }));
    }

    [Fact]
    public void A_persons_refused_commands_are_recorded_within_a_budget_of_that_person()
    {
        Assert.Equal(RefusalsState.PerHourByPerson, Enumerable.Range(0, 150).Count(_ => Recorded(Refused(town.Outsider))));
        Assert.True(Recorded(Refused(town.Owner1)));
        Assert.True(Recorded(Rubbish()) && Recorded(Proved()));
        town.Now = town.Now.AddHours(1);
        Assert.True(Recorded(Refused(town.Outsider)));
    }

    [Fact]
    public void A_lease_is_renewed_up_to_its_bytes_a_day()
    {
        const long size = 256 * 1024 * 1024;
        town.Write(town.Approve(town.Owner1, request));
        town.Write(town.Approve(town.Owner2, request));
        var decided = Decide().Record;
        town.Append(decided);
        var renewed = town.Renew(town.State.Release.Leases[decided.Grant!.Lease]).Record;
        Assert.Equal(Outcome.Allowed, renewed.Outcome);
        var large = renewed with { EvidenceSize = size };
        Assert.Equal(RefusalsState.RenewalBytesPerDay / size - 1, Enumerable.Range(0, 10).Count(_ => Recorded(large))); // the first, small one counts too
        Assert.True(Recorded(renewed));
        Assert.True(Recorded(large with { At = town.Now.AddDays(1) }));
        Assert.True(Recorded(Proved())); // and nobody's refusals are spent by it
    }

    [Fact]
    public void A_grant_is_always_recorded()
    {
        while (Recorded(Rubbish()) || Recorded(Proved()))
        {
        }
        town.Write(town.Approve(town.Owner1, request));
        town.Write(town.Approve(town.Owner2, request));
        var granted = Decide().Record;
        Assert.Equal(Outcome.Allowed, granted.Outcome);
        Assert.True(town.State.Refused.HasRoomFor(granted));
    }

    /// <summary>Records it as a broker does, if it may.</summary>
    private bool Recorded(LedgerRecord refusal)
    {
        if (!town.State.Refused.HasRoomFor(refusal)) return false;
        town.Append(refusal);
        return true;
    }

    private CommandRefused Refused(string person) =>
        CommandRefused.Of(town.State, SignedCommand.Sign(town.Propose(new RemovePublisher("acme"), person), town.KeyOf(person)), town.Now)!;

    private ReleaseDecided Rubbish() => Decide(Town.NewKey()).Record;

    private ReleaseDecided Proved() => Decide().Record;

    private ReleaseDecision Decide(Ed25519PrivateKey? key = null)
    {
        var transcript = town.Transcript(request);
        var evidence = town.Evidence(transcript.Digest());
        if (key is not null) evidence = DevelopmentEvidence.Sign(key, transcript.Digest(), Town.Boot, []);
        return ReleaseDecision.Make(town.State, transcript, AttestationResult.Of(town.State, transcript, evidence), town.Now);
    }
}
