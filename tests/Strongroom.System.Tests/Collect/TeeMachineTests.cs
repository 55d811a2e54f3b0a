using System.Text.Json.Nodes;
using Strongroom.Attestation;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Enclave;
using Strongroom.Enclave.Evidence;
using Strongroom.Enclave.Memory;
using Strongroom.Enclave.Native;
using Strongroom.Tests.Attestation.Composite;

namespace Strongroom.System.Tests.Collect;

/// <summary>Whole machines: what the enclave collects from processor and devices is what the broker's verifier trusts, under the id that the enclave takes itself for.</summary>
[Collection(nameof(SimulatedGpus))]
public sealed class TeeMachineTests
{
    private static readonly DateTimeOffset Now = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly Digest Transcript = Digest.Of("an exchange"u8);
    private static readonly EnclaveStart Start = new(Digest.Of("key"u8), Digest.Of("pins"u8));

    [Theory]
    [InlineData("sev-snp", "sev_guest")]
    [InlineData("tdx", "tdx_guest")]
    public void A_guest_and_its_GPUs_are_trusted_by_what_they_say_together(string kind, string provider)
    {
        var hardware = TestMachine.Of(kind, Now);
        hardware.Switches.Clear();
        if (kind == "tdx") hardware.Gpus[0].Opaque[21] = [0x55]; // alone, and so not in protected PCIe mode
        using var kernel = new SimulatedTsm { Provider = provider, Report = asked => hardware.Cpu(asked, Now), Floor = kind == "sev-snp" ? 0 : null };
        using var gpus = new SimulatedGpus(count: hardware.Gpus.Count) { Devices = hardware.Gpus };
        var machine = new TeeMachine(Processor.Find(kernel.Reports, hasNitro: true)!, nonce => GpuReports.Attest(SimulatedGpus.Library, nonce));
        RequireTrust(hardware, machine);
        Assert.Equal(hardware.Gpus.Count, machine.Identity.Devices.Count);
    }

    [Fact]
    public void A_Nitro_enclave_is_trusted_by_its_module()
    {
        var hardware = TestMachine.NitroAlone(Now);
        RequireTrust(hardware, new(new("nitro", "", challenge => hardware.Cpu(challenge.ToArray(), Now)), _ => []));
    }

    [Fact]
    public void Evidence_for_one_transcript_says_nothing_about_another()
    {
        var hardware = TestMachine.SnpWithGpus(Now, gpus: 0);
        var machine = Of(hardware);
        var evidence = machine.Attest(Start, Transcript, [], 0);
        Assert.IsType<Verdict.Rejected>(Verify(hardware, machine, evidence, Digest.Of("another exchange"u8)));
    }

    [Fact]
    public void Devices_answer_before_the_processor_so_that_it_covers_what_they_said()
    {
        var asked = new List<string>();
        var machine = new TeeMachine(new("nitro", "", _ => Say("processor")), _ => [new(Say("device"), "nvidia-gpu")]);
        var evidence = machine.Collect(Transcript);
        Assert.Equal(["device", "processor"], asked);
        Assert.Equal([1], Assert.Single(evidence.Devices).Evidence);

        byte[] Say(string who)
        {
            asked.Add(who);
            return [1];
        }
    }

