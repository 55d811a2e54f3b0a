using System.Formats.Asn1;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Dcap;

/// <summary>A provisioning certification key's certificate: which platform, at which level of its firmware (Intel SGX PCK Certificate and CRL Profile Specification, section 1.3.5).</summary>
internal sealed class PckCertificate
{
    public const string CommonName = "Intel SGX PCK Certificate";

    private const string Extension = "1.2.840.113741.1.13.1";

    private static readonly ConditionalWeakTable<X509Certificate2, PckCertificate> Parsed = [];

    private PckCertificate()
    {
    }

    public required X509Certificate2 Certificate { get; init; }

    /// <summary>x and y of its P-256 key.</summary>
    public required ECPoint Key { get; init; }

    public required ReadOnlyMemory<byte> Ppid { get; init; }

    /// <summary>16 components, the first one first.</summary>
    public required IReadOnlyList<int> Components { get; init; }

    public required int PceSvn { get; init; }

    public required ReadOnlyMemory<byte> CpuSvn { get; init; }

    public required ReadOnlyMemory<byte> PceId { get; init; }

    /// <summary>Family, model, stepping, platform type and custom SKU, 6 bytes.</summary>
    public required ReadOnlyMemory<byte> Fmspc { get; init; }

    /// <summary>0 standard, 1 scalable, 2 scalable with integrity.</summary>
    public required int SgxType { get; init; }

    /// <summary>Of a platform with more than one package: null where the certificate comes from the Processor CA.</summary>
    public required ReadOnlyMemory<byte>? PlatformInstanceId { get; init; }

    public required bool? DynamicPlatform { get; init; }

    public required bool? CachedKeys { get; init; }

    public required bool? SmtEnabled { get; init; }

    /// <summary>Whether the certificate has Intel's extension; its content may still be broken.</summary>
    public static bool Is(X509Certificate2 certificate)
    {
        try
        {
            return certificate.Extensions.Any(each => each.Oid?.Value == Extension);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    /// <exception cref="MalformedException">Not Intel's profile: another name or key, no extension, a member missing, twice, of another length or unknown.</exception>
    public static PckCertificate Parse(X509Certificate2 certificate) => Parsed.TryGetValue(certificate, out var known) ? known : Parsed.GetValue(certificate, ParseNew);

    private static PckCertificate ParseNew(X509Certificate2 certificate)
    {
        try
        {
            if (CertificateName.CommonOf(certificate) != CommonName) throw new MalformedException(-1, $"the certificate is named {CertificateName.CommonOf(certificate)}, not {CommonName}");
            using var key = certificate.GetECDsaPublicKey();
            if (key is null || key.KeySize != 256) throw new MalformedException(-1, "the certificate has no key of P-256");
            var extensions = certificate.Extensions.Where(each => each.Oid?.Value == Extension).ToList();
            if (extensions is not [var extension]) throw new MalformedException(-1, "the certificate does not have Intel's extension once");
            return Read(certificate, key.ExportParameters(false).Q, Members(new AsnReader(extension.RawData, AsnEncodingRules.DER), Extension));
        }
        catch (AsnContentException e)
        {
            throw new MalformedException(-1, $"Intel's extension is broken: {e.Message}");
        }
        catch (CryptographicException e)
        {
            throw new MalformedException(-1, $"the certificate is broken: {e.Message}");
        }
    }

    private static PckCertificate Read(X509Certificate2 certificate, ECPoint key, Dictionary<int, ReadOnlyMemory<byte>> members)
    {
        var tcb = Members(Reader(members, 2), Extension + ".2");
        var configuration = members.ContainsKey(7) ? Members(Reader(members, 7), Extension + ".7") : null;
        if (members.Keys.Any(member => member > 7) || tcb.Keys.Any(member => member > 18)) throw new MalformedException(-1, "Intel's extension has a member that is not known");
        return new()
        {
            Certificate = certificate,
            Key = key,
            Ppid = Octets(members, 1, 16),
            Components = [.. Enumerable.Range(1, 16).Select(component => Integer(tcb, component, byte.MaxValue))],
            PceSvn = Integer(tcb, 17, ushort.MaxValue),
            CpuSvn = Octets(tcb, 18, 16),
            PceId = Octets(members, 3, 2),
            Fmspc = Octets(members, 4, 6),
            SgxType = (int)Reader(members, 5).ReadEnumeratedBytes().Span[^1],
            PlatformInstanceId = members.ContainsKey(6) ? (ReadOnlyMemory<byte>?)Octets(members, 6, 16) : null,
            DynamicPlatform = Boolean(configuration, 1),
            CachedKeys = Boolean(configuration, 2),
            SmtEnabled = Boolean(configuration, 3),
        };
    }

    /// <summary>SEQUENCE OF SEQUENCE { number, value }, each number once; by the last arc of the number.</summary>
    private static Dictionary<int, ReadOnlyMemory<byte>> Members(AsnReader reader, string under)
    {
        var members = new Dictionary<int, ReadOnlyMemory<byte>>();
        var all = reader.ReadSequence();
        reader.ThrowIfNotEmpty();
        while (all.HasData)
        {
            var member = all.ReadSequence();
            var number = member.ReadObjectIdentifier();
            if (!number.StartsWith(under + ".", StringComparison.Ordinal) || !int.TryParse(number.AsSpan(under.Length + 1), out var arc) || !members.TryAdd(arc, member.ReadEncodedValue()))
                throw new MalformedException(-1, $"Intel's extension has {number} twice or where it does not belong");
            member.ThrowIfNotEmpty();
        }
        return members;
    }

    private static AsnReader Reader(Dictionary<int, ReadOnlyMemory<byte>> members, int member) =>
        members.TryGetValue(member, out var value) ? new(value, AsnEncodingRules.DER) : throw new MalformedException(-1, $"Intel's extension lacks member {member}");

    private static byte[] Octets(Dictionary<int, ReadOnlyMemory<byte>> members, int member, int size)
    {
        var value = Reader(members, member).ReadOctetString();
        return value.Length == size ? value : throw new MalformedException(-1, $"member {member} of Intel's extension has {value.Length} bytes, not {size}");
    }

    private static int Integer(Dictionary<int, ReadOnlyMemory<byte>> members, int member, int max)
    {
        return Reader(members, member).TryReadInt32(out var value) && value >= 0 && value <= max ? value : throw new MalformedException(-1, $"member {member} of Intel's extension is no number up to {max}");
    }

    private static bool? Boolean(Dictionary<int, ReadOnlyMemory<byte>>? members, int member) =>
        members is not null && members.ContainsKey(member) ? Reader(members, member).ReadBoolean() : null;
}
