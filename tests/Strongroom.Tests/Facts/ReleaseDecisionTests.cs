using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Policy;
using Strongroom.Tests.Ledger;

namespace Strongroom.Tests.Facts;

/// <summary>What is released, renewed, answered again and taken back, spec/records.md "Decisions" and spec/release-protocol.md.</summary>
public sealed class ReleaseDecisionTests
{
    private readonly Town town = Town.Furnished();

    [Fact]
    public void Releases_to_the_enclave_that_two_owners_approved()
    {
        var request = town.Approved(town.Owner1, town.Owner2);
        var record = town.Ask(request).Record;
        Assert.Equal(Outcome.Allowed, record.Outcome);
        Assert.True(record.Development);
        Assert.Equal(town.State.Requests.Requests[request].Approvals.Select(given => given.Index), record.Grant!.Approvals);
        var lease = Assert.Single(town.State.Release.Leases.Values);
        Assert.True(lease.LivesAt(town.Now));
        Assert.False(lease.LivesAt(town.Now.AddHours(1)));
    }

    [Fact]
    public void Waits_for_the_second_owner()
    {
        var record = town.Ask(town.Approved(town.Owner1)).Record;
        Assert.Equal(Outcome.Pending, record.Outcome);
        Assert.NotEmpty(record.Missing!);
        Assert.Empty(town.State.Release.Leases);
    }

    [Fact]
    public void Does_not_count_a_person_in_no_asked_group() =>
        Assert.Equal(Outcome.Pending, town.Ask(town.Approved(town.Owner1, town.Outsider)).Record.Outcome);

    [Fact]
    public void One_refusal_denies()
    {
        var request = town.Approved(town.Owner1, town.Owner2);
        town.Write(town.Approve(town.Owner3, request, Answer.Refuse));
        Assert.Equal(Outcome.Denied, town.Ask(request).Record.Outcome);
    }

    [Fact]
    public void Denies_a_model_whose_publisher_came_back_under_the_name_with_another_key()
    {
        var request = town.Approved(town.Owner1, town.Owner2);
        town.Agree(new RemovePublisher("acme"));
        town.Agree(new AddPublisher("acme", Town.NewKey().PublicKey));
        Assert.Equal(["its publisher is not trusted, or no longer"], town.Ask(request).Record.Reasons);
        town.Agree(new RemovePublisher("acme"));
        town.Agree(new AddPublisher("acme", town.Publisher.PublicKey));
        Assert.Equal(Outcome.Allowed, town.Ask(request).Record.Outcome);
    }

    [Fact]
    public void Does_not_count_the_approval_of_a_leaver()
    {
        var request = town.Approved(town.Owner1, town.Owner2);
        town.Agree(new RemovePerson(town.Owner2));
        Assert.Equal(Outcome.Pending, town.Ask(request).Record.Outcome);
    }

    [Fact]
    public void Does_not_count_an_approval_given_under_another_policy()
    {
        var request = town.Approved(town.Owner1, town.Owner2);
        town.Agree(new SetPolicy(Town.Document(Town.Policy(leaseSeconds: 7200))));
        Assert.Equal(Outcome.Pending, town.Ask(request).Record.Outcome);
    }

    [Fact]
    public void Does_not_count_an_approval_of_another_measurement()
    {
        var changed = new Dictionary<string, string>(Town.Boot) { ["kernel"] = "6.19" };
        town.Agree(new SetReference("good-boot", "development", changed, 2));
        Assert.Equal(Outcome.Pending, town.Ask(town.Approved(town.Owner1, town.Owner2), boot: changed).Record.Outcome);
    }

    [Fact]
    public void Denies_a_machine_that_measures_what_nobody_recorded_as_good() =>
        Assert.Equal(
            Outcome.Denied, town.Ask(town.Approved(town.Owner1, town.Owner2), boot: new Dictionary<string, string> { ["kernel"] = "6.18", ["image"] = "bad" }).Record.Outcome);

    [Fact]
    public void A_release_spends_its_approvals()
    {
        var request = town.Approved(town.Owner1, town.Owner2);
        town.Ask(request);
        using var other = HpkePrivateKey.Generate();
        Assert.Equal(Outcome.Pending, town.Ask(request, other.PublicKey).Record.Outcome);
        Assert.Empty(town.Refusals(town.Approve(town.Owner1, request)));
    }

