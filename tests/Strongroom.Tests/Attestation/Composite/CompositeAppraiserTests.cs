using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Tests.Attestation.Nvidia;

namespace Strongroom.Tests.Attestation.Composite;

/// <summary>A machine that is right in all but one thing between its parts, or in one thing of one part.</summary>
public sealed class CompositeAppraiserTests
{
    private static readonly DateTimeOffset Now = TestTpm.Now;
    private static readonly Digest Transcript = TestTpm.Transcript;

    private readonly TestMachine snp = TestMachine.SnpWithGpus(Now);
    private readonly TestMachine tdx = TestMachine.TdxWithSwitches(Now);

    [Theory]
    [InlineData("sev-snp")]
    [InlineData("tdx")]
    [InlineData("nitro")]
    public void A_machine_that_is_right_verifies(string kind)
    {
        var result = Appraise(TestMachine.Of(kind, Now));
        Assert.Equal([], Failed(result));
        Assert.Equal(Outcome.Verified, result.Outcome);
    }

    [Fact]
    public void Check_1_rejects_a_challenge_that_is_no_transcript()
    {
        foreach (var nonce in new[] { Transcript.Span[..31].ToArray(), [.. Transcript.Span, 0] })
            Assert.Equal(["cpu.snp.15", "gpu0.gpu.5", "gpu1.gpu.5", "composite.1.challenge"], Failed(Appraise(snp, change: request => request with { Nonce = nonce })));
        Assert.Contains("composite.1.challenge", Failed(Appraise(snp, change: request => request with { Nonce = null, ReportData = new byte[64] })));
        Assert.Contains("composite.1.challenge", Failed(Appraise(snp, change: request => request with { ReportData = new byte[64] })));
    }

    [Fact]
    public void Check_2_rejects_another_transcript() =>
        Assert.Equal(["cpu.snp.15", "gpu0.gpu.5", "gpu1.gpu.5", "composite.2.bound"], Failed(Appraise(snp, evidence: snp.Evidence(Digest.Of("another"u8), Now))));

    [Fact]
    public void Asked_for_the_processor_first_it_looks_at_devices_only_where_that_is_good()
    {
        Assert.Equal(Made(Appraise(snp)), Made(Appraise(snp, change: ProcessorFirst)));
        var unbound = snp.Evidence(Digest.Of("another"u8), Now);
        var all = Appraise(snp, evidence: unbound);
        Assert.Contains(Made(all), id => id.StartsWith("gpu1.", StringComparison.Ordinal));
        var first = Appraise(snp, evidence: unbound, change: ProcessorFirst);
        Assert.Equal(Made(all).Where(id => id.StartsWith("cpu.", StringComparison.Ordinal) || id is "composite.1.challenge" or "composite.2.bound"), Made(first));
        Assert.Equal(["cpu.snp.15", "composite.2.bound"], Failed(first));
        Assert.Contains("its 2 devices: nobody looked at them, since their processor does not stand for them", first.NotChecked);
        var stale = Appraise(snp, change: request => ProcessorFirst(request) with { Endorsements = Endorsements.None });
        Assert.Equal(Outcome.EndorsementsMissing, stale.Outcome);
        Assert.All(stale.Missing, what => Assert.StartsWith("cpu.", what, StringComparison.Ordinal));

        static AppraisalRequest ProcessorFirst(AppraisalRequest request) => request with { ProcessorFirst = true };
        static IEnumerable<string> Made(AttestationResult result) => result.Checks.Select(check => check.Id);
    }

    [Fact]
    public void Check_2_rejects_a_processor_that_answered_before_its_devices()
    {
        snp.AfterAsking = evidence => [.. evidence, (byte)' ']; // as good an answer, but not the one that was hashed
        Unbound(snp.Compose(Transcript, Now));
    }

    [Fact]
    public void Check_2_rejects_devices_added_left_out_and_in_another_order()
    {
        var good = snp.Compose(Transcript, Now);
        var stranger = TestMachine.SnpWithGpus(Now, gpus: 3);
        Unbound(good with { Devices = [.. good.Devices, stranger.Compose(Transcript, Now).Devices[2]] }, stranger);
        Unbound(good with { Devices = [good.Devices[0]] });
        Unbound(good with { Devices = [] });
        Unbound(good with { Devices = [good.Devices[1], good.Devices[0]] });
    }

