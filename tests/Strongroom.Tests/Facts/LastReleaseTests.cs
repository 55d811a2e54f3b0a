using Strongroom.Facts;

namespace Strongroom.Tests.Facts;

/// <summary>Which release approvers compare a request with.</summary>
public sealed class LastReleaseTests
{
    private readonly Town town = Town.Furnished(Town.Policy(owners: 1));

    [Fact]
    public void There_is_none_before_the_first() => Assert.Null(Last(town.Opened()));

    [Fact]
    public void It_is_the_last_of_the_model_whichever_machine_had_it()
    {
        Released();
        var last = Released();
        Assert.Equal(last.Id, Last(town.Opened())?.Id);
    }

    [Fact]
    public void It_is_never_of_the_request_itself()
    {
        var before = Released();
        var request = town.Approved(town.Owner1);
        town.Leased(request);
        town.Write(town.Approve(town.Owner2, request));
        using var other = Strongroom.Crypto.HpkePrivateKey.Generate();
        town.Ask(request, other.PublicKey);
        Assert.Equal(2, town.State.Requests.Requests[request].Leases.Count);
        Assert.Equal(before.Id, Last(request)?.Id);
    }

    [Fact]
    public void It_is_the_last_on_the_machine_where_the_model_was_never_released()
    {
        var other = Released();
        town.Write(town.AddModel(model: "poet"));
        var open = town.Open() with { Model = "poet", ModelDigest = town.ManifestOf("poet", 1).ModelDigest };
        town.Write(open);
        Assert.Equal(other.Id, Last(Ids.Request(open))?.Id);
    }

    [Fact]
    public void A_measurement_is_the_operators_word_until_a_decision_rests_on_evidence_for_it()
    {
        Assert.Equal((town.Measured, null), (town.State.Machines.Find(town.Machine)!.Measurement, town.State.Machines.Find(town.Machine)!.Proved));
        town.Ask(town.Opened()); // nobody approved, and the machine showed what it measures all the same
        Assert.Equal((town.Measured, town.Entries.Count - 1), (town.State.Machines.Find(town.Machine)!.Measurement, town.State.Machines.Find(town.Machine)!.Proved));
    }

    private Lease Released() => town.Leased(town.Approved(town.Owner1));

    private Lease? Last(string request) => town.State.Release.LastBesides(town.State.Requests.Requests[request]);
}