    [Fact]
    public void A_processor_that_hides_which_one_it_is_has_no_id()
    {
        var hardware = TestMachine.SnpWithGpus(Now, gpus: 0);
        hardware.Snp!.Fill(0x1A0, 64, 0);
        Assert.Contains("masked", Assert.Throws<UnavailableException>(() => Of(hardware).Id).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_processor_is_found_by_its_kernel_and_by_nothing_else()
    {
        using var snp = new SimulatedTsm();
        var none = new TsmReports("/no/such/place", Directories.Make, Directories.Remove);
        Assert.Equal("sev-snp", Processor.Find(snp.Reports, hasNitro: true)?.Kind);
        Assert.Equal("nitro", Processor.Find(none, hasNitro: true)?.Kind);
        Assert.Null(Processor.Find(none, hasNitro: false));
    }

    [Fact]
    public void A_processor_of_another_kind_is_no_reason_to_take_a_TPM_instead()
    {
        using var other = new SimulatedTsm { Provider = "arm_cca_guest" };
        Assert.Throws<UnavailableException>(() => Processor.Find(other.Reports, hasNitro: false));
        Assert.Throws<UnavailableException>(() => Processor.Find(other.Reports, hasNitro: true));
        Assert.Throws<UnavailableException>(() => Processor.Require("sev-snp", other.Reports, hasNitro: true));
        Assert.Equal("nitro", Processor.Require("nitro", other.Reports, hasNitro: true).Kind); // what is asked for by name and is there
    }

    [Fact]
    public void Evidence_in_a_file_is_written_once()
    {
        var hardware = TestMachine.SnpWithGpus(Now, gpus: 0);
        var path = Path.Combine(Path.GetTempPath(), $"strongroom-{Guid.NewGuid():N}.json");
        using var output = new StringWriter();
        Assert.Equal(0, EvidenceVerbs.Collect(Of(hardware), Transcript, path, output));
        var said = JsonNode.Parse(output.ToString())!;
        Assert.Equal("sev-snp", (string?)said["kind"]);
        Assert.Equal(Of(hardware).Id, (string?)said["machine"]);
        Assert.Equal(Transcript.ToString(), (string?)said["nonce"]);
        Assert.Equal("sev-snp", CompositeEvidence.Parse(File.ReadAllBytes(path)).Cpu.Kind);
        Assert.Throws<IOException>(() => EvidenceVerbs.Collect(Of(hardware), Transcript, path, output));
        File.Delete(path);
    }

    [Theory]
    [InlineData("--evidence", "development")]
    [InlineData("--evidence", "sgx")]
    [InlineData("--evidence", "auto", "--danger-development-evidence", "k")]
    [InlineData("--evidence", "tdx", "--tpm", "device:/dev/tpmrm0")]
    [InlineData("--evidence", "auto", "--tpm", "device:/dev/tpmrm0")]
    [InlineData("--sealed", "d")]
    public void How_a_machine_proves_itself_is_said_once_and_by_a_known_name(params string[] arguments) =>
        Assert.Contains("--evidence", Assert.Throws<UsageException>(() => EnclaveOptions.EvidenceOf(EnclaveOptions.Split(arguments), () => "sev-snp")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(MemoryKind.Locked, "--evidence", "sev-snp")]
    [InlineData(MemoryKind.Locked, "--evidence", "tdx")]
    [InlineData(MemoryKind.Locked, "--evidence", "nitro")]
    [InlineData(MemoryKind.Secret, "--evidence", "tpm")]
    [InlineData(MemoryKind.Secret, "--tpm", "device:/dev/tpmrm0")]
    [InlineData(MemoryKind.Secret, "--danger-development-evidence", "k")]
    [InlineData(MemoryKind.Secret, "--evidence", "sev-snp", "--memory", "secret")]
    [InlineData(MemoryKind.Locked, "--evidence", "tpm", "--memory", "locked")]
    public void Memory_that_root_can_read_is_the_default_only_where_a_processor_encrypts_it(MemoryKind expected, params string[] arguments) =>
        Assert.Equal(expected, Memory("nitro", arguments));

    [Fact]
    public void The_default_memory_of_auto_is_that_of_what_the_machine_has()
    {
        Assert.Equal(MemoryKind.Locked, Memory("tdx", "--evidence", "auto"));
        Assert.Equal(MemoryKind.Secret, Memory("tpm", "--evidence", "auto"));
    }

    private static MemoryKind Memory(string strongest, params string[] arguments)
    {
        var given = EnclaveOptions.Split(arguments);
        return EnclaveOptions.MemoryOf(given, EnclaveOptions.EvidenceOf(given, () => strongest));
    }

    private static TeeMachine Of(TestMachine hardware) => new(new(hardware.Kind, "", challenge => hardware.Cpu(challenge.ToArray(), Now)), _ => []);

    private static void RequireTrust(TestMachine hardware, TeeMachine machine)
    {
        var trusted = Assert.IsType<Verdict.Trusted>(Verify(hardware, machine, machine.Attest(Start, Transcript, [], 0), Transcript));
        Assert.Equal(machine.Id, trusted.Evidence.Machine);
    }

    private static Verdict Verify(TestMachine hardware, TeeMachine machine, byte[] evidence, Digest transcript) =>
        EvidenceVerifier.For(hardware.Kind, DangerousEvidence.None, hardware.Endorsements(Now), hardware.Roots)
            .Verify(evidence, new(machine.Id, hardware.Kind, machine.Identity.ToBytes(), [], EnrolledMachine.DefaultApplicationPcr), transcript, Start, Now);
}