    [Fact]
    public void Check_2_rejects_the_gpu_of_another_machine_that_answered_the_same_nonce()
    {
        var good = snp.Compose(Transcript, Now);
        var stranger = TestMachine.SnpWithGpus(Now, gpus: 3);
        Unbound(good with { Devices = [good.Devices[0], stranger.Compose(Transcript, Now).Devices[2]] }, stranger);
    }

    [Theory]
    [InlineData("tdx", "cpu.tdx.16.report_data")]
    [InlineData("nitro", "cpu.nitro.12.user_data")]
    public void Check_2_rejects_a_challenge_that_is_cut_on_every_processor(string kind, string own)
    {
        var machine = TestMachine.Of(kind, Now);
        if (machine.Tdx is { } platform) platform.Body = body => body.AsSpan(520 + 32, 32).Clear();
        machine.Nitro = draft => draft.UserData = draft.UserData![..32];
        Assert.Equal([own, "composite.2.bound"], Failed(Appraise(machine)));
    }

    [Fact]
    public void Check_2_rejects_a_document_without_user_data()
    {
        var machine = TestMachine.NitroAlone(Now);
        machine.Nitro = draft => draft.UserData = null;
        Assert.Equal(["cpu.nitro.12.user_data", "composite.2.bound"], Failed(Appraise(machine)));
    }

    [Fact]
    public void Check_3_rejects_devices_that_answer_different_challenges_even_where_the_binding_is_left_out()
    {
        snp.Gpus[1] = snp.Gpus[1] with { Nonce = new byte[32] };
        Assert.Equal(["composite.3.nonce"], Failed(Appraise(snp, change: Unasked)));
        Assert.Equal(["gpu1.gpu.5", "composite.3.nonce"], Failed(Appraise(snp)));
    }

    [Fact]
    public void Check_4_rejects_one_device_that_answers_twice()
    {
        var (first, second) = (snp.Gpus[0], snp.Gpus[1]);
        foreach (var again in new[] { first, second with { Twin = first.Serial }, first with { Twin = second.Serial } })
        {
            snp.Gpus[1] = again;
            Assert.Equal(["composite.4.identities"], Failed(Appraise(snp)));
        }
    }

    [Theory]
    [InlineData("""{"gpus":1}""", "composite.5.gpus")]
    [InlineData("""{"gpus":3}""", "composite.5.gpus")]
    [InlineData("""{"gpus":2,"switches":1}""", "composite.5.switches")]
    public void Check_5_rejects_another_number_of_devices(string policy, string check) => Assert.Equal([check], Failed(Appraise(snp, policy)));

    [Fact]
    public void Check_5_tells_the_number_where_the_policy_names_none()
    {
        Assert.Contains(Appraise(snp).NotChecked, line => line.StartsWith("whether 2 is the number of GPUs", StringComparison.Ordinal));
        Assert.DoesNotContain(Appraise(snp, """{"gpus":2,"switches":0}""").NotChecked, line => line.Contains("the number of", StringComparison.Ordinal));
    }

    [Fact]
    public void Check_6_rejects_a_gpu_whose_words_pass_a_switch_that_did_not_answer()
    {
        tdx.Switches.RemoveAt(1);
        Assert.Equal(["composite.6.switches"], Failed(Appraise(tdx)));
        tdx.Switches.Clear();
        Assert.Equal(["composite.6.switches"], Failed(Appraise(tdx)));
    }

    [Fact]
    public void Check_6_rejects_a_gpu_whose_words_pass_in_the_clear_through_nothing_that_it_names()
    {
        tdx.Switches.Clear();
        tdx.Gpus[0] = tdx.Gpus[0] with { Opaque = new(tdx.Gpus[0].Opaque) { [22] = [] } };
        Assert.Equal(["composite.6.switches"], Failed(Appraise(tdx)));
    }

    [Fact]
    public void Check_6_rejects_a_switch_that_nobody_is_tied_to()
    {
        tdx.Switches.Add(tdx.Switches[0] with { Serial = "50203EB31AD9ED000A", Opaque = new(tdx.Switches[0].Opaque) { [22] = [9, 9, 9, 9, 9, 9, 9, 9] } });
        Assert.Equal(["composite.6.switches"], Failed(Appraise(tdx)));
    }

