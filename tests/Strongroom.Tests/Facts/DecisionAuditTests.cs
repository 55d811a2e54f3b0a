using System.Security.Cryptography;
using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Sealing;
using Strongroom.Tests.Attestation;

namespace Strongroom.Tests.Facts;

/// <summary>An audit believes nobody who wrote the ledger, spec/records.md "Replay". Each test is a ledger as a broker could have written that lies.</summary>
public sealed class DecisionAuditTests
{
    private readonly Town town = Town.Furnished();

    [Fact]
    public async Task Finds_nothing_in_a_ledger_that_is_right()
    {
        var request = town.Approved(town.Owner1);
        town.Ask(request);
        town.Write(town.Approve(town.Owner2, request));
        var lease = town.Leased(request);
        town.Now = town.Now.AddMinutes(30);
        town.Renew(lease);
        town.Write(town.Revoke(lease.Id));
        town.Renew(lease);
        var audit = await town.Audit();
        Assert.Empty(audit.Deviations);
        Assert.Equal((4, 1), (audit.Recomputed, audit.Grants));
        Assert.Equal(town.State.Size, audit.State.Size);
    }

    [Fact]
    public async Task What_nobody_foresaw_in_one_entry_is_told_of_it_and_the_others_are_judged()
    {
        var request = town.Approved(town.Owner1);
        var asked = town.Ask(request).Record.Evidence;
        var index = town.Entries.Count - 1;
        town.Write(town.Approve(town.Owner2, request));
        town.Leased(request);
        var audit = await AuditAsync(new InvalidCastException("a number where a text should be"));
        Assert.Equal((index, true), (Assert.Single(audit.Deviations).Index, audit.Deviations[0].What.Contains("a number where a text should be", StringComparison.Ordinal)));
        Assert.Equal((1, 1, town.State.Size), (audit.Recomputed, audit.Grants, audit.State.Size));
        await Assert.ThrowsAsync<UnavailableException>(() => AuditAsync(new UnavailableException("the copy is not there"))); // of no entry
        await Assert.ThrowsAsync<OperationCanceledException>(() => AuditAsync(new OperationCanceledException()));

        Task<DecisionAudit> AuditAsync(Exception thrown) =>
            DecisionAudit.ReplayAsync(town.Entries.Select(entry => (ReadOnlyMemory<byte>)entry).ToAsyncEnumerable(), (digest, _) => digest == asked ? throw thrown : ValueTask.FromResult<ReadOnlyMemory<byte>?>(town.Blobs[digest]));
    }

    [Fact]
    public async Task Finds_a_rewritten_decision()
    {
        town.Ask(town.Approved(town.Owner1, town.Owner2));
        town.Rewrite(town.Entries.Count - 1, record => (ReleaseDecided)record with { Grant = ((ReleaseDecided)record).Grant! with { Seconds = 7200 } });
        await Finds(town.Entries.Count - 1, "the decision comes out otherwise");
    }

    [Fact]
    public async Task Finds_a_denial_that_became_a_grant()
    {
        var granted = Town.Furnished();
        var grant = granted.Ask(granted.Approved(granted.Owner1, granted.Owner2)).Record.Grant;
        town.Ask(town.Opened());
        town.Rewrite(town.Entries.Count - 1, record => (ReleaseDecided)record with { Outcome = Outcome.Allowed, Missing = null, Grant = grant! with { Approvals = [] } });
        await Finds(town.Entries.Count - 1, "the decision comes out otherwise: pending");
    }

    [Fact]
    public async Task Finds_a_release_decided_by_another_policy_than_the_one_in_force()
    {
        var request = town.Approved(town.Owner1);
        var loose = town.Propose(new SetPolicy(Town.Document(Town.Policy(owners: 1))));
        town.Force(loose);
        town.Force(town.Approve(loose, by: town.Ada));
        town.Force(town.Approve(town.Owner1, request));
        Assert.Equal(Outcome.Allowed, town.Ask(request).Record.Outcome);
        await Finds(town.Entries.Count - 3, "a proposal is approved by another person than its proposer");
    }

    [Fact]
    public async Task Finds_the_policy_swapped_inside_the_record_that_set_it()
    {
        var set = town.Entries.FindIndex(entry => Town.Text(entry).Contains("policy/set", StringComparison.Ordinal));
        town.Ask(town.Approved(town.Owner1, town.Owner2));
        town.Rewrite(set, record =>
        {
            var written = (CommandRecord)record;
            return written with { Command = (ProposeChange)written.Command with { Change = new SetPolicy(Town.Document(Town.Policy(owners: 1))) } };
        });
        await Finds(set, "the signature is not one of");
    }

