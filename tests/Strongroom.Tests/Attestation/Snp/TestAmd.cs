using System.Collections.Concurrent;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Snp;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Snp;

/// <summary>A maker of processors, compiled into tests only: for a product line a root, the signing keys of chips and of providers, and certificates as a test wants them.</summary>
internal sealed class TestAmd
{
    public static readonly DateTimeOffset Now = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset From = Now.AddYears(-2);
    private static readonly DateTimeOffset To = Now.AddYears(5);
    private static readonly ConcurrentDictionary<SnpProduct, Lazy<TestAmd>> Lines = new();

    private readonly SnpProduct product;
    private readonly RSA rootKey = RSA.Create(2048);
    private readonly RSA chipsKey = RSA.Create(2048);
    private readonly RSA providersKey = RSA.Create(2048);

    public TestAmd(SnpProduct product)
    {
        this.product = product;
        Root = Certify(Name($"ARK-{product}"), Name($"ARK-{product}"), rootKey, rootKey, "vcek", 1, null);
        Chips = Intermediate(provider: false);
        Providers = Intermediate(provider: true);
    }

    public static TestAmd Of(SnpProduct product) => Lines.GetOrAdd(product, each => new(() => new(each))).Value;

    /// <summary>Pins the test roots in the place of AMD's.</summary>
    public static VendorRoots Roots { get; } = new(Enum.GetValues<SnpProduct>().ToDictionary(each => each.Root(), each => Pin(Of(each).Root)));

    public byte[] Root { get; }

    public byte[] Chips { get; }

    public byte[] Providers { get; }

    public ECDsa Key { get; } = ECDsa.Create(ECCurve.NamedCurves.nistP384);

    public static X500DistinguishedName Name(string commonName, string organisation = "Advanced Micro Devices")
    {
        var builder = new X500DistinguishedNameBuilder();
        builder.AddOrganizationalUnitName("Engineering");
        builder.AddCountryOrRegion("US");
        builder.AddLocalityName("Santa Clara");
        builder.AddStateOrProvinceName("CA");
        builder.AddOrganizationName(organisation);
        builder.AddCommonName(commonName);
        return builder.Build();
    }

    /// <summary>ASK or ASVK, with another line's distribution point where a test wants it.</summary>
    public byte[] Intermediate(bool provider, string? pointsTo = null) => Certify(
        Name(SnpChain.IntermediateName(product, provider)), Name($"ARK-{product}"), provider ? providersKey : chipsKey, rootKey, provider ? "vlek" : "vcek", (byte)(provider ? 3 : 2), 0, pointsTo);

    /// <summary>The certificate of <see cref="Key"/>.</summary>
    public byte[] Certify(TestKeyCertificate wanted)
    {
        var request = new CertificateRequest(Name(wanted.CommonName, wanted.Organisation), PublicKey.CreateFromSubjectPublicKeyInfo((wanted.Key ?? Key).ExportSubjectPublicKeyInfo(), out _), wanted.Hash);
        void Add(string part, byte[] value)
        {
            var oid = "1.3.6.1.4.1.3704.1." + part;
            if (!wanted.Others.Any(other => other.Oid == oid)) request.CertificateExtensions.Add(new X509Extension(oid, value, critical: false));
        }
        Add("1", [2, 1, 0]);
        Add("2", Text(wanted.ProductName));
        foreach (var (part, level) in wanted.Levels) Add($"3.{part}", level < 128 ? [2, 1, level] : [2, 2, 0, level]);
        if (wanted.HardwareId is { } id) Add("4", wanted.WrapsHardwareId ? [4, (byte)id.Length, .. id] : id);
        if (wanted.ProviderId is { } provider) Add("5", Text(provider));
        foreach (var (oid, value) in wanted.Others) request.CertificateExtensions.Add(new X509Extension(oid, value, critical: false));
        using var certificate = request.Create(
            Name(SnpChain.IntermediateName(product, wanted.SignedForProviders)), X509SignatureGenerator.CreateForRSA(wanted.SignedForProviders ? providersKey : chipsKey, wanted.Padding),
            From, wanted.NotAfter ?? To, [wanted.Serial]);
        return certificate.RawData;
    }

