using System.Security.Cryptography;
using Strongroom.Attestation.Cose;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Tests.Attestation.Corim;

namespace Strongroom.Tests.Facts;

/// <summary>Reference values that a signed CoRIM vouches for, as the ledger keeps them: two people, and no word of the signer changed.</summary>
public sealed class CorimReferenceTests : IDisposable
{
    private static readonly byte[] Measured = [.. Enumerable.Repeat((byte)7, 48)];

    private readonly Town town = Town.Founded();
    private readonly ECDsa maker = ECDsa.Create(ECCurve.NamedCurves.nistP384);

    public void Dispose() => maker.Dispose();

    [Fact]
    public async Task A_set_that_expects_what_the_CoRIM_says_stands()
    {
        var set = Set();
        Assert.Equal(">=22", set.Values["tcb.snp"]);
        town.Agree(set);
        Assert.Equal(set.Values, town.State.Access.References["images"].Values.Values);
        Assert.Empty((await town.Audit()).Deviations);
        Assert.Contains(CommandWords.Say(town.Propose(set)), line => line.Contains($"As the CoRIM {set.Corim!.File} says", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("tcb.snp", ">=21", "the CoRIM says >=22 of tcb.snp, and the set says >=21")]
    [InlineData("tcb.snp", "*", "the CoRIM says >=22 of tcb.snp, and the set says *")]
    [InlineData("tcb.snp", null, "the CoRIM says >=22 of tcb.snp, and the set says nothing")]
    [InlineData("vmpl", "0", null)] // of which the CoRIM says nothing: the proposer's own
    public async Task A_set_that_expects_less_than_the_CoRIM_says_is_found(string claim, string? value, string? reason)
    {
        var set = Set();
        var values = new Dictionary<string, string>(set.Values);
        if (value is null) values.Remove(claim);
        else values[claim] = value;
        await Finds(set with { Values = values }, reason);
    }

    [Fact]
    public async Task A_set_of_another_signers_CoRIM_is_found()
    {
        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var set = Set();
        await Finds(set with { Corim = set.Corim! with { Signer = stranger.ExportSubjectPublicKeyInfo() } }, "corim.4");
        await Finds(set with { Corim = set.Corim! with { Signer = new byte[] { 1 } } }, "the CoRIM cannot be read");
    }

    [Fact]
    public async Task A_set_that_names_other_versions_than_the_CoRIMs_tags_have_is_found()
    {
        var set = Set();
        var image = set.Corim!.Tags["image"];
        foreach (var tags in (Dictionary<string, CorimTagVersion>[])[new() { ["image"] = image with { Version = 4 } }, new() { ["image"] = image with { Digest = Digest.Of("other"u8) } }, []])
            await Finds(set with { Corim = set.Corim! with { Tags = tags } }, "other tags than the set names");
    }

    [Fact]
    public void A_tag_without_reference_values_is_counted_too()
    {
        var empty = new CborWriter().Map(2).Number(1).Map(2).Number(0).Text("notes").Number(1).Number(9).Number(4).Map(1).Number(0).Array(0).ToArray();
        var image = TestCorim.Comid("image", 3, TestCorim.Triple("AMD", "SEV-SNP", "measurement", TestCorim.Digests(Measured)));
        var corim = TestCorim.Sign(new CborWriter().Tag(501).Map(2).Number(0).Text("two").Number(1).Array(2).Tag(506).Bytes(image).Tag(506).Bytes(empty).ToArray(), maker, town.Now);
        var (source, _) = CorimRules.Read(corim, maker.ExportSubjectPublicKeyInfo(), "sev-snp", null, town.Now);
        Assert.Equal(new Dictionary<string, CorimTagVersion> { ["image"] = new(3, Digest.Of(image)), ["notes"] = new(9, Digest.Of(empty)) }, source.Tags);
    }

    [Fact]
    public void A_version_of_a_tag_has_one_content()
    {
        town.Agree(Set(tag: 5));
        Assert.Equal(["image has version 5, which of the same signer was recorded before with other content"], town.Refusals(town.Propose(Set(tag: 5, version: 2, least: 21))));
        Assert.Empty(town.Refusals(town.Propose(Set(tag: 6, version: 2, least: 21))));
    }

    [Fact]
    public async Task A_signer_has_one_spelling()
    {
        town.Agree(Set(tag: 5));
        var explicitly = maker.ExportExplicitParameters(false);
        explicitly.Curve.Seed = null; // as anybody may leave it out
        using var respelled = ECDsa.Create(explicitly);
        var spelling = respelled.ExportSubjectPublicKeyInfo();
        Assert.NotEqual(maker.ExportSubjectPublicKeyInfo(), spelling);
        var set = Set(tag: 4, version: 2); // which the same key, as it was recorded, may not bring back
        var rolled = set with { Corim = set.Corim! with { Signer = spelling } };
        Assert.Contains("by the name of the curve", Assert.Single(town.Refusals(town.Propose(rolled))), StringComparison.Ordinal);
        Assert.Throws<MalformedException>(() => CorimRules.Read(town.Blobs[set.Corim!.File], spelling, "sev-snp", null, town.Now));
        await Finds(rolled, "the CoRIM cannot be read");
        byte[] longer = [.. maker.ExportSubjectPublicKeyInfo(), 0];
        Assert.Single(town.Refusals(town.Propose(set with { Corim = set.Corim! with { Signer = longer } })));
    }

    [Fact]
    public async Task A_set_of_a_CoRIM_out_of_its_time_is_found()
    {
        var set = Set();
        town.Now += TimeSpan.FromDays(2);
        await Finds(set, "corim.5.signature");
    }

    [Fact]
    public async Task A_CoRIM_that_is_gone_is_missed()
    {
        var set = Set();
        town.Blobs.Clear();
        await Finds(set, $"the CoRIM {set.Corim!.File} is not beside the ledger");
    }

    [Fact]
    public void A_tag_is_never_taken_in_a_lower_version_than_before()
    {
        town.Agree(Set(tag: 5));
        Assert.Equal(["image has version 4, and 5 of the same signer was recorded before: a lower one takes back what replaced it"], town.Refusals(town.Propose(Set(tag: 4, version: 2))));
        Assert.Empty(town.Refusals(town.Propose(Set(tag: 5, version: 2))));
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Assert.Empty(town.Refusals(town.Propose(Set(tag: 1, version: 2, signer: other)))); // whose tags are his own
    }

    private SetReference Set(int tag = 3, long version = 1, ECDsa? signer = null, ulong least = 22)
    {
        var key = signer ?? maker;
        var corim = TestCorim.Sign(
            TestCorim.Of("image", tag, null, TestCorim.Triple("AMD", "SEV-SNP", "measurement", TestCorim.Digests(Measured)), TestCorim.Triple("AMD", "SEV-SNP", "tcb.snp", TestCorim.AtLeast(least))), key, town.Now);
        town.Blobs[Digest.Of(corim)] = corim;
        var (source, values) = CorimRules.Read(corim, key.ExportSubjectPublicKeyInfo(), "sev-snp", null, town.Now);
        return new("images", "sev-snp", new Dictionary<string, string>(values) { ["host_data"] = "*" }, version, source);
    }

    private async Task Finds(SetReference set, string? reason)
    {
        town.Force(town.Propose(set));
        var deviations = (await town.Audit()).Deviations;
        if (reason is null) Assert.Empty(deviations);
        else Assert.Contains(deviations, deviation => deviation.Index == town.Entries.Count - 1 && deviation.What.Contains(reason, StringComparison.Ordinal));
    }
}