    [Fact]
    public async Task Finds_a_forged_approval()
    {
        var request = town.Approved(town.Owner1);
        town.Force(town.Approve(town.Owner2, request), town.KeyOf(town.Operator));
        Assert.Equal(Outcome.Allowed, town.Ask(request).Record.Outcome);
        await Finds(town.Entries.Count - 2, $"the signature is not one of {town.Owner2}");
    }

    [Fact]
    public async Task Finds_an_approval_replayed_for_another_request()
    {
        var (first, second) = (town.Opened(), town.Opened());
        town.Write(town.Approve(town.Owner1, first));
        var approval = town.Approve(town.Owner2, first);
        town.Write(approval);
        town.Force(approval with { Id = Command.NewId(), Request = second });
        await Finds(town.Entries.Count - 1, "the answer is signed for another content of the request");
    }

    [Fact]
    public async Task Finds_an_approval_written_twice()
    {
        var approval = town.Approve(town.Owner1, town.Opened());
        town.Write(approval);
        town.Force(approval);
        await Finds(town.Entries.Count - 1, "each is written once");
    }

    [Fact]
    public async Task Finds_a_refused_renewal_written_twice()
    {
        var lease = town.Leased(town.Approved(town.Owner1, town.Owner2));
        town.Write(town.Revoke(lease.Id));
        town.Renew(lease);
        var again = town.Renewal(lease);
        var evidence = town.Evidence(again.Digest());
        town.Append(RenewalDecision.Make(town.State, again, AttestationResult.Of(town.State, again, evidence), town.Now).Record, evidence);
        await Finds(town.Entries.Count - 1, "the same answer was written twice");
    }

    [Fact]
    public async Task Finds_a_refused_release_written_twice()
    {
        var request = town.Opened();
        town.Ask(request);
        WriteAgain(request);
        await Finds(town.Entries.Count - 1, "the same answer was written twice");
    }

    [Fact]
    public async Task Finds_a_second_decision_on_an_enclave_that_holds_its_lease()
    {
        var request = town.Approved(town.Owner1, town.Owner2);
        var lease = town.Leased(request);
        WriteAgain(request);
        await Finds(town.Entries.Count - 1, $"the same enclave was decided on again while it held {lease.Id}");
    }

    [Fact]
    public async Task Finds_an_approval_after_its_person_left()
    {
        var request = town.Approved(town.Owner1);
        var approval = town.Approve(town.Owner2, request);
        town.Agree(new RemovePerson(town.Owner2));
        town.Force(approval);
        await Finds(town.Entries.Count - 1, $"{town.Owner2} is not an enrolled person");
    }

    [Fact]
    public async Task Finds_an_opener_who_approved()
    {
        town.Agree(new SetGroups(town.Operator, [Groups.Operators, "owners"]));
        var request = town.Approved(town.Owner1);
        town.Force(town.Approve(town.Operator, request));
        await Finds(town.Entries.Count - 1, "nobody approves a request of their own");
    }

    [Fact]
    public async Task Agrees_with_a_refusal_that_is_right()
    {
        town.Refuse(town.Open(by: town.Owner1));
        Assert.Empty((await town.Audit()).Deviations);
    }

    [Fact]
    public async Task Finds_a_refusal_of_what_was_allowed()
    {
        var approval = SignedCommand.Sign(town.Approve(town.Owner1, town.Opened()), town.KeyOf(town.Owner1));
        town.Append(new CommandRefused(town.Now, approval.Command, approval.Signature, ["the broker did not like it"]));
        await Finds(town.Entries.Count - 1, "should not have been refused so");
    }

    [Fact]
    public async Task Finds_a_refusal_whose_reasons_were_rewritten()
    {
        town.Refuse(town.Open(by: town.Owner1));
        town.Rewrite(town.Entries.Count - 1, record => (CommandRefused)record with { Reasons = ["something else"] });
        await Finds(town.Entries.Count - 1, "should not have been refused so");
    }

    [Fact]
    public async Task Finds_a_refusal_that_its_person_never_asked_for()
    {
        var forged = SignedCommand.Sign(town.Open(by: town.Owner1), town.KeyOf(town.Ada));
        town.Append(new CommandRefused(town.Now, forged.Command, forged.Signature, town.State.Refusals(forged, town.Now)));
        await Finds(town.Entries.Count - 1, "should not have been refused so");
    }

