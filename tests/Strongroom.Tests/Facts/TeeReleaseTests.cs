using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Tests.Attestation.Composite;

namespace Strongroom.Tests.Facts;

/// <summary>Machines with a TEE: enrolled by their own evidence, released, renewed and audited, with the endorsements on record and no others.</summary>
public sealed class TeeReleaseTests
{
    public static TheoryData<string> Kinds => new("sev-snp", "tdx", "nitro");

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_tee_gets_a_key_keeps_it_and_the_audit_comes_to_the_same_bytes(string kind)
    {
        var scene = new TeeTown(kind);
        var decision = scene.Ask(scene.Approved());
        Assert.Equal((Outcome.Allowed, scene.Measured, scene.Town.State.Endorsements.Latest!.Digest), (decision.Record.Outcome, decision.Record.Measurement, decision.Record.Endorsements));
        Assert.Null(decision.Record.Development);
        scene.Town.Now = scene.Town.Now.AddMinutes(30);
        Assert.Equal(Outcome.Allowed, scene.Renew(scene.Town.State.Release.Leases[decision.Record.Grant!.Lease]).Record.Outcome);
        var audit = await scene.Town.Audit();
        Assert.Empty(audit.Deviations);
        Assert.Equal((2, 1), (audit.Recomputed, audit.Grants));
    }

    [Fact]
    public void A_lease_on_a_tee_has_a_minute_at_least_since_its_evidence_is_large()
    {
        var scene = new TeeTown("sev-snp");
        var open = scene.Town.Open() with { Machine = scene.Identity.MachineId(), Measurement = scene.Measured };
        Assert.Contains("a lease on a sev-snp machine has 60 seconds at least: the evidence of each renewal is kept for ever", scene.Town.Refusals(open with { LeaseSeconds = 59 }));
        Assert.Empty(scene.Town.Refusals(open with { LeaseSeconds = 60 }));
        Assert.Empty(scene.Town.Refusals(scene.Town.Open() with { LeaseSeconds = 1 })); // another kind's is small
    }

    [Fact]
    public void Another_chip_in_the_same_state_gets_nothing()
    {
        var scene = new TeeTown("sev-snp");
        scene.Machine.Snp!.Fill(0x1A0, 64, 0x34);
        scene.Machine.Snp.Key = scene.Machine.Snp.Key with { HardwareId = scene.Machine.Snp.Report[0x1A0..0x1E0] };
        scene.Town.Now = scene.Town.Now.AddSeconds(1);
        scene.Endorse();
        Denied("identity: the evidence is of another machine", scene.Ask(scene.Approved()));
    }

    [Fact]
    public void A_machine_with_one_gpu_exchanged_gets_nothing()
    {
        var scene = new TeeTown("sev-snp");
        scene.Machine.Gpus[1] = scene.Machine.Gpus[1] with { Serial = "414300000000000000" };
        scene.Town.Now = scene.Town.Now.AddSeconds(1);
        scene.Endorse();
        Denied("identity: the evidence is of another machine", scene.Ask(scene.Approved()));
    }

    [Fact]
    public void Evidence_of_another_exchange_gets_nothing()
    {
        var scene = new TeeTown("tdx");
        var request = scene.Approved();
        var evidence = scene.Machine.Evidence(scene.Town.Transcript(request).Digest(), scene.Town.Now);
        Denied("composite.2.bound", scene.Town.Ask(scene.Town.Transcript(request), evidence));
    }

    [Theory]
    [InlineData("sev-snp")]
    [InlineData("tdx")]
    public void Of_a_machine_whose_processor_did_not_sign_for_this_exchange_no_device_is_judged(string kind)
    {
        var scene = new TeeTown(kind);
        var lease = scene.Leased();
        var (release, renewal) = (scene.Town.Transcript(scene.Approved()), scene.Town.Renewal(lease));
        var evidence = scene.Machine.Evidence(Digest.Of("another exchange"u8), scene.Town.Now);
        Assert.True(scene.Machine.Gpus.Count > 0);
        var denied = scene.Town.Ask(release, evidence).Record.Reasons!;
        Assert.All(denied, OfTheProcessor);
        Assert.Contains(denied, reason => reason.StartsWith("composite.2.bound", StringComparison.Ordinal));
        Assert.All(RenewalDecision.Make(scene.Town.State, renewal, AttestationResult.Of(scene.Town.State, renewal, evidence, scene.Town.OnRecord), scene.Town.Now).Record.Reasons!, OfTheProcessor);

        static void OfTheProcessor(string reason) => Assert.Matches("^(cpu|composite[.]2)[.]", reason); // a device that was looked at would say that it answers something else
    }

