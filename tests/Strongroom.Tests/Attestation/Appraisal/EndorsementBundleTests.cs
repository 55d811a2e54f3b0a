using System.Text;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;
using Strongroom.Tests.Ledger;

namespace Strongroom.Tests.Attestation.Appraisal;

public sealed class EndorsementBundleTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private static byte[] Signed(params string[] names) =>
        EndorsementBundle.Sign(Noon, names.Select(name => new BundledFile(Encoding.ASCII.GetBytes($"{{\"of\":\"{name}\"}}"), name)), TestKeys.Key("collector"));

    [Fact]
    public void A_bundle_gives_back_what_was_signed_and_when()
    {
        var bundle = EndorsementBundle.Parse(Signed("b.json", "a.json"));
        Assert.True(EndorsementBundle.Recognises(Signed("a.json")));
        Assert.True(bundle.IsSignedBy(TestKeys.Key("collector").PublicKey));
        Assert.Equal(Noon, bundle.Collected);
        Assert.Equal(["a.json", "b.json"], bundle.Files.Select(file => file.Name));
        Assert.Equal("{\"of\":\"a.json\"}", Encoding.ASCII.GetString(bundle.Files[0].Bytes));
    }

    [Fact]
    public void Another_key_is_not_the_collector() => Assert.False(EndorsementBundle.Parse(Signed("a.json")).IsSignedBy(TestKeys.Key("somebody").PublicKey));

    [Fact]
    public void A_changed_date_a_changed_file_and_a_missing_file_break_the_signature()
    {
        var bundle = EndorsementBundle.Parse(Signed("a.json", "b.json"));
        var collector = TestKeys.Key("collector").PublicKey;
        Assert.False((bundle with { Collected = Noon.AddSeconds(1) }).IsSignedBy(collector));
        Assert.False((bundle with { Files = [bundle.Files[0]] }).IsSignedBy(collector));
        Assert.False((bundle with { Files = [bundle.Files[0], bundle.Files[1] with { Bytes = [1] }] }).IsSignedBy(collector));
        Assert.False((bundle with { Signature = null }).IsSignedBy(collector));
    }

    [Fact]
    public void Every_truncation_and_every_other_spelling_is_malformed()
    {
        var bytes = Signed("a.json");
        for (var size = 0; size < bytes.Length; size++) Assert.Throws<MalformedException>(() => EndorsementBundle.Parse(bytes.AsSpan(0, size)));
        Assert.Throws<MalformedException>(() => EndorsementBundle.Parse([.. bytes, (byte)' ']));
        Assert.Throws<MalformedException>(() => EndorsementBundle.Parse(Encoding.ASCII.GetBytes(Encoding.ASCII.GetString(bytes).Replace("endorsements/v1", "endorsements/v2"))));
    }

    [Theory]
    [InlineData("../a")]
    [InlineData("a/b")]
    [InlineData(".hidden")]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("a\u0000")]
    public void A_name_that_could_be_a_path_is_refused(string name) => Assert.Throws<MalformedException>(() => Signed(name));

    [Fact]
    public void A_name_stands_once() => Assert.Throws<MalformedException>(() => Signed("a.json", "a.json"));

    [Fact]
    public void An_endorsement_is_as_old_as_its_issue_or_as_its_collection_if_that_is_later()
    {
        var (issued, at) = (Noon.AddDays(-30), Noon.AddDays(2));
        Assert.Equal(TimeSpan.FromDays(32), Endorsements.None.AgeOf(issued, at));
        Assert.Equal(TimeSpan.FromDays(2), Endorsements.Read([], Noon).AgeOf(issued, at));
        Assert.Equal(TimeSpan.FromDays(1), Endorsements.Read([], Noon).AgeOf(Noon.AddDays(1), at));
    }

    [Fact]
    public void A_collection_in_the_future_does_not_make_anything_young() =>
        Assert.Equal(TimeSpan.FromDays(30), Endorsements.Read([], Noon.AddYears(1)).AgeOf(Noon.AddDays(-30), Noon));
}