    /// <summary>A list of revoked certificates in the name of this line's root.</summary>
    /// <param name="revoked">Serial numbers.</param>
    /// <param name="service">vcek or vlek, where the list says which of the two it is.</param>
    public byte[] List(DateTimeOffset thisUpdate, DateTimeOffset? nextUpdate, byte[]? revoked = null, TestAmd? signer = null, string? service = null)
    {
        var generator = X509SignatureGenerator.CreateForRSA((signer ?? this).rootKey, RSASignaturePadding.Pss);
        var algorithm = generator.GetSignatureAlgorithmIdentifier(HashAlgorithmName.SHA384);
        var inner = new AsnWriter(AsnEncodingRules.DER);
        using (inner.PushSequence())
        {
            inner.WriteInteger(1);
            inner.WriteEncodedValue(algorithm);
            inner.WriteEncodedValue(Name($"ARK-{product}").RawData);
            inner.WriteUtcTime(thisUpdate);
            if (nextUpdate is { } next) inner.WriteUtcTime(next);
            if (revoked is not null)
            {
                using (inner.PushSequence())
                {
                    foreach (var serial in revoked)
                    {
                        using (inner.PushSequence())
                        {
                            inner.WriteInteger(serial);
                            inner.WriteUtcTime(thisUpdate);
                        }
                    }
                }
            }
            if (service is not null) WritePoint(inner, $"https://kdsintf.amd.com/{service}/v1/{product}/crl");
        }
        var signed = inner.Encode();
        var outer = new AsnWriter(AsnEncodingRules.DER);
        using (outer.PushSequence())
        {
            outer.WriteEncodedValue(signed);
            outer.WriteEncodedValue(algorithm);
            outer.WriteBitString(generator.SignData(signed, HashAlgorithmName.SHA384));
        }
        return outer.Encode();
    }

    private byte[] Certify(X500DistinguishedName subject, X500DistinguishedName issuer, RSA key, RSA signer, string service, byte serial, int? pathLength, string? pointsTo = null)
    {
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA384, RSASignaturePadding.Pss);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, pathLength is not null, pathLength ?? 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(CertificateRevocationListBuilder.BuildCrlDistributionPointExtension([pointsTo ?? $"https://kdsintf.amd.com/{service}/v1/{product}/crl"]));
        using var certificate = request.Create(issuer, X509SignatureGenerator.CreateForRSA(signer, RSASignaturePadding.Pss), From, To, [serial]);
        return certificate.RawData;
    }

    /// <summary>Issuing distribution point, critical (RFC 5280 section 5.2.5).</summary>
    private static void WritePoint(AsnWriter list, string uri)
    {
        Asn1Tag first = new(TagClass.ContextSpecific, 0, isConstructed: true);
        var value = new AsnWriter(AsnEncodingRules.DER);
        using (value.PushSequence())
        using (value.PushSequence(first))
        using (value.PushSequence(first)) value.WriteCharacterString(UniversalTagNumber.IA5String, uri, new Asn1Tag(TagClass.ContextSpecific, 6));
        using (list.PushSequence(first))
        using (list.PushSequence())
        using (list.PushSequence())
        {
            list.WriteObjectIdentifier("2.5.29.28");
            list.WriteBoolean(true);
            list.WriteOctetString(value.Encode());
        }
    }

    private static byte[] Text(string text)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        writer.WriteCharacterString(UniversalTagNumber.IA5String, text);
        return writer.Encode();
    }

    private static Digest Pin(byte[] root)
    {
        using var certificate = X509CertificateLoader.LoadCertificate(root);
        return Digest.Of(certificate.PublicKey.ExportSubjectPublicKeyInfo());
    }
}

/// <summary>A certificate of a VCEK or VLEK, as a test wants it.</summary>
internal sealed record TestKeyCertificate
{
    public string CommonName { get; init; } = "SEV-VCEK";

    public string Organisation { get; init; } = "Advanced Micro Devices";

    public bool SignedForProviders { get; init; }

    public string ProductName { get; init; } = "Milan-B0";

    /// <summary>Patch levels by the last part of their OID.</summary>
    public required IReadOnlyDictionary<int, byte> Levels { get; init; }

    public byte[]? HardwareId { get; init; }

    public bool WrapsHardwareId { get; init; }

    public string? ProviderId { get; init; }

    public IReadOnlyList<(string Oid, byte[] Value)> Others { get; init; } = [];

    public ECDsa? Key { get; init; }

    public HashAlgorithmName Hash { get; init; } = HashAlgorithmName.SHA384;

    public RSASignaturePadding Padding { get; init; } = RSASignaturePadding.Pss;

    public DateTimeOffset? NotAfter { get; init; }

    public byte Serial { get; init; }
}