    /// <summary>As machines write them: a GPU names its links' switches with the last byte first, a switch names eight GPUs and then where each port leads, which is no GPU.</summary>
    [Fact]
    public void Check_6_reads_ids_as_gpus_and_switches_write_them()
    {
        var devices = Appraise(tdx).Claims["devices"]!;
        Assert.Equal(["203eb31ad9ed0008", "203eb31ad9ed0009", "0000000000000000"], Words(devices[0]!["switch_ids"]).Distinct());
        Assert.Equal(["0101010101010101", .. Enumerable.Repeat("0000000000000000", 7)], Words(devices[1]!["gpu_ids"]));
        tdx.Switches[0] = tdx.Switches[0] with { Opaque = new(tdx.Switches[0].Opaque) { [26] = [.. Enumerable.Repeat((byte)1, 8)] } }; // no room for eight
        Assert.Equal(["composite.6.gpus"], Failed(Appraise(tdx)));

        static IEnumerable<string> Words(JsonNode? list) => list!.AsArray().Select(id => (string)id!);
    }

    [Fact]
    public void Check_6_rejects_two_switches_that_give_one_id()
    {
        tdx.Switches.Add(tdx.Switches[0] with { Serial = "50203EB31AD9ED000A" });
        Assert.Equal(["composite.6.switches"], Failed(Appraise(tdx)));
    }

    [Fact]
    public void Check_6_rejects_switches_that_are_tied_to_more_gpus_than_answered_or_to_different_ones()
    {
        var (first, second) = (tdx.Switches[0], tdx.Switches[1]);
        (tdx.Switches[0], tdx.Switches[1]) = (Tied(first, 1, 2), Tied(second, 1, 2));
        Assert.Equal(["composite.6.gpus"], Failed(Appraise(tdx)));
        (tdx.Switches[0], tdx.Switches[1]) = (Tied(first, 1), Tied(second, 2));
        Assert.Equal(["composite.6.gpus"], Failed(Appraise(tdx)));
    }

    [Fact]
    public void Each_part_goes_through_its_own_checks_under_its_name()
    {
        snp.Snp!.Set(0x008, 19);
        snp.Ocsp = (certificate, good) => certificate.Subject.Contains(snp.Gpus[1].Serial, StringComparison.Ordinal) ? good with { Status = 1 } : good;
        Assert.Equal(["cpu.snp.12.debug", "gpu1.gpu.4.device"], Failed(Appraise(snp)));
        tdx.Tdx!.Body = body => body[120] |= 1;
        tdx.Switches[1] = tdx.Switches[1] with { Opaque = new(tdx.Switches[1].Opaque) { [25] = [7, 7] } };
        Assert.Equal(["cpu.tdx.16.debug", "switch1.switch.9.lock"], Failed(Appraise(tdx)));
    }

    [Theory]
    [InlineData("sev-snp")]
    [InlineData("tdx")]
    [InlineData("nitro")]
    public void No_check_of_a_part_is_made_otherwise_than_on_the_part_alone(string kind)
    {
        var machine = TestMachine.Of(kind, Now);
        var evidence = machine.Compose(Transcript, Now);
        var whole = Appraise(machine, evidence: evidence.ToBytes());
        var alone = new AppraisalRequest(evidence.Cpu.Evidence, Now) { Endorsements = machine.Endorsements(Now), ReportData = evidence.CpuChallenge(Transcript) };
        Assert.Equal(Checks(Appraiser.For(kind, machine.Roots)!.Appraise(alone), ""), Checks(whole, "cpu."));
        string[] names = kind == "tdx" ? ["gpu0.", "switch0.", "switch1."] : ["gpu0.", "gpu1."];
        foreach (var (device, name) in evidence.Devices.Zip(names))
        {
            var one = alone with { Evidence = device.Evidence, ReportData = null, Nonce = CompositeEvidence.DeviceNonce(Transcript), Policy = device.Kind == "nvidia-gpu" ? """{"modes":["spt","ppcie"]}"""u8.ToArray() : default };
            Assert.Equal(Checks(Appraiser.For(device.Kind, machine.Roots)!.Appraise(one), "").Select(Same), Checks(whole, name).Select(Same));
        }

        static string[] Checks(AttestationResult result, string under) => [.. result.Checks.Where(check => check.Id.StartsWith(under, StringComparison.Ordinal)).Select(check => $"{check.Id[under.Length..]} {check.Result} {check.Detail}")];
        static string Same(string check) => check.Split(' ')[0] == "gpu.9.mode" ? "gpu.9.mode" : check; // its detail is the policy
    }

