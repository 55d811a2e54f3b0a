using Strongroom.Attestation;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Tests.Attestation.Composite;

namespace Strongroom.Tests.Facts;

/// <summary>How a machine with a TEE comes into the ledger: by evidence that everybody judges again, spec/records.md "Every command".</summary>
public sealed class TeeEnrolmentTests
{
    private readonly TeeTown scene = new(TestMachine.SnpWithGpus(Town.Noon, gpus: 1), enrolled: false);

    public static TheoryData<string> Kinds => new("sev-snp", "tdx", "nitro");

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task The_audit_judges_the_evidence_of_an_enrolment_again(string kind) => Assert.Empty((await new TeeTown(kind).Town.Audit()).Deviations);

    [Fact]
    public void Rejects_what_is_not_of_this_exchange()
    {
        var transcript = scene.Transcript();
        Refuses("the transcript is of another ledger", transcript with { Ledger = "example.com/other" });
        Refuses("the transcript is of another broker", transcript with { BrokerKey = Digest.Of("other"u8) });
        Refuses("the transcript asks for another kind of evidence", transcript with { Kind = "tdx" });
        Refuses("the transcript's nonce has another length than 32 bytes", transcript with { Nonce = new byte[31] });
        Refuses("the transcript is from the future, or older than an hour", transcript with { Issued = scene.Town.Now.AddSeconds(1) });
        Refuses("the transcript is from the future, or older than an hour", transcript with { Issued = scene.Town.Now.AddSeconds(-3601) });
    }

    [Fact]
    public void Rejects_an_enrolment_that_is_not_a_tees()
    {
        var enrolment = scene.Enrolment();
        Refuses("only a TPM has PCRs: for a TEE there are none, and the application PCR is 0", enrolment with { Pcrs = [0] });
        Refuses("only a TPM has PCRs: for a TEE there are none, and the application PCR is 0", enrolment with { ApplicationPcr = 13 });
        Refuses("no certificate of a TEE's own is recorded: its makers' are among the endorsements on record", enrolment with { Endorsement = Digest.Of("x"u8) });
        Refuses("a TEE is enrolled with what it measured", enrolment with { Measurement = null });
        Refuses("a TEE is enrolled with the digest of its evidence, and with the transcript that this answers", enrolment with { Evidence = null });
        Refuses("a TEE is enrolled with the digest of its evidence, and with the transcript that this answers", enrolment with { Transcript = null });
        Refuses("the machine's id does not follow from its identity", enrolment with { Machine = "machine-00000000000000000000000000000000" });
        Assert.Contains(scene.Town.Refusals(enrolment with { AttestationKey = "{}"u8.ToArray() }), reason => reason.StartsWith("the attestation key of a TEE is its identity", StringComparison.Ordinal));
        Refuses("only a TEE is enrolled by evidence", scene.Town.EnrolMachine(Town.NewKey()) with { Evidence = Digest.Of("x"u8) });
    }

