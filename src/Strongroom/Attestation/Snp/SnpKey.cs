using System.Collections.Concurrent;
using System.Formats.Asn1;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Snp;

/// <summary>
/// The certificate of a versioned endorsement key: VCEK of one chip, or VLEK that AMD lends to a provider, each at one TCB version (AMD 57230 section 3). Reading
/// one verifies nothing but its form.
/// </summary>
internal sealed class SnpKey
{
    public const string Chips = "SEV-VCEK";
    public const string Providers = "SEV-VLEK";
    private const string Amd = "1.3.6.1.4.1.3704.1.";
    private const string P384 = "1.3.132.0.34";
    private const string AuthorityKeyIdentifier = "2.5.29.35";
    private const string SubjectKeyIdentifier = "2.5.29.14";

    /// <summary>Patch levels whose places in a TCB version are reserved.</summary>
    private static readonly string[] ReservedLevels = [Amd + "3.4", Amd + "3.5", Amd + "3.6", Amd + "3.7"];

    private static readonly HashSet<string> Known =
    [
        Amd + "1", Amd + "2", Amd + "3.1", Amd + "3.2", Amd + "3.3", .. ReservedLevels, Amd + "3.8", Amd + "3.9", Amd + "4", Amd + "5", AuthorityKeyIdentifier, SubjectKeyIdentifier,
    ];

    /// <summary>Parsed once a certificate object: appraisals of a machine meet the same one again and again.</summary>
    private static readonly ConditionalWeakTable<X509Certificate2, SnpKey> Parsed = [];

    private readonly Dictionary<string, byte[]> extensions = [];
    private readonly ConcurrentBag<ECDsa> idle = [];

    private SnpKey(X509Certificate2 certificate)
    {
        Certificate = certificate;
        CommonName = CertificateName.CommonOf(certificate);
        try
        {
            FormProblem = ReadForm();
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException or MalformedException)
        {
            FormProblem = e is MalformedException ? $"the certificate cannot be read: {e.Message}" : "the certificate cannot be read";
        }
    }

    public static SnpKey Of(X509Certificate2 certificate) => Parsed.GetValue(certificate, each => new(each));

    public static bool IsOne(X509Certificate2 certificate) => CertificateName.CommonOf(certificate) is Chips or Providers;

    public X509Certificate2 Certificate { get; }

    public string CommonName { get; }

    /// <summary>A VLEK, by its name; else it is taken for a VCEK.</summary>
    public bool IsOfProvider => CommonName == Providers;

    /// <summary>What is wrong with the certificate's form (check snp.5); null when nothing is.</summary>
    public string? FormProblem { get; }

    /// <summary>Valid from then; null where the certificate's times cannot be read.</summary>
    public DateTimeOffset? From { get; private set; }

    public DateTimeOffset? To { get; private set; }

    /// <summary><c>Milan-B0</c>.</summary>
    public string ProductName { get; private set; } = "";

    /// <summary>CHIP_ID of the only chip that has this key, 64 bytes or 8; null in a VLEK.</summary>
    public byte[]? HardwareId { get; private set; }

    /// <summary>To whom the key was lent; null in a VCEK.</summary>
    public string? ProviderId { get; private set; }

    /// <summary>The TCB version that the key stands for, in the line's own components; null where the certificate does not say all of them.</summary>
    public SnpTcb? Tcb(SnpProduct product)
    {
        var turin = product == SnpProduct.Turin;
        return (Level("3.1"), Level("3.2"), Level("3.3"), Level("3.8"), turin ? Level("3.9") : 0) is ({ } loader, { } tee, { } snp, { } microcode, { } fmc)
            ? new(fmc, loader, tee, snp, microcode, ReservedLevels.All(oid => !extensions.ContainsKey(oid) || Level(oid[Amd.Length..]) == 0), turin)
            : null;
    }

    /// <summary>One ECDSA verification over P-384, with SHA-384.</summary>
    /// <param name="signature">R and S, big-endian, 48 bytes each.</param>
    public bool Verifies(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        try
        {
            // A key object is for one thread at a time, and costs a tenth of a verification to make: each that was made goes back for the next appraisal.
            if (!idle.TryTake(out var key)) key = Certificate.GetECDsaPublicKey();
            if (key is null) return false;
            var verifies = key.VerifyData(data, signature, HashAlgorithmName.SHA384, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
            idle.Add(key);
            return verifies;
        }
        catch (CryptographicException) // a point that is not on its curve
        {
            return false;
        }
    }

    private string? ReadForm()
    {
        (From, To) = (Certificate.NotBefore.ToUniversalTime(), Certificate.NotAfter.ToUniversalTime());
        string? problem = null;
        foreach (var extension in Certificate.Extensions)
        {
            var oid = extension.Oid!.Value!;
            if (!Known.Contains(oid)) problem ??= $"the extension {oid} is not one of these certificates";
            else if (!extensions.TryAdd(oid, extension.RawData)) problem ??= $"the extension {oid} is there twice";
        }
        ProductName = Text(Amd + "2") ?? "";
        HardwareId = extensions.TryGetValue(Amd + "4", out var id) ? ReadHardwareId(id) : null;
        ProviderId = Text(Amd + "5");
        if (extensions.ContainsKey(Amd + "4") && HardwareId is null) problem ??= "the hardware id has neither 64 nor 8 bytes";
        using var key = Certificate.GetECDsaPublicKey();
        return problem is not null ? problem
            : Certificate.Version != 3 ? "no X.509 version 3"
            : key is null || key.ExportParameters(false).Curve.Oid?.Value != P384 ? "the key is not on P-384"
            : SignedDer.Parse(Certificate.RawDataMemory) is not { IsPss: true, Hash.Name: "SHA384" } ? "not signed by RSASSA-PSS with SHA-384"
            : null;
    }

    /// <summary>Raw in older certificates, wrapped as OCTET STRING in newer ones; the four lengths differ, so a raw id that looks like a wrapped one is no question.</summary>
    private static byte[]? ReadHardwareId(byte[] value) => value.Length is 64 or 8 ? value
        : value.Length is 66 or 10 && AsnDecoder.ReadOctetString(value, AsnEncodingRules.DER, out var read) is { Length: 64 or 8 } id && read == value.Length ? id
        : null;

    private byte? Level(string oid)
    {
        if (!extensions.TryGetValue(Amd + oid, out var value)) return null;
        try
        {
            return AsnDecoder.TryReadUInt32(value, AsnEncodingRules.DER, out var level, out var read) && read == value.Length && level <= 255 ? (byte)level : null;
        }
        catch (AsnContentException)
        {
            return null;
        }
    }

    private string? Text(string oid) => !extensions.TryGetValue(oid, out var value) ? null
        : AsnDecoder.ReadCharacterString(value, AsnEncodingRules.DER, UniversalTagNumber.IA5String, out var read) is var text && read == value.Length ? text
        : throw new MalformedException(-1, $"bytes after the text of {oid}");
}
