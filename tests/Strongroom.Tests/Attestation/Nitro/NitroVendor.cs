using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Cose;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Nitro;

/// <summary>A vendor of enclaves whose keys the tests hold: certificates shaped like AWS's, and documents that are right unless a test changes them.</summary>
internal sealed class NitroVendor
{
    public static readonly DateTimeOffset At = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly string[] Names = ["CN=test.nitro-enclaves", "CN=region.nitro-enclaves", "CN=zonal.nitro-enclaves", "CN=i-0123.nitro-enclaves"];

    private readonly ECDsa[] keys = [.. Enumerable.Range(0, 4).Select(_ => Key())];

    private readonly DateTimeOffset born;

    /// <param name="born">When its certificates were made; they last for days.</param>
    public NitroVendor(DateTimeOffset? born = null)
    {
        this.born = born ?? At;
        Bundle = [.. Names.Select((_, i) => Authority(i))];
        Leaf = Certify();
        Roots = new(new Dictionary<string, Digest> { [VendorRoots.AwsNitro] = Digest.Of(keys[0].ExportSubjectPublicKeyInfo()) });
    }

    public VendorRoots Roots { get; }

    public ECDsa LeafKey { get; } = Key();

    /// <summary>Root first; DER.</summary>
    public byte[][] Bundle { get; }

    public byte[] Leaf { get; }

    public static ECDsa Key() => ECDsa.Create(ECCurve.NamedCurves.nistP384);

    /// <summary>The authority at a place of the bundle, with something about it changed. Only the region's and the zone's certificates name a revocation list.</summary>
    public byte[] Authority(int place, int? pathLength = null, bool isAuthority = true, X509KeyUsageFlags? usage = null, bool isCritical = true, X509Extension? extra = null, ECDsa? signer = null, string? issuer = null)
    {
        X509KeyUsageFlags normal = X509KeyUsageFlags.KeyCertSign | (place < 3 ? X509KeyUsageFlags.CrlSign | X509KeyUsageFlags.DigitalSignature : 0);
        List<X509Extension> extensions =
        [
            new X509BasicConstraintsExtension(isAuthority, isAuthority && (place > 0 || pathLength is not null), isAuthority ? pathLength ?? Math.Max(3 - place, 0) : 0, isCritical),
            new X509KeyUsageExtension(usage ?? normal, critical: true),
        ];
        if (place is 1 or 2) extensions.Add(CertificateRevocationListBuilder.BuildCrlDistributionPointExtension(["http://crl.example/list.crl"]));
        if (extra is not null) extensions.Add(extra);
        var above = Math.Max(place - 1, 0);
        return Issue(Names[place], keys[place], issuer ?? Names[above], signer ?? keys[above], born.AddDays(-2), born.AddDays(9), extensions);
    }

    public byte[] Certify(ECDsa? key = null, DateTimeOffset? notBefore = null, DateTimeOffset? notAfter = null, bool isAuthority = false, X509KeyUsageFlags usage = X509KeyUsageFlags.DigitalSignature, X509Extension? extra = null) =>
        Issue("CN=i-0123-enc0456.region.aws", key ?? LeafKey, Names[3], keys[3], notBefore ?? born.AddMinutes(-30), notAfter ?? born.AddHours(2),
            [new X509BasicConstraintsExtension(isAuthority, false, 0, true), new X509KeyUsageExtension(usage, critical: false), .. extra is null ? (X509Extension[])[] : [extra]]);

    /// <summary>A list of what the authority at a place of the bundle took back.</summary>
    public byte[] RevocationList(int place, DateTimeOffset? thisUpdate = null, DateTimeOffset? nextUpdate = null, params byte[][] revoked)
    {
        var list = new CertificateRevocationListBuilder();
        foreach (var der in revoked) list.AddEntry(X509CertificateLoader.LoadCertificate(der), At.AddDays(-1));
        var key = keys[place];
        return list.Build(new(Names[place]), X509SignatureGenerator.CreateForECDsa(key), BigInteger.One, nextUpdate ?? At.AddDays(6), HashAlgorithmName.SHA384,
            X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(RandomNumberGenerator.GetBytes(20)), thisUpdate ?? At.AddDays(-1));
    }

