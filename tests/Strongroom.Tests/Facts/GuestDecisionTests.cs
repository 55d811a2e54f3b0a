using System.Security.Cryptography;
using Strongroom.Attestation;
using Strongroom.Attestation.Kbs;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Policy;
using Strongroom.Tests.Attestation.Composite;
using Strongroom.Tests.Attestation.Kbs;
using Strongroom.Tests.Crypto;

namespace Strongroom.Tests.Facts;

/// <summary>Decisions on guests of the KBS protocol (spec/kbs.md, "Decision"), and the audit that computes them again.</summary>
public sealed class GuestDecisionTests : IDisposable
{
    private TeeTown scene = null!;
    private TestGuest guest = null!;

    public void Dispose() => guest?.Dispose();

    [Theory]
    [InlineData("sev-snp")]
    [InlineData("tdx")]
    public async Task A_guest_gets_its_key_and_the_audit_comes_to_the_same_bytes(string kind)
    {
        Found(kind);
        var decided = Ask(scene.Approved()).Record;
        Assert.Equal((Outcome.Allowed, scene.Measured, scene.Town.State.Endorsements.Latest!.Digest), (decided.Outcome, decided.Measurement, decided.Endorsements));
        var audit = await scene.Town.Audit();
        Assert.Empty(audit.Deviations);
        Assert.Equal((1, 1), (audit.Recomputed, audit.Grants));
    }

    [Fact]
    public void The_grant_is_marked_by_its_type_and_by_its_leases_memory()
    {
        Found();
        var decided = Ask(scene.Approved()).Record;
        Assert.Contains("\"type\":\"kbs/decided.v1\"", Town.Text(scene.Town.Entries[^1]), StringComparison.Ordinal);
        var lease = scene.Town.State.Release.Leases[decided.Grant!.Lease];
        Assert.Equal((ReleaseFacts.GuestMemory, null, null), (lease.Memory, lease.HpkeKey, lease.Configuration));
    }

    [Fact]
    public void Denies_a_guest_where_the_policy_does_not_name_the_danger()
    {
        Found(allowed: false);
        Denied("danger_kbs_guests", Ask(scene.Approved()));
    }

    /// <summary>The dangerous name opens a door to guests, and no other: an enclave is asked for its memory and its pins as ever.</summary>
    [Fact]
    public void An_enclave_cannot_pass_for_a_guest()
    {
        Found();
        var request = scene.Approved();
        var transcript = scene.Town.Transcript(request) with { Memory = ReleaseFacts.GuestMemory };
        var decision = scene.Town.Ask(transcript, scene.Machine.Evidence(transcript.Digest(), scene.Town.Now));
        Assert.Equal(Outcome.Denied, decision.Record.Outcome);
        Assert.Contains(decision.Record.Reasons!, reason => reason.Contains("guest memory may not hold the key", StringComparison.Ordinal));
    }

    [Fact]
    public void Waits_for_people_and_says_so_once()
    {
        Found();
        var request = Opened();
        Assert.Equal(Outcome.Pending, Ask(request).Record.Outcome);
        Assert.True(Ask(request).IsRepeated);
    }

    [Fact]
    public void Approvals_are_spent_by_one_guests_key()
    {
        Found();
        var request = scene.Approved();
        Assert.Equal(Outcome.Allowed, Ask(request).Record.Outcome);
        using var other = new TestGuest(scene.Machine);
        var second = Ask(request, other);
        Assert.Null(second.Standing);
        Assert.Equal(Outcome.Pending, second.Record.Outcome);
    }

    [Fact]
    public void The_same_key_is_answered_again_from_the_same_record_while_its_lease_lives()
    {
        Found();
        var request = scene.Approved();
        var lease = Ask(request).Record.Grant!.Lease;
        Assert.Equal(lease, Ask(request).Standing!.Id);
        scene.Town.Now = scene.Town.Now.AddSeconds(3600);
        Assert.Null(Ask(request).Standing);
    }

    [Fact]
    public void A_revoked_lease_answers_nobody_again()
    {
        Found();
        var request = scene.Approved();
        var lease = Ask(request).Record.Grant!.Lease;
        scene.Town.Write(new Revoke(Town.Origin, Command.NewId(), scene.Town.Operator, scene.Town.Now, lease, "lost"));
        var again = Ask(request);
        Assert.Null(again.Standing);
        Assert.NotEqual(Outcome.Allowed, again.Record.Outcome);
    }

    [Fact]
    public void A_guests_lease_is_not_answered_again_once_the_policy_no_longer_names_the_danger()
    {
        Found();
        var request = scene.Approved();
        Assert.Equal(Outcome.Allowed, Ask(request).Record.Outcome);
        Allow(false);
        Assert.Null(Ask(request).Standing);
    }