    [Fact]
    public void Policies_of_the_parts_are_obeyed()
    {
        Assert.Equal(["cpu.snp.15.measurement"], Failed(Appraise(snp, "{\"cpu\":{\"measurements\":[\"" + new string('2', 96) + "\"]}}")));
        Assert.Equal(["gpu0.gpu.9.mode", "gpu1.gpu.9.mode"], Failed(Appraise(snp, """{"gpu":{"modes":["mpt"]}}""")));
        Assert.Equal(["switch0.switch.11.generation", "switch1.switch.11.generation"], Failed(Appraise(tdx, """{"switch":{"denied_architectures":["ls10"]}}""")));
        Assert.Equal(["gpu0.gpu.9.mode"], Failed(Appraise(tdx, """{"gpu":{}}"""))); // a policy of one's own is that kind's, and NVLink in the clear is in none
    }

    [Fact]
    public void Missing_endorsements_are_named_with_the_part_that_needs_them()
    {
        snp.Ocsp = (certificate, good) => certificate.Subject.Contains(snp.Gpus[0].Serial, StringComparison.Ordinal) ? null : good;
        var result = Appraise(snp);
        Assert.Equal(Outcome.EndorsementsMissing, result.Outcome);
        Assert.All(result.Missing, line => Assert.StartsWith("gpu0.gpu.4.device: ", line, StringComparison.Ordinal));
    }

    [Fact]
    public void A_gpu_under_the_name_of_a_switch_is_no_switch()
    {
        var good = snp.Compose(Transcript, Now);
        var swapped = good with { Devices = [good.Devices[0], good.Devices[1] with { Kind = "nvidia-switch" }] };
        Assert.Contains("switch0.switch.1.kind", Failed(Appraise(snp, evidence: swapped.ToBytes())));
    }