    [Fact]
    public void The_same_enclave_is_answered_the_same_and_nothing_is_written()
    {
        var request = town.Approved(town.Owner1, town.Owner2);
        var granted = town.Ask(request);
        var size = town.State.Size;
        var again = town.Ask(request);
        Assert.Equal(size, town.State.Size);
        Assert.Equal(granted.Record.Grant!.Lease, again.Standing?.Id);
        Assert.Equal(size - 1, again.Standing?.Index);
    }

    [Theory]
    [InlineData("policy", Outcome.Pending)]
    [InlineData("reference", Outcome.Denied)]
    [InlineData("publisher", Outcome.Denied)]
    [InlineData("refusal", Outcome.Denied)]
    public async Task A_standing_lease_is_not_answered_again_when_it_could_not_be_renewed(string what, Outcome outcome)
    {
        var request = town.Approved(town.Owner1, town.Owner2);
        town.Ask(request);
        switch (what)
        {
            case "policy":
                town.Agree(new SetPolicy(Town.Document(Town.Policy(leaseSeconds: 7200))));
                break;
            case "reference":
                town.Agree(new SetReference("good-boot", "development", new Dictionary<string, string>(Town.Boot) { ["kernel"] = "6.19" }, 2));
                break;
            case "publisher":
                town.Agree(new RemovePublisher("acme"));
                break;
            default:
                town.Write(town.Approve(town.Owner3, request, Answer.Refuse));
                break;
        }
        var again = town.Ask(request);
        Assert.Null(again.Standing);
        Assert.Equal(outcome, again.Record.Outcome);
        Assert.Equal(again.Entry.ToArray(), town.Entries[^1]);
        Assert.Empty((await town.Audit()).Deviations);
    }

    [Fact]
    public void An_ended_lease_is_not_answered_again()
    {
        var request = town.Approved(town.Owner1, town.Owner2);
        town.Write(town.Revoke(town.Ask(request).Record.Grant!.Lease));
        var again = town.Ask(request);
        Assert.Null(again.Standing);
        Assert.Equal(Outcome.Pending, again.Record.Outcome);
    }

    [Fact]
    public void A_pending_enclave_that_asks_again_and_again_writes_once()
    {
        var request = town.Approved(town.Owner1);
        town.Ask(request);
        var size = town.State.Size;
        for (var i = 0; i < 5; i++, town.Now = town.Now.AddSeconds(10)) Assert.True(town.Ask(request).IsRepeated);
        Assert.Equal(size, town.State.Size);
        town.Write(town.Approve(town.Owner2, request));
        Assert.Equal(Outcome.Allowed, town.Ask(request).Record.Outcome);
    }

    [Fact]
    public void Denies_evidence_for_another_transcript()
    {
        var request = town.Approved(town.Owner1, town.Owner2);
        var stale = town.Evidence(town.Transcript(request).Digest());
        var record = town.Ask(town.Transcript(request), stale).Record;
        Assert.Equal(Outcome.Denied, record.Outcome);
        Assert.Contains(record.Reasons!, reason => reason.StartsWith("transcript:", StringComparison.Ordinal));
        Assert.Null(record.Measurement);
    }

    [Fact]
    public void Denies_another_process_of_the_same_machine()
    {
        var request = town.Approved(town.Owner1, town.Owner2);
        using var thief = HpkePrivateKey.Generate();
        var transcript = town.Transcript(request, thief.PublicKey);
        var record = town.Ask(transcript, town.Evidence(transcript.Digest())).Record;
        Assert.Contains(record.Reasons!, reason => reason.StartsWith("starts:", StringComparison.Ordinal));
    }

    [Fact]
    public void Denies_a_second_start_in_one_boot()
    {
        var request = town.Approved(town.Owner1, town.Owner2);
        var transcript = town.Transcript(request);
        Assert.Equal(Outcome.Denied, town.Ask(transcript, town.Evidence(transcript.Digest(), starts: 2)).Record.Outcome);
    }

    [Fact]
    public void Denies_evidence_older_than_the_policy_allows_counted_from_its_nonce()
    {
        var transcript = town.Transcript(town.Approved(town.Owner1, town.Owner2));
        town.Now = town.Now.AddSeconds(61);
        Assert.Equal(Outcome.Denied, town.Ask(transcript, town.Evidence(transcript.Digest())).Record.Outcome);
    }

    [Fact]
    public void Allows_evidence_as_old_as_the_policy_allows()
    {
        var transcript = town.Transcript(town.Approved(town.Owner1, town.Owner2));
        town.Now = town.Now.AddSeconds(60);
        Assert.Equal(Outcome.Allowed, town.Ask(transcript, town.Evidence(transcript.Digest())).Record.Outcome);
    }

