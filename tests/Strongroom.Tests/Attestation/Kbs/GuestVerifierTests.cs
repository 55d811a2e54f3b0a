using System.Text.Json.Nodes;
using Strongroom.Attestation.Composite;
using Strongroom.Attestation.Kbs;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Tests.Attestation.Composite;
using Strongroom.Tests.Crypto;

namespace Strongroom.Tests.Attestation.Kbs;

/// <summary>Guests' evidence: the same machines and the same checks as composite evidence, under RCAR's own binding.</summary>
public sealed class GuestVerifierTests
{
    private static readonly DateTimeOffset Now = TestTpm.Now;
    private static readonly byte[] Nonce = [.. Enumerable.Range(0, 32).Select(i => (byte)(i + 7))];

    public static TheoryData<string> Kinds => new("sev-snp", "tdx");

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Finds_the_machine_and_its_measurement_as_composite_evidence_has_them(string kind)
    {
        var machine = TestMachine.Of(kind, Now);
        using var guest = new TestGuest(machine);
        var found = Check(machine, guest, guest.Answer(Nonce, Now));
        Assert.Empty(found.Reasons);
        Assert.Equal(machine.Identity(Now).ToBytes(), found.Identity!.ToBytes());
        var native = TeeEnrolment.Check(kind, machine.Evidence(TestTpm.Transcript, Now), TestTpm.Transcript, machine.Endorsements(Now), Now, machine.Roots);
        Assert.Equal(native.Claims, found.Claims);
    }

    [Fact]
    public void Finds_a_machine_without_devices()
    {
        var machine = TestMachine.SnpWithGpus(Now, gpus: 0);
        using var guest = new TestGuest(machine);
        Assert.Empty(Check(machine, guest, guest.Answer(Nonce, Now)).Reasons);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Rejects_evidence_for_another_nonce(string kind) => Rejected("cpu.", kind, (guest, nonce) => guest.Answer([.. nonce[1..], 0], Now));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Rejects_evidence_for_another_key(string kind)
    {
        using var thief = GuestKey.Ec();
        Rejected("cpu.", kind, (guest, nonce) => guest.Answer(nonce, Now, thief.Public));
    }

    [Theory]
    [InlineData(48)] // as short as the hash, the rest not zero
    [InlineData(63)]
    [InlineData(0)]
    public void Rejects_report_data_of_which_one_byte_is_another(int at) => Rejected("cpu.", "sev-snp", (guest, nonce) =>
    {
        guest.ReportData = data =>
        {
            data[at] ^= 1;
            return data;
        };
        return guest.Answer(nonce, Now);
    });

    [Fact]
    public void Rejects_devices_that_the_processor_does_not_cover()
    {
        Rejected("composite.2.bound", "sev-snp", (guest, nonce) =>
        {
            guest.AfterAsking = additional => additional + " ";
            return guest.Answer(nonce, Now);
        });
        Rejected("composite.2.bound", "sev-snp", (guest, nonce) =>
        {
            guest.AfterAsking = _ => "";
            return guest.Answer(nonce, Now);
        });
    }

    [Fact]
    public void Rejects_devices_that_answer_another_nonce() => Rejected("gpu0.", "sev-snp", (guest, nonce) =>
    {
        guest.DeviceNonce = asked => [.. asked[1..], 0];
        return guest.Answer(nonce, Now);
    });

    /// <summary>The genuine GPU of somewhere else: its answer is to a guest's nonce there.</summary>
    [Fact]
    public void A_device_more_or_less_is_another_machine()
    {
        var (two, one) = (TestMachine.SnpWithGpus(Now), TestMachine.SnpWithGpus(Now, gpus: 1));
        using var guest = new TestGuest(one);
        Assert.NotEqual(two.Identity(Now).MachineId(), Check(one, guest, guest.Answer(Nonce, Now)).Identity!.MachineId());
    }

    /// <summary>Evidence made for our own protocol is no answer here, though its signature and its freshness hold there.</summary>
    [Fact]
    public void Rejects_composite_evidence_in_a_guests_clothes() => Rejected("cpu.", "sev-snp", (guest, nonce) =>
    {
        guest.ReportData = _ => CompositeEvidence.CpuChallenge(Digest.From(nonce), []);
        return guest.Answer(nonce, Now);
    });

    [Fact]
    public void A_guest_of_one_kind_is_not_judged_as_another()
    {
        var machine = TestMachine.Of("tdx", Now);
        using var guest = new TestGuest(machine);
        var evidence = guest.Answer(Nonce, Now).ToBytes();
        Assert.Throws<MalformedException>(() => GuestVerifier.Check("snp", Nonce, guest.Key.Public, evidence, machine.Endorsements(Now), Now, machine.Roots));
        Assert.Throws<MalformedException>(() => GuestVerifier.Check("sample", Nonce, guest.Key.Public, evidence, machine.Endorsements(Now), Now, machine.Roots));
    }

    [Fact]
    public void Without_endorsements_there_is_no_verdict()
    {
        var machine = TestMachine.SnpWithGpus(Now, gpus: 0);
        using var guest = new TestGuest(machine);
        var evidence = guest.Answer(Nonce, Now).ToBytes();
        Assert.Throws<UnavailableException>(() => GuestVerifier.Check("snp", Nonce, guest.Key.Public, evidence, Strongroom.Attestation.Appraisal.Endorsements.None, Now, machine.Roots));
    }

    [Fact]
    public void Garbage_is_no_evidence()
    {
        var machine = TestMachine.SnpWithGpus(Now, gpus: 0);
        using var guest = new TestGuest(machine);
        foreach (var primary in (string[])["{}", "[]", "\"\"", "1", """{"attestation_report":""}""", """{"attestation_report":"AAAA"}"""])
            Assert.Throws<MalformedException>(() => Check(machine, guest, new("", primary)));
    }

    private static void Rejected(string check, string kind, Func<TestGuest, byte[], GuestEvidence> answer)
    {
        var machine = TestMachine.Of(kind, Now);
        using var guest = new TestGuest(machine);
        var found = Check(machine, guest, answer(guest, Nonce));
        Assert.Null(found.Identity);
        Assert.Contains(found.Reasons, reason => reason.StartsWith(check, StringComparison.Ordinal));
    }

    private static TeeEnrolment Check(TestMachine machine, TestGuest guest, GuestEvidence evidence) =>
        GuestVerifier.Check(guest.Tee, Nonce, guest.Key.Public, evidence.ToBytes(), machine.Endorsements(Now), Now, machine.Roots);
}
