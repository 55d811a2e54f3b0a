using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Nvidia;

/// <summary>A certificate with the key that it is about.</summary>
internal sealed record Certified(X509Certificate2 Certificate, ECDsa Key);

/// <summary>A device as it would be if it were made here: its certificates, and what it says when asked. Each member can be made wrong.</summary>
internal sealed record TestDevice
{
    public string Serial { get; init; } = "41431D480FE5E87274";
    public string Product { get; init; } = "GH100";

    /// <summary>The device whose keys it has; its own where null.</summary>
    public string? Twin { get; init; }

    public byte[] Nonce { get; init; } = [.. Enumerable.Repeat((byte)0x5A, 32)];
    public byte Attributes { get; init; } = 1;
    public byte Index { get; init; } = 0xFF;
    public byte Slot { get; init; }
    public byte ResponseSlot { get; init; }
    public SortedDictionary<int, byte[]> Measurements { get; init; } = Measured(64);
    public SortedDictionary<int, byte[]> Opaque { get; init; } = GpuOpaque();
    public byte[]? CertifiedFwid { get; init; } = NvidiaVendor.Fwid;
    public X509KeyUsageFlags LeafUsage { get; init; } = X509KeyUsageFlags.DigitalSignature;
    public DateTimeOffset LeafEnds { get; init; } = new(9999, 12, 31, 23, 59, 59, TimeSpan.Zero);
    public ECDsa? SignsWith { get; init; }
    public bool WithoutProvisioner { get; init; }
    public bool StrangersRoot { get; init; }
    public Dictionary<string, string> Says { get; init; } = [];

    public string KeyName => Twin ?? Serial;

    public static TestDevice Switch() => new() { Product = "LS_10", Serial = "50203EB31AD9ED0008", Measurements = Measured(31), Opaque = SwitchOpaque() };

    public static SortedDictionary<int, byte[]> Measured(int count) => new(Enumerable.Range(1, count).ToDictionary(i => i, i => SHA384.HashData([(byte)i])));

    public static SortedDictionary<int, byte[]> GpuOpaque() => new()
    {
        [3] = [.. "550.90.07\0"u8],
        [6] = [0x00, 0x9f, 0x00, 0x96, 0x01, 0, 0, 0],
        [11] = [0xAA],
        [15] = [.. "882\0\0\0"u8],
        [17] = [.. "1010\0"u8],
        [18] = [.. "0200\0"u8],
        [20] = NvidiaVendor.Fwid,
        [21] = [0x55],
    };

    public static SortedDictionary<int, byte[]> SwitchOpaque() => new()
    {
        [6] = [.. "96.10.55.00.01"u8],
        [22] = [0x20, 0x3e, 0xb3, 0x1a, 0xd9, 0xed, 0x00, 0x08],
        [25] = [1, 0],
        [26] = GpusAtASwitch([.. Enumerable.Range(1, 8).Select(i => (byte)i)]),
    };

    /// <summary>Eight ids, each of one byte said eight times, or zeros; then for each of 64 ports the GPU that it leads to, of which some are none.</summary>
    public static byte[] GpusAtASwitch(params byte[] gpus) =>
        [.. gpus.SelectMany(gpu => Enumerable.Repeat(gpu, 8)), .. new byte[(8 - gpus.Length) * 8], .. Enumerable.Range(0, 64).Select(port => port % 16 < 4 ? (byte)(port / 4 % gpus.Length) : (byte)0xFF)];
}

