using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Strongroom.Attestation;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Tests.Attestation.Dcap;
using Strongroom.Tests.Attestation.Nitro;
using Strongroom.Tests.Attestation.Nvidia;
using Strongroom.Tests.Attestation.Snp;

namespace Strongroom.Tests.Attestation.Composite;

/// <summary>A whole machine of the test vendors, everything right at any time that a test likes; a test changes one thing of one part.</summary>
internal sealed class TestMachine
{
    private static readonly byte[][] SwitchIds = [[0x20, 0x3e, 0xb3, 0x1a, 0xd9, 0xed, 0x00, 0x08], [0x20, 0x3e, 0xb3, 0x1a, 0xd9, 0xed, 0x00, 0x09]];

    private readonly NitroVendor? nitro;

    private TestMachine(string kind, DateTimeOffset born)
    {
        Kind = kind;
        if (kind == "sev-snp") Snp = new();
        if (kind == "tdx") Tdx = new("tdx") { Ppid = [.. Enumerable.Repeat((byte)0x1D, 16)] };
        if (kind == "nitro") nitro = new(born);
        Roots = VendorRoots.Of([TestAmd.Roots, TestIntel.One.Roots, new NvidiaCase().Vendor.Roots, .. nitro is null ? (VendorRoots[])[] : [nitro.Roots]]);
    }

    /// <summary>Of its processor: sev-snp, tdx or nitro.</summary>
    public string Kind { get; }

    /// <summary>The processor, where it is AMD's.</summary>
    public SnpScene? Snp { get; }

    /// <summary>The processor, where it is Intel's.</summary>
    public TestPlatform? Tdx { get; }

    /// <summary>What is changed about the document, where there is an enclave of AWS.</summary>
    public Action<NitroDraft>? Nitro { get; set; }

    public List<TestDevice> Gpus { get; } = [];

    public List<TestDevice> Switches { get; } = [];

    /// <summary>What the responder says of a device's or a RIM signer's certificate.</summary>
    public Func<X509Certificate2, TestOcsp, TestOcsp?> Ocsp { get; set; } = (_, good) => good;

    /// <summary>Done to each device's evidence after the processor was asked, so that the processor does not cover it.</summary>
    public Func<byte[], byte[]>? AfterAsking { get; set; }

    /// <summary>Every test vendor's root in the place of the real one.</summary>
    public VendorRoots Roots { get; }

    /// <summary>Which machine it is, as its evidence says it.</summary>
    public MachineIdentity Identity(DateTimeOffset at) => TeeEnrolment.Check(Kind, Evidence(TestTpm.Transcript, at), TestTpm.Transcript, Endorsements(at), at, Roots).Identity!;

    /// <summary>As the ledger would have it.</summary>
    public EnrolledMachine Enrolled(DateTimeOffset at) => Identity(at) is var identity ? new(identity.MachineId(), Kind, identity.ToBytes(), [], EnrolledMachine.DefaultApplicationPcr) : throw new InvalidOperationException();

    /// <summary>SEV-SNP and GPUs that are each alone.</summary>
    public static TestMachine SnpWithGpus(DateTimeOffset at, int gpus = 2)
    {
        var machine = new TestMachine("sev-snp", at);
        for (var i = 0; i < gpus; i++) machine.Gpus.Add(Gpu(i));
        return machine;
    }

    /// <summary>TDX, one GPU and two switches that it is tied to, NVLink in the clear.</summary>
    public static TestMachine TdxWithSwitches(DateTimeOffset at)
    {
        var machine = new TestMachine("tdx", at);
        var gpu = Gpu(0);
        machine.Gpus.Add(gpu with { Opaque = new(gpu.Opaque) { [21] = [0xAA], [22] = [.. SwitchIds[0].Reverse(), .. SwitchIds[1].Reverse(), .. new byte[16 * 8]] } }); // each link's switch, last byte first; 16 links are off
        foreach (var (id, i) in SwitchIds.Select((id, i) => (id, i)))
        {
            var one = TestDevice.Switch();
            machine.Switches.Add(one with { Serial = $"50203EB31AD9ED000{8 + i}", Opaque = new(one.Opaque) { [22] = id, [26] = TestDevice.GpusAtASwitch(1) } });
        }
        return machine;
    }

    /// <summary>An enclave of AWS, alone.</summary>
    public static TestMachine NitroAlone(DateTimeOffset at) => new("nitro", at);

    public static TestMachine Of(string kind, DateTimeOffset at) => kind switch { "sev-snp" => SnpWithGpus(at), "tdx" => TdxWithSwitches(at), _ => NitroAlone(at) };

    /// <summary>Composite evidence for a transcript, made at a time.</summary>
    public byte[] Evidence(Digest transcript, DateTimeOffset at) => Compose(transcript, at).ToBytes();