    [Fact]
    public async Task Endorsements_collected_after_the_challenge_count_from_when_they_were()
    {
        var scene = new TeeTown(TestMachine.SnpWithGpus(Town.Noon, gpus: 0));
        scene.Town.Now = scene.Town.Now.AddDays(8);
        var transcript = scene.Town.Transcript(scene.Approved());
        scene.Town.Now = scene.Town.Now.AddSeconds(10);
        scene.EndorseAgain(); // the vendors have nothing newer than a week ago
        Assert.Equal(Outcome.Allowed, scene.Town.Ask(transcript, scene.Machine.Evidence(transcript.Digest(), scene.Town.Now)).Record.Outcome);
        Assert.Empty((await scene.Town.Audit()).Deviations);
    }

    [Fact]
    public void A_guest_that_measures_otherwise_gets_nothing()
    {
        var scene = new TeeTown("sev-snp");
        scene.Machine.Snp!.Fill(0x090, 48, 0x12);
        var decision = scene.Ask(scene.Approved());
        Assert.Equal(Outcome.Denied, decision.Record.Outcome);
        Assert.NotEqual(scene.Measured, decision.Record.Measurement);
    }

    /// <summary>Neither yes nor no: who waits for the operator must not be told that the machine is bad, nor the auditor.</summary>
    [Fact]
    public void Nothing_is_decided_on_endorsements_that_are_stale()
    {
        var scene = new TeeTown("sev-snp");
        scene.Town.Now = scene.Town.Now.AddDays(8);
        var request = scene.Approved();
        Assert.Throws<UnavailableException>(() => scene.Ask(request));
        scene.Endorse();
        Assert.Equal(Outcome.Allowed, scene.Ask(request).Record.Outcome);
    }

    [Fact]
    public void Nothing_is_decided_without_endorsements()
    {
        var scene = new TeeTown(TestMachine.SnpWithGpus(Town.Noon, gpus: 0));
        scene.Town.Agree(new RemoveCollector("lab"));
        Assert.Throws<UnavailableException>(() => scene.Ask(scene.Approved()));
    }

    [Fact]
    public void A_verdict_on_other_endorsements_than_those_on_record_is_not_used()
    {
        var scene = new TeeTown("sev-snp");
        var transcript = scene.Town.Transcript(scene.Approved());
        var evidence = scene.Machine.Evidence(transcript.Digest(), scene.Town.Now);
        Assert.Throws<UnavailableException>(() => AttestationResult.Of(scene.Town.State, transcript, evidence));
        var result = AttestationResult.Of(scene.Town.State, transcript, evidence, scene.Town.OnRecord);
        scene.Town.Now = scene.Town.Now.AddSeconds(1);
        scene.Endorse();
        Assert.Throws<UnavailableException>(() => ReleaseDecision.Make(scene.Town.State, transcript, result, scene.Town.Now));
    }

    [Fact]
    public void A_chip_whose_makers_key_was_taken_back_after_the_grant_is_not_renewed()
    {
        var scene = new TeeTown("sev-snp");
        var lease = scene.Leased();
        scene.Town.Now = scene.Town.Now.AddMinutes(10);
        scene.Revoke();
        var renewal = scene.Renew(lease);
        Assert.Equal(Outcome.Denied, renewal.Record.Outcome);
        Assert.Contains(renewal.Record.Reasons!, reason => reason.StartsWith("cpu.snp.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_audit_finds_a_decision_that_names_other_endorsements()
    {
        var scene = new TeeTown("sev-snp");
        scene.Ask(scene.Approved());
        scene.Town.Rewrite(scene.Town.Entries.Count - 1, record => ((ReleaseDecided)record) with { Endorsements = Digest.Of("others"u8) });
        Assert.Contains("the decision comes out otherwise", Assert.Single((await scene.Town.Audit()).Deviations).What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_audit_finds_a_grant_that_the_endorsements_of_its_day_did_not_bear()
    {
        var scene = new TeeTown(TestMachine.SnpWithGpus(Town.Noon, gpus: 0));
        var transcript = scene.Town.Transcript(scene.Approved());
        var evidence = scene.Machine.Evidence(transcript.Digest(), scene.Town.Now);
        var result = AttestationResult.Of(scene.Town.State, transcript, evidence, scene.Town.OnRecord);
        var decision = ReleaseDecision.Make(scene.Town.State, transcript, result, scene.Town.Now);
        scene.Town.Agree(new RemoveCollector("lab"));
        scene.Town.Append(decision.Record, result.Blobs);
        Assert.Contains("the decision cannot be computed again: endorsements are missing", Assert.Single((await scene.Town.Audit()).Deviations).What, StringComparison.Ordinal);
    }

    private static void Denied(string because, ReleaseDecision decision)
    {
        Assert.Equal(Outcome.Denied, decision.Record.Outcome);
        Assert.Null(decision.Record.Measurement);
        Assert.Contains(decision.Record.Reasons!, reason => reason.StartsWith(because, StringComparison.Ordinal));
    }
}