    [Fact]
    public async Task Finds_evidence_that_is_missing_or_changed()
    {
        var digest = town.Ask(town.Approved(town.Owner1, town.Owner2)).Record.Evidence;
        town.Blobs[digest] = town.Blobs[digest].ToArray().Reverse().ToArray();
        await Finds(town.Entries.Count - 1, "beside the ledger has been changed");
        town.Blobs.Remove(digest);
        await Finds(town.Entries.Count - 1, "is not beside the ledger");
    }

    [Fact]
    public async Task Finds_a_measurement_that_approvers_could_not_have_read()
    {
        town.Ask(town.Approved(town.Owner1, town.Owner2));
        town.Blobs.Remove(town.Measured);
        var audit = await town.Audit();
        Assert.Equal(2, audit.Deviations.Count(deviation => deviation.What == $"the measurement {town.Measured} is not beside the ledger")); // at its enrolment and at the release
    }

    [Theory]
    [InlineData("tpm", "the measurement is of tpm evidence")]
    [InlineData("development", null)]
    public async Task Finds_a_machine_enrolled_with_a_measurement_of_another_kind(string kind, string? what)
    {
        var measured = Measurement.From(kind, Town.Boot).ToBytes();
        using var key = Town.NewKey();
        var enrol = town.EnrolMachine(key) with { Measurement = Digest.Of(measured) };
        town.Blobs[Digest.Of(measured)] = measured;
        town.Write(enrol);
        if (what is not null) await Finds(town.Entries.Count - 1, what);
        else Assert.Empty((await town.Audit()).Deviations);
    }

    [Theory]
    [InlineData("*")]
    [InlineData("good|bad")]
    [InlineData(">=5")]
    public async Task Finds_a_machine_enrolled_with_a_measurement_that_reads_as_more_than_one_value(string value)
    {
        var measured = Measurement.From("development", new Dictionary<string, string>(Town.Boot) { ["kernel"] = value }).ToBytes();
        using var key = Town.NewKey();
        var enrol = town.EnrolMachine(key) with { Measurement = Digest.Of(measured) };
        town.Blobs[Digest.Of(measured)] = measured;
        town.Write(enrol);
        await Finds(town.Entries.Count - 1, "kernel of the measurement could be read as more than one value");
    }

