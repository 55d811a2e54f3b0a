using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;
using Strongroom.Facts;

namespace Strongroom.Tests.Facts;

/// <summary>Vendors' collateral on record, spec/records.md "Every command".</summary>
public sealed class EndorsementsRulesTests
{
    private readonly Town town = Town.Furnished();

    public EndorsementsRulesTests() => town.Agree(new AddCollector("lab", town.Collector.PublicKey));

    [Fact]
    public async Task The_newest_bundle_of_a_recorded_collector_counts()
    {
        town.Write(town.Endorse());
        town.Now = town.Now.AddHours(1);
        var newer = town.Endorse(files: new BundledFile("{}"u8.ToArray(), "tcb.json"));
        town.Write(newer);
        Assert.Equal(newer.Bundle, town.State.Endorsements.Latest?.Digest);
        Assert.Empty((await town.Audit()).Deviations);
    }

    [Fact]
    public void Rejects_a_bundle_that_is_not_newer_than_the_one_on_record()
    {
        town.Write(town.Endorse());
        Refuses("are on record: only newer ones follow", town.Endorse());
        Refuses("are on record: only newer ones follow", town.Endorse(town.Now.AddDays(-1)));
    }

    [Fact]
    public async Task Rejects_a_newer_bundle_with_an_older_list()
    {
        using var vendor = new Vendor();
        BundledFile ofMonday = vendor.List(town.Now.AddDays(-2), 7), ofSunday = vendor.List(town.Now.AddDays(-3)), other = vendor.List(town.Now.AddDays(-2), 8);
        town.Write(town.Endorse(files: [ofMonday, other]));
        var onRecord = town.OnRecord;
        town.Now = town.Now.AddHours(1);
        string[] Against(params BundledFile[] files)
        {
            var record = town.Endorse(files: files);
            return [.. Enclosures.Read(record, [town.Blobs[record.Bundle]], onRecord).Refusals(town.State, record, town.Now)];
        }
        foreach (var files in new BundledFile[][] { [ofSunday], [], [ofMonday], [other, other with { Name = "again" }], [ofMonday, ofSunday] })
            Assert.StartsWith("a list of revoked certificates by CN=Vendor of ", Against(files).First(), StringComparison.Ordinal);
        Assert.Empty(Against(ofMonday, other));
        Assert.Empty(Against(vendor.List(town.Now, 7), vendor.List(town.Now, 8)));

        town.Force(town.Endorse(files: [ofSunday]));
        await FindsAsync("what was revoked would count again");
    }

    [Fact]
    public void A_list_past_its_time_may_be_left_out()
    {
        using var vendor = new Vendor();
        town.Write(town.Endorse(files: [vendor.List(town.Now.AddDays(-2), 7)]));
        var onRecord = town.OnRecord;
        town.Now = town.Now.AddDays(40);
        var record = town.Endorse();
        Assert.Empty(Enclosures.Read(record, [town.Blobs[record.Bundle]], onRecord).Refusals(town.State, record, town.Now));
    }

    [Fact]
    public void Rejects_a_bundle_that_was_read_against_another_one_than_is_on_record()
    {
        town.Write(town.Endorse());
        town.Now = town.Now.AddHours(1);
        var record = town.Endorse();
        Assert.Throws<UnavailableException>(() => Enclosures.Read(record, [town.Blobs[record.Bundle]]).Refusals(town.State, record, town.Now));
    }

    [Fact]
    public void Rejects_a_bundle_from_the_future() => Refuses("which is still to come", town.Endorse(town.Now.AddSeconds(1)));

    [Fact]
    public void Rejects_a_bundle_of_a_collector_whom_nobody_recorded() => Refuses("no collector named vendor is on record", town.Endorse(collector: "vendor"));

    [Fact]
    public void Rejects_a_bundle_from_somebody_who_is_no_operator() => Refuses("this needs a person of operators", town.Endorse() with { By = town.Owner1 });

    [Fact]
    public void What_a_collector_collected_no_longer_counts_once_he_is_trusted_no_longer()
    {
        town.Write(town.Endorse());
        town.Agree(new AddCollector("other", Town.NewKey().PublicKey));
        town.Agree(new RemoveCollector("other"));
        Assert.NotNull(town.State.Endorsements.Latest);
        town.Agree(new RemoveCollector("lab"));
        Assert.Null(town.State.Endorsements.Latest);
        Refuses("no collector named lab is on record", town.Endorse(town.Now.AddSeconds(1)));
    }