    [Fact]
    public async Task A_denial_with_more_to_say_than_fits_is_cut_and_recorded_all_the_same()
    {
        var talkative = Town.Furnished(ReleasePolicy.From(
        [
            new("stories", ["storyteller"], [Town.Purpose], [new("development", [.. Enumerable.Range(0, 600).Select(i => $"{i:d80}")], 60, 1, true)], [new("owners", 2)],
                ["secret"], CheckTree: true, 3600, 86_400, 86_400),
        ]));
        var record = talkative.Ask(talkative.Approved(talkative.Owner1, talkative.Owner2)).Record;
        Assert.Equal(Outcome.Denied, record.Outcome);
        Assert.Equal(800, record.Reasons!.Max(reason => reason.Length));
        Assert.Empty((await talkative.Audit()).Deviations);
    }

    [Fact]
    public void Reasons_are_cut_between_characters_and_counted()
    {
        var cut = Reasons.Fitting([.. Enumerable.Repeat(string.Concat(Enumerable.Repeat("\U0001F512", 500)), 14), "x" + string.Concat(Enumerable.Repeat("\U0001F512", 500))]);
        Assert.Equal((12, "and 4 more"), (cut.Count, cut[^1]));
        Assert.All(cut, reason => Assert.Equal(reason, System.Text.Encoding.UTF8.GetString(new System.Text.UTF8Encoding(false, true).GetBytes(reason))));
        Assert.All(cut, reason => Assert.InRange(reason.Length, 1, 800));
        var odd = Assert.Single(Reasons.Fitting(["x" + string.Concat(Enumerable.Repeat("\U0001F512", 500))]));
        Assert.Equal(odd, System.Text.Encoding.UTF8.GetString(new System.Text.UTF8Encoding(false, true).GetBytes(odd)));
    }

    [Fact]
    public void Denies_everything_while_no_policy_is_in_force()
    {
        var bare = Town.Founded();
        bare.Enrol(bare.Operator, Groups.Operators);
        bare.Agree(new AddPublisher("acme", bare.Publisher.PublicKey));
        bare.Write(bare.AddModel());
        bare.Write(bare.EnrolMachine());
        Assert.Equal(["no policy is in force: two administrators set the first one"], bare.Ask(bare.Opened()).Record.Reasons);
    }