    [Theory]
    [InlineData("*")]
    [InlineData("00")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000|1111111111111111111111111111111111111111111111111111111111111111")]
    [InlineData("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF")]
    public async Task Finds_a_TPM_enrolled_with_a_measurement_that_is_no_PCRs_value(string value)
    {
        using var maker = new TestMaker();
        town.Now = TestTpm.Now;
        town.Agree(new AddRoot("tpm-ek", maker.Root));
        var enrol = Tpm(maker);
        var measured = Measurement.From("tpm", enrol.Pcrs.ToDictionary(pcr => $"pcr{pcr}", pcr => pcr == enrol.Pcrs[^1] ? value : new string('0', 64))).ToBytes();
        town.Blobs[Digest.Of(measured)] = measured;
        town.Write(enrol with { Measurement = Digest.Of(measured) });
        await Finds(town.Entries.Count - 1, $"pcr{enrol.Pcrs[^1]} of the measurement is not 64 hexadecimal digits in lower case");
    }

    [Fact]
    public async Task Finds_a_TPM_enrolled_with_a_measurement_of_other_PCRs()
    {
        using var maker = new TestMaker();
        town.Now = TestTpm.Now;
        town.Agree(new AddRoot("tpm-ek", maker.Root));
        var measured = Measurement.From("tpm", new Dictionary<string, string> { ["pcr0"] = "00" }).ToBytes();
        town.Blobs[Digest.Of(measured)] = measured;
        town.Write(Tpm(maker) with { Measurement = Digest.Of(measured) });
        await Finds(town.Entries.Count - 1, "the measurement is of other PCRs than the machine quotes");
    }

    [Fact]
    public async Task Finds_a_manifest_that_its_publisher_did_not_sign()
    {
        using var thief = Town.NewKey();
        var manifest = town.ManifestOf("storyteller", 2, thief);
        var (digest, add) = (Digest.Of(manifest.Bytes.Span), town.AddModel(version: 2));
        town.Blobs[digest] = manifest.Bytes;
        town.Force(add with { ModelDigest = manifest.ModelDigest, ManifestDigest = digest });
        await Finds(town.Entries.Count - 1, "the manifest is not signed by the key on record for acme");
    }

    [Fact]
    public async Task Finds_something_under_a_models_record_that_is_no_manifest()
    {
        var none = "{}"u8.ToArray();
        town.Blobs[Digest.Of(none)] = none;
        town.Force(town.AddModel(version: 2) with { ManifestDigest = Digest.Of(none) });
        await Finds(town.Entries.Count - 1, "should not have been written with what lies beside it");
    }

    [Fact]
    public async Task Finds_a_manifest_of_another_model_than_the_record_says()
    {
        var other = town.AddModel(model: "another-storyteller");
        town.Force(town.AddModel(version: 2) with { ManifestDigest = other.ManifestDigest });
        await Finds(town.Entries.Count - 1, "the manifest is of another-storyteller version 1; the command is signed for another manifest");
    }

    [Fact]
    public async Task Finds_a_manifest_whose_digest_the_people_did_not_sign()
    {
        town.Force(town.AddModel(version: 2) with { ModelDigest = Digest.Of("another content"u8) });
        await Finds(town.Entries.Count - 1, "the command is signed for another manifest");
    }

    /// <summary>The write path asks again, of the newest ledger, what was read once outside of it; that costs nothing however large the manifest is.</summary>
    [Fact]
    public void What_was_read_once_is_judged_by_each_ledger_and_not_read_again()
    {
        var files = Enumerable.Range(0, 2000).Select(i => new ManifestFile($"f{i:d5}", 100, SealedLayout.SealedLength(100), Digest.Of("tree"u8))).ToList();
        var manifest = Manifest.Sign(town.Publisher, "storyteller", 2, Town.Noon, files);
        var add = town.AddModel(version: 2) with { ModelDigest = manifest.ModelDigest, ManifestDigest = Digest.Of(manifest.Bytes.Span) };
        var read = Enclosures.Read(add, [manifest.Bytes]);
        Assert.Empty(read.Refusals(town.State, add, town.Now));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Empty(read.Refusals(town.State, add, town.Now));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16_384);
        town.Agree(new RemovePublisher("acme"));
        Assert.Equal(["the manifest is not signed by the key on record for acme"], read.Refusals(town.State, add, town.Now));
        Assert.Equal(["what comes with the command is not what it names"], Enclosures.Read(add, [town.ManifestOf("storyteller", 3).Bytes]).Refusals(town.State, add, town.Now));
    }