    [Fact]
    public void A_part_that_holds_two_devices_is_malformed()
    {
        var good = snp.Compose(Transcript, Now);
        var both = new NvidiaCase().Vendor.Json(snp.Gpus);
        Assert.Contains("gpu0: ", Assert.Throws<MalformedException>(() => Appraise(snp, evidence: (good with { Devices = [new(both, "nvidia-gpu")] }).ToBytes())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_part_that_is_none_of_its_kind_is_malformed_and_named()
    {
        var good = snp.Compose(Transcript, Now);
        Assert.StartsWith("cpu: ", Assert.Throws<MalformedException>(() => Appraise(snp, evidence: (good with { Cpu = new([1], "sev-snp") }).ToBytes())).Message, StringComparison.Ordinal);
        Assert.StartsWith("cpu: ", Assert.Throws<MalformedException>(() => Appraise(snp, evidence: (good with { Cpu = good.Cpu with { Kind = "tdx" } }).ToBytes())).Message, StringComparison.Ordinal);
        Assert.StartsWith("gpu1: ", Assert.Throws<MalformedException>(() => Appraise(snp, evidence: (good with { Devices = [good.Devices[0], new([1], "nvidia-gpu")] }).ToBytes())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void With_the_binding_left_out_it_says_that_the_devices_may_be_anywhere()
    {
        var result = Appraise(snp, change: Unasked);
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.Equal(CheckResult.SkippedByPolicy, result.Checks.Single(check => check.Id == "composite.2.bound").Result);
        Assert.Contains(result.NotChecked, line => line.StartsWith("whether these devices are in this machine", StringComparison.Ordinal));
        Assert.Single(result.NotChecked, line => line.EndsWith("binding: left out by name", StringComparison.Ordinal)); // for all parts together
    }

    [Fact]
    public void Nothing_is_called_unchecked_that_the_whole_has_checked() =>
        Assert.DoesNotContain(Appraise(tdx, """{"gpus":1,"switches":2}""").NotChecked, line => line.Contains("tied to", StringComparison.Ordinal) || line.Contains("are in the machine", StringComparison.Ordinal) || line.Contains("the number of", StringComparison.Ordinal));

    [Theory]
    [InlineData("""{"gpu":{"modes":["sli"]}}""")]
    [InlineData("""{"gpus":17}""")]
    [InlineData("""{"switches":-1}""")]
    [InlineData("""{"cpus":{}}""")]
    [InlineData("""{"cpu":{"denied_products":null}}""")]
    [InlineData("""{"cpu":{"require_event_log":true}}""")]
    [InlineData("""{"switch":{"modus":1}}""")]
    [InlineData("""{"gpu":[]}""")]
    [InlineData("""{"cpu":7}""")]
    [InlineData("null")]
    [InlineData("""{"gpus":1,"gpus":2}""")]
    public void Refuses_a_policy_that_makes_no_sense(string policy) => Assert.Throws<MalformedException>(() => Appraise(TestMachine.SnpWithGpus(Now, gpus: 0), policy));

    [Fact]
    public void Refuses_a_policy_that_is_too_long() => Assert.Equal(1024 * 1024, Assert.Throws<MalformedException>(() => Appraise(TestMachine.SnpWithGpus(Now, gpus: 0), "{}" + new string(' ', 1024 * 1024))).Offset);

    [Fact]
    public void The_strict_policy_is_what_no_policy_means()
    {
        var policy = Appraiser.For("composite")!.StrictPolicy().ToJsonString();
        Assert.Equal(Told(Appraise(tdx)), Told(Appraise(tdx, policy)));
        static string Told(AttestationResult result) => string.Join('\n', result.Checks.Select(check => $"{check.Id} {check.Result}").Concat(result.NotChecked));
    }

    [Theory]
    [InlineData("sev-snp")]
    [InlineData("tdx")]
    [InlineData("nitro")]
    public void It_is_recognised_and_its_parts_alone_are_not_taken_for_it(string kind)
    {
        var machine = TestMachine.Of(kind, Now).Compose(Transcript, Now);
        Assert.Equal("composite", Appraiser.Recognise(machine.ToBytes())?.Kind);
        Assert.Equal(kind, Appraiser.Recognise(machine.Cpu.Evidence)?.Kind);
        Assert.All(machine.Devices, device => Assert.Equal(device.Kind, Appraiser.Recognise(device.Evidence)?.Kind));
    }

    [Fact]
    public void It_is_shown_part_by_part()
    {
        var fields = Appraiser.For("composite")!.Show(snp.Evidence(Transcript, Now));
        Assert.Equal("cpu sev-snp, gpu0 nvidia-gpu, gpu1 nvidia-gpu", fields[0].Value);
        Assert.Contains(fields, field => field is { Name: "cpu: MEASUREMENT", Policy: "cpu.measurements" });
        Assert.Contains(fields, field => field is { Name: "cpu: REPORT_DATA", Policy: "composite.2.bound" });
        Assert.Contains(fields, field => field.Name == "gpu1: driver version");
        Assert.Equal(fields.Count, fields.DistinctBy(field => field.Name).Count());
    }

    [Fact]
    public void Claims_are_those_of_each_part_with_its_kind()
    {
        var claims = Appraise(tdx).Claims;
        Assert.Equal(("tdx", 3), ((string?)claims["cpu"]!["kind"], claims["devices"]!.AsArray().Count));
        Assert.Equal("nvidia-switch", (string?)claims["devices"]![2]!["kind"]);
        Assert.NotNull(JsonNode.Parse(claims.ToJsonString()));
    }

    [Fact]
    public void The_endorsements_of_every_part_are_named_each_once()
    {
        var used = Appraise(snp).Endorsements.Select(each => each.What).ToList();
        Assert.Contains(used, what => what.Contains("VCEK", StringComparison.Ordinal));
        Assert.Contains(used, what => what.Contains("Test RIM", StringComparison.Ordinal));
        Assert.Equal(used.Count, used.Distinct().Count());
    }

    private void Unbound(CompositeEvidence evidence, TestMachine? endorsedBy = null) =>
        Assert.Equal(["cpu.snp.15", "composite.2.bound"], Failed(Appraise(endorsedBy ?? snp, evidence: evidence.ToBytes())));

    private static TestDevice Tied(TestDevice device, params byte[] gpus) => device with { Opaque = new(device.Opaque) { [26] = TestDevice.GpusAtASwitch(gpus) } };

    private static AppraisalRequest Unasked(AppraisalRequest request) => request with { Nonce = null, Without = new HashSet<CheckGroup> { CheckGroup.Binding } };

    private static AttestationResult Appraise(TestMachine machine, string policy = "", byte[]? evidence = null, Func<AppraisalRequest, AppraisalRequest>? change = null)
    {
        var request = new AppraisalRequest(evidence ?? machine.Evidence(Transcript, Now), Now) { Endorsements = machine.Endorsements(Now), Policy = Encoding.UTF8.GetBytes(policy), Nonce = Transcript.Span.ToArray() };
        return Appraiser.For("composite", machine.Roots)!.Appraise(change is null ? request : change(request));
    }

    private static IEnumerable<string> Failed(AttestationResult result) => result.Failures.Select(check => check.Id);
}