    [Theory]
    [InlineData("a gpu less")]
    [InlineData("another chip")]
    public async Task A_part_of_a_revoked_machine_never_comes_back(string change)
    {
        var first = Enrolled();
        scene.Town.Write(scene.Town.Revoke(first.Machine));
        var again = Changed(change);
        Assert.Contains($"its {Shared(change)} was revoked with {first.Machine}, for ever", scene.Town.Refusals(again));
        scene.Town.Force(again);
        Assert.Contains((await scene.Town.Audit()).Deviations, found => found.What.Contains("for ever", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a gpu less")]
    [InlineData("another chip")]
    public void No_part_is_in_two_active_machines_and_repair_goes_by_retiring_one(string change)
    {
        var first = Enrolled();
        Assert.Contains($"its {Shared(change)} is in {first.Machine}, which is active: retire that first", scene.Town.Refusals(Changed(change)));
        scene.Town.Write(scene.Town.Retire(first.Machine));
        Assert.Empty(scene.Town.Refusals(Changed(change)));
    }

    [Fact]
    public void A_retired_machine_can_still_be_revoked_and_its_parts_with_it_wherever_they_went()
    {
        var first = Enrolled();
        scene.Town.Write(scene.Town.Retire(first.Machine));
        var second = Changed("a gpu less");
        scene.Town.Force(second);
        scene.Town.Write(scene.Town.Retire(second.Machine));
        scene.Town.Write(scene.Town.Revoke(first.Machine));
        Assert.Contains($"{first.Machine} is revoked already", scene.Town.Refusals(scene.Town.Revoke(first.Machine)));
        Assert.Contains($"its processor was revoked with {first.Machine}, for ever", scene.Town.Refusals(Of(scene.Identity with { Devices = [new('0', 64)] })));
    }

    [Fact]
    public async Task The_audit_finds_a_machine_that_is_another_than_its_evidence()
    {
        var other = scene.Identity with { Devices = [] };
        scene.Town.Force(scene.Enrolment() with { AttestationKey = other.ToBytes(), Machine = other.MachineId() });
        await FindsAsync($"the evidence is of {scene.Identity.MachineId()}");
    }

    [Fact]
    public async Task The_audit_finds_a_measurement_that_the_evidence_does_not_bear()
    {
        var other = Measurement.From("sev-snp", new Dictionary<string, string> { ["measurement"] = "00" });
        scene.Town.Blobs[other.Digest()] = other.ToBytes();
        scene.Town.Force(scene.Enrolment() with { Measurement = other.Digest() });
        await FindsAsync($"the evidence measures {scene.Measured}");
    }

    [Fact]
    public async Task The_audit_finds_evidence_of_another_exchange()
    {
        scene.Town.Force(scene.Enrolment(evidence: scene.Machine.Evidence(scene.Transcript().Digest(), scene.Town.Now)));
        await FindsAsync("composite.2.bound");
    }

    [Fact]
    public async Task The_audit_finds_evidence_that_is_none_or_gone()
    {
        var junk = "{}"u8.ToArray();
        scene.Town.Force(scene.Enrolment(evidence: junk));
        await FindsAsync("should not have been written with what lies beside it");
        scene.Town.Blobs.Remove(Digest.Of(junk));
        await FindsAsync($"the evidence {Digest.Of(junk)} is not beside the ledger");
    }

    [Fact]
    public async Task The_audit_finds_an_enrolment_that_the_endorsements_of_its_day_did_not_bear()
    {
        var bare = new TeeTown(TestMachine.SnpWithGpus(Town.Noon, gpus: 0), enrolled: false);
        bare.Town.Agree(new RemoveCollector("lab"));
        bare.Town.Force(bare.Enrolment());
        Assert.Contains("endorsements are missing or stale", Assert.Single((await bare.Town.Audit()).Deviations).What, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_judged_once_is_not_judged_again_while_the_same_endorsements_are_on_record()
    {
        var enrolment = scene.Enrolment();
        var read = Enclosures.Read(enrolment, [.. Enclosures.Of(enrolment).Select(digest => scene.Town.Blobs[digest])], scene.Town.OnRecord);
        Assert.Empty(read.Refusals(scene.Town.State, enrolment, scene.Town.Now));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Empty(read.Refusals(scene.Town.State, enrolment, scene.Town.Now));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2048);
        scene.Town.Now = scene.Town.Now.AddSeconds(1);
        scene.Endorse();
        Assert.Throws<UnavailableException>(() => read.Refusals(scene.Town.State, enrolment, scene.Town.Now));
    }

    private EnrolMachine Enrolled()
    {
        var enrolment = scene.Enrolment();
        scene.Town.Write(enrolment);
        return enrolment;
    }

    private EnrolMachine Changed(string change) => Of(change == "a gpu less" ? scene.Identity with { Devices = [] } : scene.Identity with { Cpu = new('5', 128) });

    private EnrolMachine Of(MachineIdentity identity) => scene.Enrolment() with { AttestationKey = identity.ToBytes(), Machine = identity.MachineId() };

    private string Shared(string change) => change == "a gpu less" ? "processor" : $"device {scene.Identity.Devices[0]}";

    private void Refuses(string because, EnrolmentTranscript transcript) => Refuses(because, scene.Enrolment(transcript));

    private void Refuses(string because, EnrolMachine command) => Assert.Contains(because, scene.Town.Refusals(command));

    private async Task FindsAsync(string what) => Assert.Contains(what, Assert.Single((await scene.Town.Audit()).Deviations).What, StringComparison.Ordinal);
}