    public CompositeEvidence Compose(Digest transcript, DateTimeOffset at)
    {
        var nonce = CompositeEvidence.DeviceNonce(transcript);
        List<EvidencePart> devices =
        [
            .. Gpus.Select(gpu => new EvidencePart(Answer(gpu, nonce), "nvidia-gpu")), .. Switches.Select(each => new EvidencePart(Answer(each, nonce), "nvidia-switch")),
        ];
        var challenge = CompositeEvidence.CpuChallenge(transcript, [.. devices.Select(device => (ReadOnlyMemory<byte>)device.Evidence)]);
        if (AfterAsking is { } change) devices = [.. devices.Select(device => device with { Evidence = change(device.Evidence) })];
        return new(new(Cpu(challenge, at), Kind), devices);
    }

    /// <summary>The processor's evidence with this as its report data.</summary>
    public byte[] Cpu(byte[] challenge, DateTimeOffset at)
    {
        if (Snp is { } scene)
        {
            challenge.CopyTo(scene.Report, 0x050);
            return scene.Signed();
        }
        if (Tdx is { } platform)
        {
            var before = platform.Body;
            platform.Body = body =>
            {
                challenge.CopyTo(body.AsSpan(520));
                before?.Invoke(body);
            };
            try
            {
                return platform.Quote();
            }
            finally
            {
                platform.Body = before;
            }
        }
        return nitro!.Document(draft =>
        {
            (draft.UserData, draft.Nonce, draft.Timestamp) = (challenge, null, (ulong)at.ToUnixTimeMilliseconds());
            draft.Certificate = nitro.Certify(notBefore: at.AddSeconds(-3), notAfter: at.AddHours(3));
            Nitro?.Invoke(draft);
        });
    }

    /// <summary>Everything that the evidence needs beside itself, a day old.</summary>
    public Endorsements Endorsements(DateTimeOffset at) => Strongroom.Attestation.Appraisal.Endorsements.Read(Files(at));

    /// <summary>The same as files, each of its own name.</summary>
    public IReadOnlyList<(string Name, ReadOnlyMemory<byte> Bytes)> Files(DateTimeOffset at)
    {
        var ocsp = new TestOcsp { ThisUpdate = at.AddDays(-1), NextUpdate = at.AddDays(6) };
        var gpus = new NvidiaCase { Devices = Gpus, Ocsp = certificate => Ocsp(certificate, ocsp) };
        var switches = NvidiaCase.Switch() with { Devices = Switches, Ocsp = gpus.Ocsp };
        return [.. OfCpu(at).Concat(Gpus.Count > 0 ? gpus.Files() : []).Concat(Switches.Count > 0 ? switches.Files() : []).Select((file, i) => ($"{i:000}-{file.Item1}", file.Item2))];
    }

    private IEnumerable<(string, ReadOnlyMemory<byte>)> OfCpu(DateTimeOffset at)
    {
        if (Snp is { } scene)
        {
            foreach (var file in (byte[][])[scene.Leaf, .. scene.Authorities, scene.Amd.List(at.AddDays(-1), at.AddDays(30))]) yield return ("amd", file);
        }
        if (Tdx is null) yield break;
        var (age, issued, next) = (TestIntel.At - at + TimeSpan.FromDays(1), Timestamp.Format(at.AddDays(-1)), Timestamp.Format(at.AddDays(29)));
        Tdx.RootList = TestIntel.One.List(TestIntel.One.Root, age, TimeSpan.FromDays(365));
        Tdx.PckList = TestIntel.One.List(Tdx.Ca, age, TimeSpan.FromDays(30), 77);
        var (tcb, qe) = (Tdx.TcbInfo, Tdx.QeIdentity);
        (Tdx.TcbInfo, Tdx.QeIdentity) = (Dated(tcb), Dated(qe));
        foreach (var (name, bytes) in Tdx.FilesOf()) yield return (name, bytes);
        (Tdx.TcbInfo, Tdx.QeIdentity) = (tcb, qe);

        Action<JsonObject> Dated(Action<JsonObject>? then) => json =>
        {
            (json["issueDate"], json["nextUpdate"]) = (issued, next);
            then?.Invoke(json);
        };
    }

    private static byte[] Answer(TestDevice device, byte[] nonce) => new NvidiaCase().Vendor.Json([device.Nonce.All(each => each == 0x5A) ? device with { Nonce = nonce } : device]);

    private static TestDevice Gpu(int number)
    {
        var gpu = new TestDevice();
        gpu.Says["cc_mode"] = "on";
        return gpu with { Serial = $"41431D480FE5E8727{number}" };
    }
}
