using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Nvidia;

namespace Strongroom.Tests.Attestation.Nvidia;

/// <summary>Devices, endorsements and a policy that verify together, each of which a test can make wrong in one thing.</summary>
internal sealed record NvidiaCase
{
    private static readonly NvidiaVendor Shared = new();

    public NvidiaVendor Vendor { get; init; } = Shared;

    public string Kind { get; init; } = "nvidia-gpu";

    public IReadOnlyList<TestDevice> Devices { get; init; } = [new()];

    public TestRim Driver { get; init; } = new() { Version = "550.90.07", Measurements = Wanted(3, 7, 35) };

    public TestRim Vbios { get; init; } = new() { Version = "96.00.9F.00.01", Measurements = Wanted(1, 12) };

    public Certified? RimSigner { get; init; }

    /// <summary>Makes the responder's answer on the certificate with this name in its subject; null for none.</summary>
    public Func<X509Certificate2, TestOcsp?> Ocsp { get; init; } = _ => new();

    public Func<string, string> ChangeDriverRim { get; init; } = rim => rim;

    public IReadOnlyList<(string, ReadOnlyMemory<byte>)> More { get; init; } = [];

    public bool WithoutDriverRim { get; init; }

    public string Policy { get; init; } = "";

    public byte[]? Nonce { get; init; } = [.. Enumerable.Repeat((byte)0x5A, 32)];

    public DateTimeOffset At { get; init; } = NvidiaVendor.Now;

    public IReadOnlySet<CheckGroup> Without { get; init; } = new HashSet<CheckGroup>();

    public static NvidiaCase Switch() => new() { Kind = "nvidia-switch", Devices = [TestDevice.Switch()], WithoutDriverRim = true, Vbios = new() { Version = "96.10.55.00.01", Product = "LS10", Measurements = Wanted(1, 12) } };

    /// <summary>The values that the test devices measure, by NVIDIA's index, as alternatives to one that nobody measures.</summary>
    public static SortedDictionary<int, string[]> Wanted(params IEnumerable<int> indices)
    {
        var measured = TestDevice.Measured(64);
        return new(indices.ToDictionary(index => index, index => (string[])[new string('e', 96), Convert.ToHexStringLower(measured[index + 1])]));
    }

    /// <summary>One device as the bare report, several as JSON.</summary>
    public byte[] Evidence => Devices is [var only] && only.Says.Count == 0 ? Vendor.Report(only) : Vendor.Json(Devices);

    public AppraisalRequest Request(ReadOnlyMemory<byte> evidence, Endorsements? endorsements = null) => new(evidence, At)
    {
        Endorsements = endorsements ?? Endorse(), Policy = Encoding.UTF8.GetBytes(Policy), Nonce = Nonce is null ? (ReadOnlyMemory<byte>?)null : Nonce, Without = Without,
    };

    public AttestationResult Appraise() => Appraiser.For(Kind, Vendor.Roots)!.Appraise(Request(Evidence));

    public Endorsements Endorse() => Endorsements.Read(Files());

    public string DriverRim() => ChangeDriverRim(Signed(Driver, RimSigner ?? Vendor.RimSigner));

    public string Signed(TestRim rim, Certified by) => rim.Sign(by.Key, by.Certificate, Vendor.RimLine.Certificate, Vendor.RimProduct.Certificate, Vendor.RimRoot.Certificate);

    /// <summary>Every endorsement that the devices need.</summary>
    public IEnumerable<(string, ReadOnlyMemory<byte>)> Files()
    {
        foreach (var device in Devices)
        {
            var chain = Vendor.Chain(device);
            yield return ("chain", Encoding.ASCII.GetBytes(NvidiaVendor.Pem(chain)));
            foreach (var answer in Answers(chain, device)) yield return ("ocsp", answer);
        }
        var signer = RimSigner ?? Vendor.RimSigner;
        X509Certificate2[] rims = [signer.Certificate, Vendor.RimLine.Certificate, Vendor.RimProduct.Certificate, Vendor.RimRoot.Certificate];
        foreach (var answer in Answers(rims, null)) yield return ("ocsp", answer);
        if (!WithoutDriverRim) yield return ("driver", Encoding.UTF8.GetBytes(DriverRim()));
        yield return ("vbios", Encoding.UTF8.GetBytes(Signed(Vbios, Vendor.RimSigner)));
        if (signer != Vendor.RimSigner)
        {
            foreach (var answer in Answers([Vendor.RimSigner.Certificate, Vendor.RimLine.Certificate], null)) yield return ("ocsp", answer);
        }
        foreach (var file in More) yield return file;
    }

    private IEnumerable<ReadOnlyMemory<byte>> Answers(IReadOnlyList<X509Certificate2> chain, TestDevice? device)
    {
        for (var i = 0; i < chain.Count - 1; i++)
        {
            if (KeyOf(chain[i + 1], device) is { } key && Ocsp(chain[i]) is { } ocsp) yield return ocsp.Answer(chain[i], chain[i + 1], key);
        }
    }

    private ECDsa? KeyOf(X509Certificate2 issuer, TestDevice? device) =>
        new[] { Vendor.DeviceRoot, Vendor.Product, Vendor.Provisioner, Vendor.RimRoot, Vendor.RimProduct, Vendor.RimLine }.FirstOrDefault(each => each.Certificate == issuer)?.Key
        ?? (device is null || !issuer.Subject.Contains("BROM", StringComparison.Ordinal) ? null : Vendor.Key($"device {device.KeyName}"));
}