    [Theory]
    [InlineData("ledger")]
    [InlineData("broker")]
    [InlineData("nonce")]
    [InlineData("machine")]
    [InlineData("model")]
    [InlineData("files")]
    public void Denies_a_transcript_that_is_not_of_the_request(string what)
    {
        var transcript = town.Transcript(town.Approved(town.Owner1, town.Owner2));
        transcript = what switch
        {
            "ledger" => transcript with { Ledger = "other" },
            "broker" => transcript with { BrokerKey = Digest.Of([]) },
            "nonce" => transcript with { Nonce = new byte[16] },
            "machine" => transcript with { Machine = "machine-x" },
            "model" => transcript with { ModelDigest = Digest.Of([]) },
            _ => transcript with { Files = ["model.safetensors"] },
        };
        var decision = ReleaseDecision.Make(town.State, transcript, AttestationResult.Of(town.State, transcript, town.Evidence(transcript.Digest())), town.Now);
        Assert.StartsWith("the transcript", Assert.Single(decision.Record.Reasons!), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ledger")]
    [InlineData("ledger key")]
    [InlineData("witness")]
    [InlineData("no witness")]
    [InlineData("broker")]
    [InlineData("another publisher")]
    [InlineData("one publisher more")]
    [InlineData("a publisher not on record")]
    [InlineData("no publisher")]
    public void Denies_an_enclave_whose_pins_do_not_follow_from_the_ledger(string pins)
    {
        var (other, stranger) = (Town.NewKey().PublicKey, Town.NewKey().PublicKey);
        town.Agree(new AddPublisher("other", other));
        town.Agree(new AddPublisher("third", Town.NewKey().PublicKey));
        var good = town.Pinned();
        var configuration = (pins switch
        {
            "ledger" => good with { Ledger = "attacker.example" },
            "ledger key" => good with { LedgerKey = $"{TestKeys.Signer("attacker.example").Verifier}" },
            "witness" => good with { Witnesses = [$"{TestKeys.Cosigner("attacker.example/1").Verifier}"] },
            "no witness" => good with { Witnesses = [] },
            "broker" => good with { BrokerKey = Digest.Of("the attacker's"u8) },
            "another publisher" => good with { Publishers = [other] },
            "one publisher more" => good with { Publishers = [.. good.Publishers, other] },
            "a publisher not on record" => good with { Publishers = [.. good.Publishers, stranger] },
            _ => good with { Publishers = [] },
        }).Digest();
        var record = AskPinned(town.Approved(town.Owner1, town.Owner2), configuration).Record;
        var reason = Assert.Single(record.Reasons!);
        foreach (var pin in (string[])[$"{town.BrokerKey}", $"{town.LedgerKey}", $"{town.WitnessKey}", $"{town.Publisher.PublicKey}"])
            Assert.Contains(pin, reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Releases_to_an_enclave_that_pins_every_recorded_publisher_in_any_order()
    {
        var other = Town.NewKey().PublicKey;
        town.Agree(new AddPublisher("other", other));
        Assert.Equal(town.Pinned(other, town.Publisher.PublicKey).Digest(), town.Pinned(town.Publisher.PublicKey, other, other).Digest());
        Assert.Equal(Outcome.Allowed, AskPinned(town.Approved(town.Owner1, town.Owner2), town.Pinned(other, town.Publisher.PublicKey).Digest()).Record.Outcome);
    }

    [Fact]
    public void Does_not_renew_for_an_enclave_that_pins_a_publisher_who_is_no_longer_on_record()
    {
        var other = Town.NewKey().PublicKey;
        town.Agree(new AddPublisher("other", other));
        AskPinned(town.Approved(town.Owner1, town.Owner2), town.Pinned(town.Publisher.PublicKey, other).Digest());
        var lease = Assert.Single(town.State.Release.Leases.Values);
        Assert.Equal(Outcome.Allowed, town.Renew(lease).Record.Outcome);
        town.Agree(new RemovePublisher("other"));
        Assert.StartsWith("the enclave runs with other pins", Assert.Single(town.Renew(lease).Record.Reasons!), StringComparison.Ordinal);
    }

    [Fact]
    public void No_lease_outlives_its_request()
    {
        var request = town.Approved(town.Owner1, town.Owner2);
        town.Now = town.Now.AddHours(11.5);
        var grant = town.Ask(request).Record.Grant!;
        Assert.Equal(1800, grant.Seconds);
        Assert.Equal(town.State.Requests.Requests[request].Asked.Expires, grant.Expires);
    }

    [Fact]
    public void Renews_on_fresh_evidence()
    {
        var lease = Leased();
        town.Now = town.Now.AddMinutes(50);
        Assert.Equal(Outcome.Allowed, town.Renew(lease).Record.Outcome);
        Assert.Equal(town.Now.AddHours(1), town.State.Release.Leases[lease.Id].Expires);
    }

    [Fact]
    public void Does_not_renew_an_expired_lease()
    {
        var lease = Leased();
        town.Now = town.Now.AddHours(1);
        Assert.Contains("the lease has expired", town.Renew(lease).Record.Reasons!);
    }

    [Fact]
    public void Does_not_renew_a_revoked_lease()
    {
        var lease = Leased();
        town.Write(town.Revoke(lease.Id));
        Assert.Contains("the lease was ended: it was time", town.Renew(lease).Record.Reasons!);
    }

    [Fact]
    public void Does_not_renew_for_another_enclave()
    {
        using var other = HpkePrivateKey.Generate();
        Assert.Contains("the transcript is of another enclave than the lease", town.Renew(Leased(), key: other.PublicKey).Record.Reasons!);
    }

    [Theory]
    [InlineData("ledger", "the transcript is of another ledger")]
    [InlineData("broker", "the transcript is of another broker")]
    [InlineData("nonce", "the transcript's nonce has another length than 32 bytes")]
    [InlineData("machine", "the transcript is of another machine than the lease")]
    [InlineData("configuration", "the transcript is of another configuration than the lease")]
    public void Does_not_renew_on_a_transcript_of_something_else(string what, string reason)
    {
        var lease = Leased();
        var right = town.Renewal(lease);
        var wrong = what switch
        {
            "ledger" => right with { Ledger = "elsewhere.example/strongroom" },
            "broker" => right with { BrokerKey = Digest.Of("another broker"u8) },
            "nonce" => right with { Nonce = new byte[16] },
            "machine" => right with { Machine = "machine-" + new string('0', 32) },
            _ => right with { Configuration = Digest.Of("other pins"u8) },
        };
        var result = AttestationResult.Of(town.State, wrong, town.Evidence(wrong.Digest(), lease.HpkeKey!, configuration: wrong.Configuration));
        Assert.Contains(reason, RenewalDecision.Make(town.State, wrong, result, town.Now).Record.Reasons!);
    }

    [Fact]
    public void Does_not_renew_under_a_changed_policy()
    {
        var lease = Leased();
        town.Agree(new SetPolicy(Town.Document(Town.Policy(leaseSeconds: 7200))));
        Assert.Equal(Outcome.Denied, town.Renew(lease).Record.Outcome);
        Assert.Equal(lease.Expires, town.State.Release.Leases[lease.Id].Expires);
    }

    [Fact]
    public void Does_not_renew_on_approvals_that_its_release_did_not_spend()
    {
        var lease = Leased();
        town.Write(town.Approve(town.Owner3, lease.Request));
        town.Agree(new SetGroups(town.Owner2, ["others"]));
        Assert.Contains(town.Renew(lease).Record.Reasons!, reason => reason.StartsWith("approval by 1 person of group owners", StringComparison.Ordinal));
    }

    [Fact]
    public void Does_not_renew_on_another_measurement()
    {
        var lease = Leased();
        var changed = new Dictionary<string, string>(Town.Boot) { ["kernel"] = "6.19" };
        town.Agree(new SetReference("good-boot", "development", changed, 2));
        Assert.Contains("the machine's measurement has changed since the release", town.Renew(lease, changed).Record.Reasons!);
    }

    [Theory]
    [InlineData("lease")]
    [InlineData("request")]
    [InlineData("machine")]
    [InlineData("model")]
    [InlineData("approver")]
    [InlineData("opener")]
    [InlineData("leaver")]
    [InlineData("retired")]
    public void A_lease_ends_with_whatever_it_rests_on(string what)
    {
        var lease = Leased();
        switch (what)
        {
            case "leaver":
                town.Agree(new RemovePerson(town.Owner2));
                break;
            case "retired":
                town.Write(new RetireMachine(Town.Origin, Command.NewId(), town.Operator, town.Now, town.Machine));
                break;
            default:
                town.Write(town.Revoke(what switch
                {
                    "lease" => lease.Id,
                    "request" => lease.Request,
                    "machine" => lease.Machine,
                    "model" => Ids.Model(lease.Model, lease.Version),
                    "approver" => town.Owner1,
                    _ => town.Operator,
                }));
                break;
        }
        Assert.NotNull(town.State.Release.Leases[lease.Id].Ended);
        Assert.False(town.State.Release.Leases[lease.Id].LivesAt(town.Now));
    }

    /// <summary>So that it is found by what lives, and costs nothing for all that ever lived.</summary>
    [Fact]
    public void A_revocation_ends_what_lives_and_leaves_what_had_expired()
    {
        var expired = Leased();
        town.Now = expired.Expires;
        using var other = HpkePrivateKey.Generate();
        var request = town.Approved(town.Owner1, town.Owner2);
        Assert.Equal(Outcome.Allowed, town.Ask(request, other.PublicKey).Record.Outcome);
        var living = Assert.Single(town.State.Release.Leases.Values, lease => lease.Request == request);
        town.Now = living.Expires.AddSeconds(-1);
        Assert.Equal(Outcome.Allowed, town.Renew(living, key: other.PublicKey).Record.Outcome);
        town.Now = living.Expires.AddSeconds(1); // it lives on by its renewal alone
        town.Write(town.Revoke(town.Machine));
        Assert.NotNull(town.State.Release.Leases[living.Id].Ended);
        Assert.Null(town.State.Release.Leases[expired.Id].Ended);
        town.Write(town.Revoke(expired.Id));
        Assert.NotNull(town.State.Release.Leases[expired.Id].Ended); // by its own name it is, once
        Assert.NotEmpty(town.Refusals(town.Revoke(expired.Id)));
    }

    [Fact]
    public void A_lease_does_not_end_with_what_it_does_not_rest_on()
    {
        var lease = Leased();
        town.Write(town.Revoke(town.Owner3));
        Assert.True(town.State.Release.Leases[lease.Id].LivesAt(town.Now));
    }

    [Fact]
    public void The_same_arguments_give_the_same_bytes()
    {
        var transcript = town.Transcript(town.Approved(town.Owner1, town.Owner2));
        var evidence = town.Evidence(transcript.Digest());
        var (first, second) = (Decide(), Decide());
        Assert.Equal(first.Entry.ToArray(), second.Entry.ToArray());

        ReleaseDecision Decide() => ReleaseDecision.Make(town.State, transcript, AttestationResult.Of(town.State, transcript, evidence), town.Now);
    }

    [Fact]
    public void A_renewal_that_is_refused_again_and_again_writes_once()
    {
        var lease = Leased();
        town.Agree(new SetPolicy(Town.Document(Town.Policy(leaseSeconds: 1800))));
        var first = town.Renew(lease);
        Assert.Equal((Outcome.Denied, false), (first.Record.Outcome, first.IsRepeated));
        var size = town.State.Size;
        for (var i = 0; i < 3; i++)
        {
            town.Now = town.Now.AddSeconds(7);
            Assert.True(town.Renew(lease).IsRepeated);
        }
        Assert.Equal(size, town.State.Size);
    }

    [Fact]
    public void A_strangers_rubbish_does_not_make_the_machines_last_answer_new()
    {
        var request = town.Opened();
        town.Ask(request);
        var transcript = town.Transcript(request);
        Assert.False(town.Ask(transcript, DevelopmentEvidence.Sign(Town.NewKey(), transcript.Digest(), Town.Boot, [])).IsRepeated);
        Assert.True(town.Ask(request).IsRepeated);
    }

    [Fact]
    public void A_lease_that_was_renewed_a_moment_ago_is_fresh_for_an_eighth_of_its_length()
    {
        var lease = Leased();
        Assert.False(lease.IsFresh(town.Now));
        town.Renew(lease);
        lease = town.State.Release.Leases[lease.Id];
        var length = lease.Expires - town.Now;
        Assert.True(lease.IsFresh(town.Now + length / 8 - TimeSpan.FromSeconds(1)));
        Assert.False(lease.IsFresh(town.Now + length / 8));
    }

    [Fact]
    public void A_machine_that_is_retired_after_its_evidence_was_verified_gets_nothing()
    {
        var transcript = town.Transcript(town.Approved(town.Owner1, town.Owner2));
        var result = AttestationResult.Of(town.State, transcript, town.Evidence(transcript.Digest()));
        Assert.True(result.IsTrusted);
        town.Write(new RetireMachine(Town.Origin, Command.NewId(), town.Operator, town.Now, town.Machine));
        Assert.Equal(Outcome.Denied, ReleaseDecision.Make(town.State, transcript, result, town.Now).Record.Outcome);
    }

    [Fact]
    public void A_lease_that_is_revoked_after_its_evidence_was_verified_is_not_renewed()
    {
        var lease = Leased();
        var transcript = town.Renewal(lease);
        var result = AttestationResult.Of(town.State, transcript, town.Evidence(transcript.Digest()));
        town.Write(town.Revoke(lease.Id));
        Assert.Equal(Outcome.Denied, RenewalDecision.Make(town.State, transcript, result, town.Now).Record.Outcome);
    }

    [Fact]
    public void A_verdict_on_one_transcript_decides_nothing_for_another()
    {
        var transcript = town.Transcript(town.Approved(town.Owner1, town.Owner2));
        var result = AttestationResult.Of(town.State, transcript, town.Evidence(transcript.Digest()));
        Assert.Throws<ArgumentException>(() => ReleaseDecision.Make(town.State, transcript with { Memory = "locked" }, result, town.Now));
    }

    [Fact]
    public void A_verdict_is_not_used_once_the_machine_is_known_by_another_key()
    {
        var machine = new EnrolledMachine("machine-x", "tpm", new byte[] { 1, 2 }, [0, 1], 13);
        Assert.True(machine.IsSameAs(machine with { AttestationKey = new byte[] { 1, 2 }, Pcrs = [0, 1] }));
        Assert.All(
            (EnrolledMachine[])[machine with { Id = "machine-y" }, machine with { Kind = "development" }, machine with { AttestationKey = new byte[] { 1, 3 } }, machine with { Pcrs = [0] }, machine with { ApplicationPcr = 12 }],
            other => Assert.False(machine.IsSameAs(other)));
    }

    private ReleaseDecision AskPinned(string request, Digest configuration)
    {
        var transcript = town.Transcript(request, configuration: configuration);
        return town.Ask(transcript, town.Evidence(transcript.Digest(), configuration: configuration));
    }

    private Lease Leased() => town.Leased(town.Approved(town.Owner1, town.Owner2));
}