    [Fact]
    public void A_guests_lease_is_not_renewed_by_an_enclave()
    {
        Found();
        var lease = scene.Town.State.Release.Leases.GetValueOrDefault(Ask(scene.Approved()).Record.Grant!.Lease) ?? scene.Town.State.Release.Leases.Values.Single();
        var transcript = new RenewalTranscript(
            Town.Origin, RandomNumberGenerator.GetBytes(32), scene.Town.Now, lease.Id, lease.Machine, scene.Town.Enclave.PublicKey, scene.Town.BrokerKey, scene.Town.Configuration);
        var evidence = scene.Machine.Evidence(transcript.Digest(), scene.Town.Now);
        var renewal = RenewalDecision.Make(scene.Town.State, transcript, AttestationResult.Of(scene.Town.State, transcript, evidence, scene.Town.OnRecord), scene.Town.Now);
        Assert.Equal(Outcome.Denied, renewal.Record.Outcome);
        Assert.Contains("the transcript is of another enclave than the lease", renewal.Record.Reasons!);
    }

    [Fact]
    public void Denies_a_guest_whose_evidence_is_older_than_the_policy_allows_counted_from_its_nonce()
    {
        Found();
        var request = scene.Approved();
        var (transcript, evidence) = Speak(request);
        scene.Town.Now = scene.Town.Now.AddSeconds(61);
        Denied("seconds old", Decide(transcript, evidence));
    }

    [Fact]
    public void Denies_a_guest_on_another_machine_than_the_request_names()
    {
        Found();
        var other = scene.Town.Opened();
        Denied("the guest runs on", Ask(other));
    }

    [Fact]
    public void A_guest_that_measures_otherwise_gets_nothing()
    {
        Found();
        var request = scene.Approved();
        scene.Machine.Snp!.Fill(0x090, 48, 0x12);
        Assert.NotEqual(Outcome.Allowed, Ask(request).Record.Outcome);
    }

    /// <summary>The broker writes transcripts; an auditor must not have to believe that it wrote them rightly.</summary>
    [Fact]
    public void Denies_a_transcript_that_is_not_of_the_request()
    {
        Found();
        var request = scene.Approved();
        var (transcript, evidence) = Speak(request);
        foreach (var wrong in (GuestTranscript[])[transcript with { Ledger = "elsewhere" }, transcript with { BrokerKey = Digest.Of([]) }, transcript with { ModelDigest = Digest.Of([]) }, transcript with { Files = ["a"] }])
            Assert.Equal(Outcome.Denied, Decide(wrong, evidence).Record.Outcome);
    }

    [Fact]
    public void A_verdict_counts_for_its_own_nonce_key_kind_and_time_and_no_other()
    {
        Found();
        var request = scene.Approved();
        var (transcript, evidence) = Speak(request);
        var result = Judge(transcript, evidence);
        using var thief = GuestKey.Ec();
        foreach (var wrong in (GuestTranscript[])
            [
                transcript with { TeeKey = thief.Public }, transcript with { Nonce = RandomNumberGenerator.GetBytes(32) }, transcript with { Tee = "tdx" },
                transcript with { Issued = transcript.Issued.AddSeconds(1) }, transcript with { Machine = scene.Town.State.Machines.Machines.Keys.First(id => id != transcript.Machine) },
            ])
            Assert.Throws<ArgumentException>(() => GuestDecision.Make(scene.Town.State, wrong, result, scene.Town.Now));
    }

    [Fact]
    public void A_machine_that_nobody_enrolled_has_no_name()
    {
        Found();
        scene.Machine.Gpus.RemoveAt(0);
        using var stranger = new TestGuest(scene.Machine);
        var nonce = RandomNumberGenerator.GetBytes(32);
        var result = GuestAttestation.Of(scene.Town.State, "snp", nonce, scene.Town.Now, stranger.Key.Public, stranger.Answer(nonce, scene.Town.Now).ToBytes(), scene.Town.OnRecord);
        Assert.Null(result.Machine);
        Assert.Contains("nobody enrolled", Assert.Single(result.Reasons), StringComparison.Ordinal);
    }

    [Fact]
    public void A_verdict_on_endorsements_that_are_no_longer_on_record_decides_nothing()
    {
        Found();
        var request = scene.Approved();
        var (transcript, evidence) = Speak(request);
        var result = Judge(transcript, evidence);
        scene.Town.Now = scene.Town.Now.AddSeconds(1);
        scene.Endorse();
        Assert.False(result.StandsOn(scene.Town.State));
        Assert.Throws<UnavailableException>(() => GuestDecision.Make(scene.Town.State, transcript, result, scene.Town.Now));
    }