    [Fact]
    public void A_key_is_one_collectors() =>
        Assert.Contains(town.Refusals(town.Propose(new AddCollector("other", town.Collector.PublicKey))), reason => reason.StartsWith("the key is on record as lab's", StringComparison.Ordinal));

    [Fact]
    public void Nothing_older_comes_back_when_a_collector_is_taken_away()
    {
        town.Write(town.Endorse());
        town.Agree(new RemoveCollector("lab"));
        town.Agree(new AddCollector("lab", town.Collector.PublicKey));
        Refuses("are on record: only newer ones follow", town.Endorse(town.Now.AddDays(-1)));
    }

    [Fact]
    public async Task The_audit_finds_a_bundle_that_another_key_signed()
    {
        town.Force(town.Endorse(signer: Town.NewKey()));
        await FindsAsync("the bundle is not signed by the key on record for lab");
    }

    [Fact]
    public async Task The_audit_finds_a_bundle_that_was_collected_on_another_day_than_the_record_says()
    {
        town.Force(town.Endorse(town.Now.AddDays(-9)) with { Collected = town.Now });
        await FindsAsync("the bundle was collected at 2026-01-22T12:00:00Z");
    }

    [Fact]
    public async Task The_audit_finds_a_bundle_that_is_none_changed_or_gone()
    {
        var bundle = Encoding.ASCII.GetBytes("{}");
        town.Blobs[Digest.Of(bundle)] = bundle;
        town.Force(town.Endorse() with { Bundle = Digest.Of(bundle) });
        await FindsAsync("should not have been written with what lies beside it");
        town.Blobs[Digest.Of(bundle)] = Encoding.ASCII.GetBytes("[]");
        await FindsAsync("beside the ledger has been changed");
        town.Blobs.Remove(Digest.Of(bundle));
        await FindsAsync($"the bundle of endorsements {Digest.Of(bundle)} is not beside the ledger");
    }

    [Fact]
    public void Rejects_a_bundle_that_is_too_long() =>
        Assert.Throws<MalformedException>(() => RecordedEndorsements.Read(new byte[RecordedEndorsements.MaxSizeInBytes + 1]));

    [Fact]
    public void A_signature_that_was_checked_once_is_not_checked_again_and_holds_for_that_key_alone()
    {
        var record = town.Endorse(files: new BundledFile(Encoding.ASCII.GetBytes($"{{\"x\":\"{new string('x', 100_000)}\"}}"), "tcb.json"));
        var read = Enclosures.Read(record, [town.Blobs[record.Bundle]]);
        Assert.Empty(read.Refusals(town.State, record, town.Now));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Empty(read.Refusals(town.State, record, town.Now));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16_384);
        town.Agree(new RemoveCollector("lab"));
        town.Agree(new AddCollector("lab", Town.NewKey().PublicKey));
        Assert.Equal(["the bundle is not signed by the key on record for lab"], read.Refusals(town.State, record, town.Now));
    }

    private sealed class Vendor : IDisposable
    {
        private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        public void Dispose() => key.Dispose();

        public BundledFile List(DateTimeOffset thisUpdate, params byte[] serials)
        {
            var list = new CertificateRevocationListBuilder();
            foreach (var serial in serials) list.AddEntry([serial]);
            var der = list.Build(new("CN=Vendor"), X509SignatureGenerator.CreateForECDsa(key), serials.FirstOrDefault(), thisUpdate.AddDays(30), HashAlgorithmName.SHA256, X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier([1]), thisUpdate);
            return new(der, $"{Convert.ToHexString(SHA256.HashData(der))}.crl");
        }
    }

    private void Refuses(string because, RecordEndorsements command) => Assert.Contains(town.Refusals(command), reason => reason.Contains(because, StringComparison.Ordinal));

    private async Task FindsAsync(string what) => Assert.Contains(what, Assert.Single((await town.Audit()).Deviations).What, StringComparison.Ordinal);
}