    /// <summary>A document with something about it changed.</summary>
    public byte[] Document(Action<NitroDraft>? change = null)
    {
        var draft = new NitroDraft(this);
        change?.Invoke(draft);
        return draft.Seal();
    }

    private static byte[] Issue(string name, ECDsa key, string issuer, ECDsa signer, DateTimeOffset from, DateTimeOffset to, IEnumerable<X509Extension> extensions)
    {
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA384);
        foreach (var extension in extensions) request.CertificateExtensions.Add(extension);
        using var certificate = request.Create(new X500DistinguishedName(issuer), X509SignatureGenerator.CreateForECDsa(signer), from, to, RandomNumberGenerator.GetBytes(8));
        return certificate.RawData;
    }
}

/// <summary>A document before it is signed.</summary>
internal sealed class NitroDraft(NitroVendor vendor)
{
    public string? ModuleId { get; set; } = "i-0123-enc0456";

    public string DigestName { get; set; } = "SHA384";

    public ulong Timestamp { get; set; } = (ulong)NitroVendor.At.AddMinutes(-1).ToUnixTimeMilliseconds();

    public string PcrsName { get; set; } = "pcrs";

    public SortedDictionary<int, byte[]> Pcrs { get; } = new(Enumerable.Range(0, 16).ToDictionary(i => i, i => i is 3 or > 4 ? new byte[48] : Enumerable.Repeat((byte)(i + 1), 48).ToArray()));

    public byte[] Certificate { get; set; } = vendor.Leaf;

    public byte[][] Bundle { get; set; } = vendor.Bundle;

    public byte[]? PublicKey { get; set; }

    public byte[]? UserData { get; set; } = "user data"u8.ToArray();

    public byte[]? Nonce { get; set; } = "nonce"u8.ToArray();

    /// <summary>Members after all others, encoded.</summary>
    public List<(string Name, byte[] Value)> Extra { get; } = [];

    public byte[] Protected { get; set; } = [0xA1, 0x01, 0x38, 0x22];

    public byte[] Unprotected { get; set; } = [0xA0];

    public ECDsa Signer { get; set; } = vendor.LeafKey;

    public HashAlgorithmName Hash { get; set; } = HashAlgorithmName.SHA384;

    public bool IsTagged { get; set; }

    public byte[]? Signature { get; set; }

    public byte[] Payload()
    {
        var absent = ModuleId is null ? 1 : 0;
        var writer = new CborWriter().Map(9 - absent + Extra.Count);
        if (ModuleId is { } id) writer.Text("module_id").Text(id);
        writer.Text("digest").Text(DigestName).Text("timestamp").Number((long)Timestamp).Text(PcrsName).Map(Pcrs.Count);
        foreach (var (index, value) in Pcrs) writer.Number(index).Bytes(value);
        writer.Text("certificate").Bytes(Certificate).Text("cabundle").Array(Bundle.Length);
        foreach (var der in Bundle) writer.Bytes(der);
        foreach (var (name, value) in ((string, byte[]?)[])[("public_key", PublicKey), ("user_data", UserData), ("nonce", Nonce)])
        {
            writer.Text(name);
            if (value is null) writer.Null();
            else writer.Bytes(value);
        }
        foreach (var (name, value) in Extra) writer.Text(name).Encoded(value);
        return writer.ToArray();
    }

    public byte[] Seal(byte[]? payload = null)
    {
        payload ??= Payload();
        var signature = Signature ?? Signer.SignData(CoseSign1.ToBeSigned(Protected, payload), Hash);
        var writer = new CborWriter();
        if (IsTagged) writer.Tag(CoseSign1.Tag);
        return writer.Array(4).Bytes(Protected).Encoded(Unprotected).Bytes(payload).Bytes(signature).ToArray();
    }
}
