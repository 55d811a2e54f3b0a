using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Tests.Attestation.Nvidia;

namespace Strongroom.Tests.Attestation.Composite;

/// <summary>Composite evidence of enrolled machines: which machine, which claims, and when there is no verdict at all.</summary>
public sealed class TeeVerifierTests
{
    private static readonly DateTimeOffset Now = TestTpm.Now;
    private static readonly Digest Transcript = TestTpm.Transcript;

    private const string Another = "identity: the evidence is of another machine";
    private const string Nameless = "identity: the processor does not say which one it is";

    public static TheoryData<string> Kinds => new("sev-snp", "tdx", "nitro");

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Trusts_the_enrolled_machine(string kind)
    {
        var machine = TestMachine.Of(kind, Now);
        var verified = Trusted(machine, machine.Enrolled(Now));
        Assert.Equal((kind, machine.Enrolled(Now).Id, Transcript, Now), (verified.Kind, verified.Machine, verified.Transcript, verified.VerifiedAt));
        Assert.Equal([TestTpm.Start], verified.Starts);
        Assert.Equal((0ul, 0ul), (verified.ResetCount, verified.RestartCount));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Judges_by_the_time_of_the_challenge_what_was_made_at_the_end_of_its_life(string kind)
    {
        var machine = TestMachine.Of(kind, Now);
        var verdict = EvidenceVerifier.For(kind, DangerousEvidence.None, machine.Endorsements(Now), machine.Roots)
            .Verify(machine.Evidence(Transcript, Now.AddSeconds(60)), machine.Enrolled(Now), Transcript, TestTpm.Start, Now);
        Assert.IsType<Verdict.Trusted>(verdict);
    }

    [Fact]
    public void Rejects_another_chip() => Rejects(Another, TestMachine.SnpWithGpus(Now), machine =>
    {
        machine.Snp!.Fill(0x1A0, 64, 0x34);
        machine.Snp.Key = machine.Snp.Key with { HardwareId = machine.Snp.Report[0x1A0..0x1E0] };
    });

    [Fact]
    public void Rejects_another_platform() => Rejects(Another, TestMachine.TdxWithSwitches(Now), machine => machine.Tdx!.Ppid = [.. Enumerable.Repeat((byte)0x1E, 16)]);

    [Fact]
    public void Rejects_an_enclave_of_another_instance() => Rejects(Another, TestMachine.NitroAlone(Now), machine => machine.Nitro = draft => draft.ModuleId = "i-0124-enc0456");

    [Fact]
    public void Rejects_a_gpu_in_the_place_of_another() => Rejects(Another, TestMachine.SnpWithGpus(Now), machine => machine.Gpus[1] = machine.Gpus[1] with { Serial = "41431D480FE5E87279" });

    [Fact]
    public void Rejects_a_machine_with_one_gpu_less_and_with_one_more()
    {
        Rejects(Another, TestMachine.SnpWithGpus(Now), machine => machine.Gpus.RemoveAt(1));
        Rejects(Another, TestMachine.SnpWithGpus(Now), machine => machine.Gpus.Add(machine.Gpus[0] with { Serial = "41431D480FE5E87273" }));
    }

    [Fact]
    public void Rejects_an_instance_with_a_tpm_which_is_no_enclave() => Rejects(Nameless, TestMachine.NitroAlone(Now), machine => machine.Nitro = draft => draft.ModuleId = "i-0123-tpm0456");

    [Fact]
    public void Rejects_a_platform_without_a_PPID() => Rejects(Nameless, TestMachine.TdxWithSwitches(Now), machine => machine.Tdx!.Ppid = new byte[16]);

    [Fact]
    public void Rejects_a_chip_that_hides_itself_behind_its_providers_key()
    {
        static void Lend(TestMachine machine, uint signer)
        {
            machine.Snp!.U32(0x048, signer);
            machine.Snp.Key = machine.Snp.Key with { CommonName = "SEV-VLEK", ProductName = "Milan", SignedForProviders = true, HardwareId = null, ProviderId = "test-cloud", Serial = 9 };
        }
        var open = TestMachine.SnpWithGpus(Now, gpus: 0);
        Lend(open, 4);
        var claims = Trusted(open, open.Enrolled(Now)).Claims; // the key is the provider's, the report still names the chip
        Assert.Equal(("vlek", "test-cloud"), (claims["signing_key"], claims["provider"]));
        Rejects(Nameless, TestMachine.SnpWithGpus(Now, gpus: 0), machine => Lend(machine, 6));
        Rejects(Nameless, TestMachine.SnpWithGpus(Now, gpus: 0), machine =>
        {
            Lend(machine, 4);
            machine.Snp!.Fill(0x1A0, 64, 0);
        });
    }

    [Fact]
    public void Rejects_a_machine_whose_id_key_or_kind_is_not_that_of_its_evidence()
    {
        var machine = TestMachine.NitroAlone(Now);
        var enrolled = machine.Enrolled(Now);
        Rejected(Another, machine, enrolled with { Id = "machine-0" });
        Rejected(Another, machine, enrolled with { AttestationKey = new MachineIdentity("i-0124", []).ToBytes() });
        Rejected("kind: ", machine, enrolled with { Kind = "tpm" });
    }

    [Fact]
    public void Knows_an_instance_under_each_of_its_enclaves_and_its_gpus_in_any_order()
    {
        var (instance, machine) = (TestMachine.NitroAlone(Now), TestMachine.SnpWithGpus(Now));
        var (enrolled, other) = (instance.Enrolled(Now), machine.Enrolled(Now));
        instance.Nitro = draft => draft.ModuleId = "i-0123-enc0457";
        Trusted(instance, enrolled);
        Assert.Equal("""{"cpu":"i-0123","devices":[]}"""u8, enrolled.AttestationKey.Span);
        machine.Gpus.Reverse();
        Trusted(machine, other);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Evidence_of_one_processor_is_malformed_for_another_kind(string kind)
    {
        var machine = TestMachine.Of(kind, Now);
        foreach (var other in new[] { "sev-snp", "tdx", "nitro" }.Where(each => each != kind))
            Assert.Throws<MalformedException>(() => EvidenceVerifier.For(other, DangerousEvidence.None, machine.Endorsements(Now), machine.Roots).Verify(machine.Evidence(Transcript, Now), machine.Enrolled(Now) with { Kind = other }, Transcript, TestTpm.Start, Now));
    }

    [Theory]
    [InlineData("sev-snp")]
    [InlineData("tdx")]
    public void Reaches_no_verdict_where_endorsements_are_stale(string kind)
    {
        var machine = TestMachine.Of(kind, Now);
        Assert.Contains("cpu.", Assert.Throws<UnavailableException>(() => Verify(machine, machine.Enrolled(Now), machine.Endorsements(Now.AddDays(-20)))).Message, StringComparison.Ordinal);
        Assert.Throws<UnavailableException>(() => Verify(machine, machine.Enrolled(Now), Endorsements.None));
    }

    [Fact]
    public void Says_few_of_many_endorsements_that_are_missing()
    {
        var machine = TestMachine.SnpWithGpus(Now, gpus: 4);
        // Of devices nothing is said before their processor is good.
        var endorsements = Endorsements.Read(machine.Files(Now).Where(OfTheProcessor).Concat(machine.Files(Now.AddDays(-20)).Where(file => !OfTheProcessor(file))));
        var said = Assert.Throws<UnavailableException>(() => Verify(machine, machine.Enrolled(Now), endorsements)).Message;
        Assert.Matches("missing or stale: gpu0.*; and [0-9]+ more$", said);
        Assert.True(said.Length < 4096, said);

        static bool OfTheProcessor((string Name, ReadOnlyMemory<byte>) file) => file.Name.EndsWith("amd", StringComparison.Ordinal);
    }

    [Fact]
    public void Says_what_was_found_and_what_is_required()
    {
        var machine = TestMachine.SnpWithGpus(Now);
        var enrolled = machine.Enrolled(Now);
        machine.Snp!.U32(0x030, 1); // VMPL
        var reasons = Assert.IsType<Verdict.Rejected>(Verify(machine, enrolled)).Reasons;
        Assert.Contains("cpu.snp.11: expected 0, found 1; required: the report was asked for from the privilege level that the policy names", reasons);
    }

    [Fact]
    public void Asks_for_no_word_on_a_leaf_which_only_its_device_could_take_back()
    {
        var machine = TestMachine.TdxWithSwitches(Now);
        machine.Ocsp = (certificate, good) => certificate.Subject.Contains("FMC LF", StringComparison.Ordinal) ? null : good;
        Trusted(machine, machine.Enrolled(Now));
        machine.Ocsp = (certificate, good) => certificate.Subject.Contains("BROM", StringComparison.Ordinal) ? null : good;
        Assert.Contains("gpu0.gpu.4.device", Assert.Throws<UnavailableException>(() => Verify(machine, machine.Enrolled(Now), machine.Endorsements(Now))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_wrong_outranks_what_is_missing()
    {
        var machine = TestMachine.SnpWithGpus(Now);
        var enrolled = machine.Enrolled(Now);
        machine.Snp!.Set(0x008, 19); // DEBUG
        var verdict = Assert.IsType<Verdict.Rejected>(Verify(machine, enrolled, machine.Endorsements(Now.AddDays(-20))));
        Assert.Contains(verdict.Reasons, reason => reason.StartsWith("cpu.snp.12.debug: ", StringComparison.Ordinal));
    }

    [Fact]
    public void Believes_no_root_but_the_pinned_ones()
    {
        var machine = TestMachine.SnpWithGpus(Now);
        var verdict = EvidenceVerifier.For("sev-snp", DangerousEvidence.None, machine.Endorsements(Now)).Verify(machine.Evidence(Transcript, Now), machine.Enrolled(Now), Transcript, TestTpm.Start, Now);
        Assert.Contains(Assert.IsType<Verdict.Rejected>(verdict).Reasons, reason => reason.StartsWith("cpu.snp.3: ", StringComparison.Ordinal));
    }

    [Fact]
    public void Claims_of_snp_are_those_of_the_specification()
    {
        var machine = TestMachine.SnpWithGpus(Now);
        var claims = Trusted(machine, machine.Enrolled(Now)).Claims;
        Assert.Equal(
            ["author_key_digest", "family_id", "gpu.architecture", "gpu.cc_mode", "gpu.driver", "gpu.mode", "gpu.vbios", "gpus", "guest_svn", "host_data", "id_key_digest", "image_id", "measurement", "platform", "policy", "product",
                "signing_key", "switches", "tcb.bootloader", "tcb.microcode", "tcb.snp", "tcb.tee", "vmpl"],
            claims.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(("Milan", new string('1', 96), "000000000003001f", "4", "200"), (claims["product"], claims["measurement"], claims["policy"], claims["tcb.bootloader"], claims["tcb.microcode"]));
        Assert.Equal(("2", "550.90.07", "96.00.9F.00.01", "spt", "on", "0"), (claims["gpus"], claims["gpu.driver"], claims["gpu.vbios"], claims["gpu.mode"], claims["gpu.cc_mode"], claims["switches"]));
    }

    [Theory]
    [InlineData("11aa", "")]
    [InlineData("i-0123", "")]
    [InlineData("11AA", null)]
    [InlineData("i-0123-enc1", null)]
    [InlineData("11aa\n", null)]
    [InlineData("", null)]
    [InlineData("11aa", "a,b")]
    [InlineData("11aa", null, "b,a")]
    [InlineData("11aa", null, "a,a")]
    [InlineData("11aa", null, "A")]
    [InlineData("11aa", null, "aa")]
    public void An_identity_has_one_spelling(string cpu, string? good, string bad = "")
    {
        var names = (good ?? bad).Split(',', StringSplitOptions.RemoveEmptyEntries);
        var bytes = new MachineIdentity(cpu, [.. names.Select(name => name.Length == 1 ? new string(name[0], 64) : name)]).ToBytes();
        if (good is null) Assert.Throws<MalformedException>(() => MachineIdentity.Parse(bytes));
        else Assert.Equal(names.Length, MachineIdentity.Parse(bytes).Devices.Count);
    }

    [Theory]
    [InlineData("reported_tcb")]
    [InlineData("current_tcb")]
    [InlineData("committed_tcb")]
    [InlineData("launch_tcb")]
    public void A_level_is_the_lowest_of_all_four(string lowest)
    {
        var cpu = new JsonObject { ["kind"] = "sev-snp" };
        foreach (var which in (string[])["reported_tcb", "current_tcb", "committed_tcb", "launch_tcb"])
            cpu[which] = new JsonObject { ["boot_loader"] = which == lowest ? 1 : 4, ["tee"] = 3, ["snp"] = 2, ["microcode"] = 200 };
        var claims = TeeClaims.Of(new JsonObject { ["cpu"] = cpu, ["devices"] = new JsonArray() });
        Assert.Equal(("1", "3"), (claims["tcb.bootloader"], claims["tcb.tee"]));
    }

    [Fact]
    public void A_level_is_the_lowest_that_the_report_tells()
    {
        var machine = TestMachine.SnpWithGpus(Now, gpus: 0);
        machine.Snp!.Report[0x1F0] = 1; // boot loader at launch
        Assert.Equal(("1", "3"), (Trusted(machine, machine.Enrolled(Now)).Claims["tcb.bootloader"], Trusted(machine, machine.Enrolled(Now)).Claims["tcb.tee"]));
    }

    [Fact]
    public void Claims_of_tdx_are_those_of_the_specification()
    {
        var machine = TestMachine.TdxWithSwitches(Now);
        var claims = Trusted(machine, machine.Enrolled(Now)).Claims;
        Assert.Equal(
            ["fmspc", "gpu.architecture", "gpu.cc_mode", "gpu.driver", "gpu.mode", "gpu.vbios", "gpus", "mrconfigid", "mrowner", "mrownerconfig", "mrseam", "mrservicetd", "mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "switch.bios",
                "switches", "tcb_date", "tcb_status", "td_attributes", "tee_tcb_svn", "xfam"],
            claims.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(("2025-11-01", "UpToDate", "ppcie", "96.10.55.00.01", "2"), (claims["tcb_date"], claims["tcb_status"], claims["gpu.mode"], claims["switch.bios"], claims["switches"]));
    }

    [Fact]
    public void Claims_of_nitro_are_those_of_the_specification()
    {
        var machine = TestMachine.NitroAlone(Now);
        var claims = Trusted(machine, machine.Enrolled(Now)).Claims;
        Assert.Equal(["gpus", .. Enumerable.Range(0, 16).Where(i => i != 4).Select(i => $"pcr{i}").Order(StringComparer.Ordinal), "platform", "switches"], claims.Keys.Order(StringComparer.Ordinal));
        Assert.Equal((string.Concat(Enumerable.Repeat("01", 48)), "enclave"), (claims["pcr0"], claims["platform"]));
    }

    [Fact]
    public void Gpus_that_differ_are_told_by_combination_and_number() => Assert.Equal(
        [
            "gpu.1.architecture=HOPPER", "gpu.1.count=1", "gpu.1.driver=550.2", "gpu.1.mode=spt", "gpu.1.vbios=96.A", "gpu.2.architecture=HOPPER", "gpu.2.cc_mode=on", "gpu.2.count=2", "gpu.2.driver=550.1", "gpu.2.mode=spt",
            "gpu.2.vbios=96.B", "gpu.3.architecture=HOPPER", "gpu.3.cc_mode=on", "gpu.3.count=1", "gpu.3.driver=550.2", "gpu.3.mode=spt", "gpu.3.vbios=96.A", "gpus=4",
        ],
        Measured(("550.1", "96.B", "on"), ("550.2", "96.A", "on"), ("550.2", "96.A", null), ("550.1", "96.B", "on")));

    [Fact]
    public void Which_driver_runs_with_which_vbios_is_measured()
    {
        Assert.NotEqual(Measured(("550.1", "96.A", "on"), ("550.2", "96.B", "on")), Measured(("550.1", "96.B", "on"), ("550.2", "96.A", "on")));
        Assert.NotEqual(Measured(("550.1", "96.A", "on"), ("550.2", "96.B", "on"), ("550.2", "96.B", "on")), Measured(("550.1", "96.A", "on"), ("550.1", "96.A", "on"), ("550.2", "96.B", "on")));
        Assert.Equal(Measured(("550.1", "96.A", "on"), ("550.2", "96.B", "on")), Measured(("550.2", "96.B", "on"), ("550.1", "96.A", "on")));
    }

    [Theory]
    [InlineData("550|90")]
    [InlineData("550,90")]
    [InlineData("*")]
    [InlineData("550 90")]
    public void Rejects_a_device_whose_words_could_separate_others(string driver) =>
        Rejects("gpu1.gpu.1.versions: ", TestMachine.SnpWithGpus(Now), machine => machine.Gpus[1] = With(machine.Gpus[1], 3, Encoding.ASCII.GetBytes(driver)));

    private static TestDevice With(TestDevice device, int opaque, byte[] value) => device with { Opaque = new(device.Opaque) { [opaque] = value } };

    /// <summary>What is claimed of GPUs that say this.</summary>
    private static IEnumerable<string> Measured(params (string Driver, string Vbios, string? CcMode)[] gpus) => TeeClaims.Of(new JsonObject
    {
        ["cpu"] = new JsonObject { ["kind"] = "nitro", ["platform"] = "enclave", ["pcrs"] = new JsonObject() },
        ["devices"] = new JsonArray([.. gpus.Select(gpu => new JsonObject
        {
            ["kind"] = "nvidia-gpu", ["architecture"] = "HOPPER", ["cc_mode"] = gpu.CcMode, ["driver_version"] = gpu.Driver, ["mode"] = "spt", ["vbios_version"] = gpu.Vbios,
        })]),
    }).Where(claim => claim.Key.StartsWith("gpu", StringComparison.Ordinal)).Select(claim => $"{claim.Key}={claim.Value}");

    private static VerifiedEvidence Trusted(TestMachine machine, EnrolledMachine enrolled) =>
        Verify(machine, enrolled) switch { Verdict.Trusted trusted => trusted.Evidence, var other => throw new InvalidOperationException(string.Join("; ", ((Verdict.Rejected)other).Reasons)) };

    /// <summary>The machine as enrolled, and then as it is after a change.</summary>
    private static void Rejects(string reason, TestMachine machine, Action<TestMachine> change)
    {
        var enrolled = machine.Enrolled(Now);
        change(machine);
        Rejected(reason, machine, enrolled);
    }

    private static void Rejected(string reason, TestMachine machine, EnrolledMachine enrolled)
    {

        Assert.Contains(Assert.IsType<Verdict.Rejected>(Verify(machine, enrolled)).Reasons, each => each.StartsWith(reason, StringComparison.Ordinal));
    }

    private static Verdict Verify(TestMachine machine, EnrolledMachine enrolled, Endorsements? endorsements = null) =>
        EvidenceVerifier.For(machine.Kind, DangerousEvidence.None, endorsements ?? machine.Endorsements(Now), machine.Roots).Verify(machine.Evidence(Transcript, Now), enrolled, Transcript, TestTpm.Start, Now);
}