    [Fact]
    public async Task The_audit_finds_a_grant_that_no_evidence_carries()
    {
        Found();
        Ask(scene.Approved());
        var (last, evidence) = (scene.Town.Entries.Count - 1, Speak(scene.Approved()).Evidence);
        scene.Town.Blobs[Digest.Of(evidence)] = evidence;
        scene.Town.Entries.RemoveRange(last + 1, scene.Town.Entries.Count - last - 1);
        scene.Town.Rewrite(last, record => (GuestDecided)record with { Evidence = Digest.Of(evidence) });
        Assert.Contains((await scene.Town.Audit()).Deviations, deviation => deviation.Index == last);
    }

    [Fact]
    public async Task The_audit_finds_a_grant_for_another_key_or_of_another_length()
    {
        Found();
        Ask(scene.Approved());
        var last = scene.Town.Entries.Count - 1;
        var original = scene.Town.Entries[last];
        using var thief = GuestKey.Ec();
        foreach (var lie in (Func<GuestDecided, GuestDecided>[])[decided => decided with { Transcript = decided.Transcript with { TeeKey = thief.Public } }, decided => decided with { Grant = decided.Grant! with { Seconds = 7200 } }])
        {
            scene.Town.Rewrite(last, record => lie((GuestDecided)record));
            Assert.Contains((await scene.Town.Audit()).Deviations, deviation => deviation.Index == last);
            scene.Town.Entries[last] = original;
        }
    }

    [Fact]
    public async Task A_policy_without_the_danger_would_have_denied_what_guests_got()
    {
        Found();
        Ask(scene.Approved());
        var difference = Assert.Single((await scene.Town.Audit(ReleasePolicy.From([Rule(false)]))).Differences);
        Assert.Equal((Outcome.Allowed, Outcome.Denied), (difference.Was, difference.Would));
    }

    private void Found(string kind = "sev-snp", bool allowed = true)
    {
        scene = new(kind);
        guest = new(scene.Machine);
        Allow(allowed);
    }

    private void Allow(bool allowed) => scene.Town.Agree(new SetPolicy(Town.Document(ReleasePolicy.From([Rule(allowed)]))));

    private PolicyRule Rule(bool allowed) => new(
        "stories", ["storyteller"], [Town.Purpose], [new(scene.Machine.Kind, ["guests"], 60, 1, DangerKbsGuests: allowed ? true : null)], [new("owners", 2)], ["secret"], CheckTree: false, 3600, 86_400, 86_400);

    private string Opened()
    {
        var open = scene.Town.Open() with { Machine = scene.Identity.MachineId(), Measurement = scene.Measured };
        scene.Town.Write(open);
        return Ids.Request(open);
    }

    private GuestDecision Ask(string request, TestGuest? other = null)
    {
        var (transcript, evidence) = Speak(request, other);
        return Decide(transcript, evidence);
    }

    private (GuestTranscript Transcript, byte[] Evidence) Speak(string request, TestGuest? other = null)
    {
        var (who, asked, nonce) = (other ?? guest, scene.Town.State.Requests.Requests[request].Asked, RandomNumberGenerator.GetBytes(32));
        var transcript = new GuestTranscript(
            Town.Origin, nonce, Timestamp.WholeSecond(scene.Town.Now), who.Tee, who.Key.Public, scene.Identity.MachineId(), request, asked.ModelDigest, scene.Town.BrokerKey, asked.Files);
        return (transcript, who.Answer(nonce, scene.Town.Now).ToBytes());
    }

    private GuestAttestation Judge(GuestTranscript transcript, byte[] evidence) =>
        GuestAttestation.Of(scene.Town.State, transcript.Tee, transcript.Nonce, transcript.Issued, transcript.TeeKey, evidence, scene.Town.OnRecord);

    /// <summary>As a broker does, and writes the decision unless it is one that is not written.</summary>
    private GuestDecision Decide(GuestTranscript transcript, byte[] evidence)
    {
        var result = Judge(transcript, evidence);
        var decision = GuestDecision.Make(scene.Town.State, transcript, result, scene.Town.Now);
        if (decision.Standing is null && !decision.IsRepeated) scene.Town.Append(decision.Record, result.Blobs);
        return decision;
    }

    private static void Denied(string reason, GuestDecision decision)
    {
        Assert.Equal(Outcome.Denied, decision.Record.Outcome);
        Assert.Contains(decision.Record.Reasons!, each => each.Contains(reason, StringComparison.Ordinal));
    }
}