/// <summary>NVIDIA, as far as tests need one: roots, provisioning, RIMs and an OCSP responder.</summary>
internal sealed class NvidiaVendor
{
    public static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);
    public static readonly byte[] Fwid = SHA384.HashData("firmware"u8);
    private static readonly DateTimeOffset Began = new(2022, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Never = new(9999, 12, 31, 23, 59, 59, TimeSpan.Zero);

    private readonly Dictionary<string, ECDsa> keys = [];

    public NvidiaVendor()
    {
        DeviceRoot = Authority("Test Device Identity CA", null);
        Stranger = Authority("Test Device Identity CA", null);
        Product = Authority("Test GH100 Identity", DeviceRoot);
        Provisioner = Authority("Test GH100 Provisioner ICA 1", Product);
        RimRoot = Authority("Test RIM root", null);
        RimProduct = Authority("Test Reference Value GH100 CA", RimRoot);
        RimLine = Authority("Test Reference Value L3", RimProduct);
        RimSigner = Certify("Test RIM signer", RimLine, X509KeyUsageFlags.DigitalSignature, ends: Now.AddYears(5));
        Roots = new(new Dictionary<string, Digest> { [VendorRoots.NvidiaDevice] = Pin(DeviceRoot), [VendorRoots.NvidiaRim] = Pin(RimRoot) });
    }

    public VendorRoots Roots { get; }

    public Certified DeviceRoot { get; }

    public Certified Stranger { get; }

    public Certified Product { get; }

    public Certified Provisioner { get; }

    public Certified RimRoot { get; }

    public Certified RimProduct { get; }

    public Certified RimLine { get; }

    public Certified RimSigner { get; }

    /// <summary>Leaf first, root last.</summary>
    public IReadOnlyList<X509Certificate2> Chain(TestDevice device)
    {
        var provisioner = device.StrangersRoot ? Authority("Test GH100 Provisioner ICA 1", Authority("Test GH100 Identity", Stranger)) : device.WithoutProvisioner ? Product : Provisioner;
        var own = Device(device, provisioner);
        var leaf = Leaf(device, own);
        X509Certificate2[] above = device.WithoutProvisioner ? [] : [provisioner.Certificate];
        return [leaf, own.Certificate, .. above, Product.Certificate, (device.StrangersRoot ? Stranger : DeviceRoot).Certificate];
    }

    public byte[] Report(TestDevice device)
    {
        var blocks = new List<byte>();
        foreach (var (index, value) in device.Measurements) blocks.AddRange([(byte)index, 1, .. Little(value.Length + 3), 1, .. Little(value.Length), .. value]);
        var opaque = device.Opaque.SelectMany(field => (byte[])[.. Little(field.Key), .. Little(field.Value.Length), .. field.Value]).ToArray();
        byte[] signed =
        [
            0x11, 0xE0, device.Attributes, device.Index, .. device.Nonce, device.Slot,
            0x11, 0x60, 0, device.ResponseSlot, (byte)device.Measurements.Count, .. Little(blocks.Count), 0, .. blocks,
            .. Enumerable.Repeat((byte)7, 32), .. Little(opaque.Length), .. opaque,
        ];
        return [.. signed, .. (device.SignsWith ?? Key($"leaf {device.KeyName}")).SignData(signed, HashAlgorithmName.SHA384)];
    }

    /// <summary>As nvattest prints it.</summary>
    public byte[] Json(params IEnumerable<TestDevice> devices) => Encoding.UTF8.GetBytes(new JsonArray([.. devices.Select(Item)]).ToJsonString());

    public JsonObject Item(TestDevice device)
    {
        var item = new JsonObject
        {
            ["arch"] = device.Product switch { "GH100" => "HOPPER", "GB100" => "BLACKWELL", _ => "LS10" },
            ["certificate"] = Convert.ToBase64String(Encoding.ASCII.GetBytes(Pem(Chain(device)))),
            ["evidence"] = Convert.ToBase64String(Report(device)),
            ["nonce"] = Convert.ToHexStringLower(device.Nonce),
            ["version"] = "1.0",
        };
        foreach (var (name, value) in device.Says) item[name] = value;
        return item;
    }

    public static string Pem(IEnumerable<X509Certificate2> certificates) => string.Join('\n', certificates.Select(each => each.ExportCertificatePem())) + "\n";

    public Certified Authority(string name, Certified? issuer) => Certify(name, issuer, X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign);

    public Certified Certify(string name, Certified? issuer, X509KeyUsageFlags usage, DateTimeOffset? ends = null, ECDsa? key = null, params IEnumerable<X509Extension> more)
    {
        key ??= ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var request = new CertificateRequest(name.Contains('=', StringComparison.Ordinal) ? name : $"CN={name}, O=Test", key, HashAlgorithmName.SHA384);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(usage.HasFlag(X509KeyUsageFlags.KeyCertSign), false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(usage, true));
        foreach (var extension in more) request.CertificateExtensions.Add(extension);
        var by = issuer?.Key ?? key;
        var certificate = request.Create(issuer?.Certificate.SubjectName ?? request.SubjectName, X509SignatureGenerator.CreateForECDsa(by), Began, ends ?? Never, RandomNumberGenerator.GetBytes(16).Select((b, i) => i == 0 ? (byte)(b & 0x3F | 0x40) : b).ToArray());
        return new(certificate, key);
    }

    public ECDsa Key(string name)
    {
        lock (keys) return keys.TryGetValue(name, out var key) ? key : keys[name] = ECDsa.Create(ECCurve.NamedCurves.nistP384);
    }

    private readonly Dictionary<string, Certified> certified = [];

    /// <summary>One certificate for each device, whenever it is asked.</summary>
    private Certified Device(TestDevice device, Certified provisioner) => Once($"device {device.Serial} {device.KeyName} {provisioner.Certificate.Thumbprint}", () =>
        Certify($"SERIALNUMBER={device.Serial}, CN={device.Product} A01 GSP BROM", provisioner, X509KeyUsageFlags.KeyCertSign, null, Key($"device {device.KeyName}")));

    private X509Certificate2 Leaf(TestDevice device, Certified own) => Once(
        $"leaf {device.Serial} {device.Product} {device.LeafUsage} {device.LeafEnds} {Convert.ToHexString(device.CertifiedFwid ?? [])} {own.Certificate.Thumbprint}",
        () => Certify($"CN={device.Product} A01 GSP FMC LF", own, device.LeafUsage, device.LeafEnds, Key($"leaf {device.KeyName}"), [Name(device), .. Firmware(device, own)])).Certificate;

    private Certified Once(string name, Func<Certified> make)
    {
        lock (certified) return certified.TryGetValue(name, out var known) ? known : certified[name] = make();
    }

    private static X509Extension Name(TestDevice device)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        using (writer.PushSequence(new(TagClass.ContextSpecific, 0)))
        {
            writer.WriteObjectIdentifier("1.3.6.1.4.1.412.274.1");
            using (writer.PushSequence(new(TagClass.ContextSpecific, 0))) writer.WriteCharacterString(UniversalTagNumber.UTF8String, $"NVIDIA:{device.Product}:{device.Serial}");
        }
        return new("2.5.29.17", writer.Encode(), false);
    }

    /// <summary>Hopper and switches name firmware in one form, Blackwell in another.</summary>
    private static IEnumerable<X509Extension> Firmware(TestDevice device, Certified own)
    {
        if (device.CertifiedFwid is not { } fwid) return [];
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            if (device.Product == "GB100")
            {
                writer.WriteCharacterString(UniversalTagNumber.UTF8String, "NVIDIA", new(TagClass.ContextSpecific, 0));
                using (writer.PushSequence(new(TagClass.ContextSpecific, 6)))
                {
                    WriteFwid(writer, fwid);
                    WriteFwid(writer, new byte[48]);
                }
            }
            else
            {
                writer.WriteInteger(1);
                writer.WriteEncodedValue(own.Certificate.PublicKey.ExportSubjectPublicKeyInfo());
                WriteFwid(writer, fwid);
            }
        }
        return [new(device.Product == "GB100" ? "2.23.133.5.4.1.1" : "2.23.133.5.4.1", writer.Encode(), false)];
    }

    private static void WriteFwid(AsnWriter writer, byte[] fwid)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier("2.16.840.1.101.3.4.2.2");
            writer.WriteOctetString(fwid);
        }
    }

    private static byte[] Little(int value) => [(byte)(value & 0xFF), (byte)(value >> 8)];

    private static Digest Pin(Certified root) => Digest.Of(root.Certificate.PublicKey.ExportSubjectPublicKeyInfo());
}