    /// <summary>So too a chain of certificates: of it only the roots on record and the time are asked for again, until they no longer bear it.</summary>
    [Fact]
    public void A_chain_that_was_built_once_is_not_built_again_while_it_holds()
    {
        using var maker = new TestMaker();
        town.Now = TestTpm.Now;
        town.Agree(new AddRoot("tpm-ek", maker.Root));
        var enrol = Tpm(maker);
        var read = Enclosures.Read(enrol, [.. Enclosures.Of(enrol).Select(digest => town.Blobs[digest])]);
        Assert.Empty(read.Refusals(town.State, enrol, town.Now));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Empty(read.Refusals(town.State, enrol, TestMaker.To.AddSeconds(-1)));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2048);
        foreach (var outside in (DateTimeOffset[])[TestMaker.From.AddSeconds(-1), TestMaker.To.AddSeconds(1)])
            Assert.Contains("E1 chain", Assert.Single(read.Refusals(town.State, enrol, outside)), StringComparison.Ordinal);
        town.Agree(new RemoveRoot("tpm-ek", Digest.Of(maker.Root)));
        Assert.Contains("E1 chain", Assert.Single(read.Refusals(town.State, enrol, town.Now)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Finds_nothing_wrong_with_a_TPM_that_leads_to_a_root_which_was_recorded_then()
    {
        using var maker = new TestMaker();
        town.Now = TestTpm.Now;
        town.Agree(new AddRoot("tpm-ek", maker.Root));
        town.Write(Tpm(maker));
        town.Agree(new RemoveRoot("tpm-ek", Digest.Of(maker.Root)));
        Assert.Empty((await town.Audit()).Deviations);
    }

    [Fact]
    public async Task Finds_a_TPM_that_no_recorded_root_vouches_for()
    {
        using var maker = new TestMaker();
        using var stranger = new TestMaker();
        town.Now = TestTpm.Now;
        town.Agree(new AddRoot("tpm-ek", maker.Root));
        town.Write(Tpm(stranger));
        await Finds(town.Entries.Count - 1, "E1 chain: the certificate does not lead to a recorded root");
    }

    [Fact]
    public async Task Finds_a_TPM_whose_way_to_the_root_was_taken_away()
    {
        using var maker = new TestMaker();
        town.Now = TestTpm.Now;
        town.Agree(new AddRoot("tpm-ek", maker.Root));
        town.Write(Tpm(maker) with { Intermediates = null });
        await Finds(town.Entries.Count - 1, "E1 chain");
        town.Blobs.Clear();
        await Finds(town.Entries.Count - 1, "the certificate");
    }

    [Fact]
    public async Task Finds_evidence_of_another_exchange_put_under_a_grant()
    {
        var request = town.Approved(town.Owner1, town.Owner2);
        var stale = town.Evidence(town.Transcript(request).Digest());
        town.Ask(request);
        town.Blobs[Digest.Of(stale)] = stale;
        town.Rewrite(town.Entries.Count - 1, record => (ReleaseDecided)record with { Evidence = Digest.Of(stale) });
        await Finds(town.Entries.Count - 1, "the decision comes out otherwise: denied");
    }

    [Fact]
    public async Task Finds_a_development_mark_that_was_taken_away()
    {
        town.Ask(town.Approved(town.Owner1, town.Owner2));
        town.Rewrite(town.Entries.Count - 1, record => (ReleaseDecided)record with { Development = null });
        await Finds(town.Entries.Count - 1, "the decision comes out otherwise");
    }

    [Fact]
    public async Task Finds_a_record_dated_before_the_one_before_it()
    {
        town.Now = town.Now.AddSeconds(-1);
        town.Force(town.Open());
        await Finds(town.Entries.Count - 1, "earlier than the one before it");
    }

    [Fact]
    public async Task Finds_a_founding_that_one_person_made()
    {
        town.Rewrite(0, record => (Genesis)record with { Signatures = [((Genesis)record).Signatures[0], ((Genesis)record).Signatures[0]] });
        await Finds(0, "the ledger should not have been founded so");
    }

    [Fact]
    public async Task Finds_an_entry_that_is_no_record_and_stops_there()
    {
        town.Entries.Insert(3, "{\"type\":\"gift.v1\"}"u8.ToArray());
        var audit = await town.Audit();
        Assert.Equal(3, Assert.Single(audit.Deviations).Index);
    }

    [Fact]
    public async Task Finds_an_entry_left_out()
    {
        town.Ask(town.Approved(town.Owner1, town.Owner2));
        town.Entries.RemoveAt(1);
        Assert.NotEmpty((await town.Audit()).Deviations);
    }

    [Fact]
    public async Task Tells_what_another_policy_would_have_decided()
    {
        town.Ask(town.Approved(town.Owner1));
        using var other = HpkePrivateKey.Generate();
        town.Ask(town.Approved(town.Owner1, town.Owner2), other.PublicKey);
        var looser = await town.Audit(Town.Policy(owners: 1));
        Assert.Equal([(Outcome.Pending, Outcome.Allowed)], looser.Differences.Select(difference => (difference.Was, difference.Would)));
        var stricter = await town.Audit(Town.Policy(owners: 3));
        Assert.Equal([(Outcome.Allowed, Outcome.Pending)], stricter.Differences.Select(difference => (difference.Was, difference.Would)));
        Assert.Empty((await town.Audit(Town.Policy())).Differences);
    }

    private EnrolMachine Tpm(TestMaker maker)
    {
        using var tpm = new TestTpm();
        using var endorsement = RSA.Create(2048);
        return town.EnrolTpm(tpm, maker.Certify(endorsement), maker.Intermediate);
    }

    private async Task Finds(int index, string what)
    {
        var audit = await town.Audit();
        Assert.Contains(audit.Deviations, deviation => deviation.Index == index && deviation.What.Contains(what, StringComparison.Ordinal));
    }

    /// <summary>Decided and written as a broker would that does not look at what stands.</summary>
    private void WriteAgain(string request)
    {
        var transcript = town.Transcript(request);
        var evidence = town.Evidence(transcript.Digest());
        town.Append(ReleaseDecision.Make(town.State, transcript, AttestationResult.Of(town.State, transcript, evidence), town.Now).Record, evidence);
    }
}
