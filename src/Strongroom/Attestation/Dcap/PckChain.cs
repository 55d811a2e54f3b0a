using System.Buffers.Binary;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Dcap;

/// <summary>Steps 2 and 3: the platform's certificate, its way to Intel's root, and whether any of them was taken back.</summary>
internal static class PckChain
{
    private const string RootName = "Intel SGX Root CA";
    private const string PlatformCa = "Intel SGX PCK Platform CA";
    private const string ProcessorCa = "Intel SGX PCK Processor CA";
    private const string CrlNumber = "2.5.29.20";
    private const string AuthorityKeyIdentifier = "2.5.29.35";

    /// <summary>Certificates in certification data of type 4 and 5: PEM, the last one perhaps with a NUL, or DER one after the other, in any order.</summary>
    /// <exception cref="MalformedException">Neither.</exception>
    public static IReadOnlyList<X509Certificate2> ReadCertificates(ReadOnlyMemory<byte> data)
    {
        if (data.Span.IndexOf("-----BEGIN "u8) >= 0) return Endorsements.ReadCertificates(data);
        var certificates = new List<X509Certificate2>();
        try
        {
            for (var rest = data; !rest.IsEmpty;)
            {
                AsnDecoder.ReadEncodedValue(rest.Span, AsnEncodingRules.DER, out _, out _, out var size);
                certificates.Add(X509CertificateLoader.LoadCertificate(rest.Span[..size]));
                rest = rest[size..];
            }
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            throw new MalformedException(-1, "the certification data holds no certificates");
        }
        return certificates;
    }

    /// <summary>Step 2.</summary>
    /// <param name="appraisal">Of the quote.</param>
    /// <param name="inside">The certificates of its certification data; empty for types 1 to 3.</param>
    /// <returns>The platform's certificate, and the path from it; each null where there is none.</returns>
    public static (PckCertificate? Pck, CertificatePath? Path) Find(QuoteAppraisal appraisal, IReadOnlyList<X509Certificate2> inside)
    {
        var pck = appraisal.Quote.CertificationType >= 4 ? Inside(appraisal, inside) : Outside(appraisal);
        if (pck is null) return (null, null);
        IReadOnlyList<X509Certificate2> others = [.. inside, .. appraisal.Collateral.Certificates];
        var path = FindPath(appraisal, pck.Certificate, inside, others, "2.root", CheckGroup.Always);
        if (path is null) return (pck, null);
        var names = path.Certificates.Select(CertificateName.CommonOf).ToList();
        appraisal.Check("2.names", "the path is a PCK certificate, the Platform or Processor CA, and Intel's root",
            names is [PckCertificate.CommonName, PlatformCa or ProcessorCa, RootName], string.Join(", then ", names));
        appraisal.Check("2.ca", "a platform of the Platform CA has an instance id", names is not [_, PlatformCa, ..] || pck.PlatformInstanceId is not null);
        var old = path.NotValidAt(appraisal.At);
        appraisal.Check("2.valid", "every certificate of the path is valid at the time", old is null, old is null ? null : $"{old.Subject} is valid from {old.NotBefore:u} to {old.NotAfter:u}");
        return (pck, path);
    }

    /// <summary>Step 3.</summary>
    /// <returns>The root's list, which the TCB signing certificate is looked up in too; null where there is none.</returns>
    public static RevocationList? CheckRevocation(QuoteAppraisal appraisal, CertificatePath path)
    {
        if (appraisal.Findings.LeavesOut(CheckGroup.Revocation))
        {
            appraisal.Skip("3", "no certificate of the path was revoked", "left out: revocation");
            return null;
        }
        if (path.Certificates is not [var leaf, var ca, var root]) return null;
        var roots = CurrentList(appraisal, "3.root", root, ca, appraisal.MaxRootListAge, "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der");
        if (roots is not null) NotListed(appraisal, "3.ca", "the intermediate authority was not revoked by the root", roots, ca);
        var kind = CertificateName.CommonOf(ca) == PlatformCa ? "platform" : "processor";
        var pcks = CurrentList(appraisal, "3.list", ca, leaf, appraisal.MaxAge, $"https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca={kind}&encoding=der");
        if (pcks is not null) NotListed(appraisal, "3.pck", "the platform's certificate was not revoked", pcks, leaf);
        return roots;
    }

    public static void NotListed(QuoteAppraisal appraisal, string step, string what, RevocationList list, X509Certificate2 certificate) =>
        appraisal.Check(step, what, !list.Lists(certificate), $"serial {certificate.SerialNumber}, {list.Count} are revoked", CheckGroup.Revocation);

    /// <summary>A path to Intel's root. Certificates that are not there are missing; certificates that lead elsewhere are a failure.</summary>
    public static CertificatePath? FindPath(QuoteAppraisal appraisal, X509Certificate2 leaf, IReadOnlyList<X509Certificate2> first, IReadOnlyList<X509Certificate2> others, string step, CheckGroup group)
    {
        const string What = "the certificate leads to Intel's pinned root";
        try
        {
            // What lies in the quote is enough for nearly all quotes, and found again faster than a whole directory.
            var reason = "";
            var path = appraisal.Paths.Find(leaf, first, VendorRoots.IntelSgx, appraisal.At, out _) ?? appraisal.Paths.Find(leaf, others, VendorRoots.IntelSgx, appraisal.At, out reason);
            if (path is not null)
            {
                appraisal.Check(step, What, true, null, group);
                return path;
            }
            if (MissingIssuer(leaf, others) is { } issuer) appraisal.Missing(step, What, $"the certificate of {issuer}", group);
            else appraisal.Check(step, What, false, reason, group);
        }
        catch (CryptographicException)
        {
            appraisal.Check(step, What, false, "a certificate cannot be read", group);
        }
        return null;
    }

    private static PckCertificate? Inside(QuoteAppraisal appraisal, IReadOnlyList<X509Certificate2> inside)
    {
        const string What = "the quote brings one certificate of a platform, of Intel's profile";
        var leaves = inside.Where(PckCertificate.Is).ToList();
        if (leaves is not [var leaf])
        {
            appraisal.Check("2.pck", What, false, $"{leaves.Count} of {inside.Count} certificates are of a platform");
            return null;
        }
        try
        {
            var pck = PckCertificate.Parse(leaf);
            appraisal.Check("2.pck", What, true, $"FMSPC {Convert.ToHexStringLower(pck.Fmspc.Span)}");
            return pck;
        }
        catch (MalformedException e)
        {
            appraisal.Check("2.pck", What, false, e.Message);
            return null;
        }
    }

    /// <summary>Types 1 to 3 only say which certificate: PPID (1: plain, 16 bytes; 2 and 3: encrypted, 256 and 384), CPUSVN 16, PCESVN 2, and PCEID 2 where it is said.</summary>
    private static PckCertificate? Outside(QuoteAppraisal appraisal)
    {
        const string What = "the platform's certificate that the quote names is there";
        var data = appraisal.Quote.CertificationData.Span;
        var ppid = appraisal.Quote.CertificationType switch { 1 => 16, 2 => 256, _ => 384 };
        if (data.Length != ppid + 18 && data.Length != ppid + 20)
        {
            appraisal.Check("2.pck", What, false, $"certification data of type {appraisal.Quote.CertificationType} has {data.Length} bytes");
            return null;
        }
        var named = new List<PckCertificate>();
        foreach (var certificate in appraisal.Collateral.Certificates.Where(PckCertificate.Is))
        {
            if (TryParse(certificate) is { } pck && IsNamed(pck, data, ppid)) named.Add(pck);
        }
        var found = named.Find(pck => appraisal.IsSigned(appraisal.Quote.QeReport, appraisal.Quote.QeReportSignature, pck.Key)) ?? named.FirstOrDefault();
        if (found is not null) appraisal.Check("2.pck", What, true, $"FMSPC {Convert.ToHexStringLower(found.Fmspc.Span)}");
        else appraisal.Missing("2.pck", What, $"the PCK certificate of CPUSVN {Convert.ToHexStringLower(data.Slice(ppid, 16))}, https://api.trustedservices.intel.com/sgx/certification/v4/pckcert");
        return found;
    }

    private static bool IsNamed(PckCertificate pck, ReadOnlySpan<byte> data, int ppid) =>
        (ppid != 16 || pck.Ppid.Span.SequenceEqual(data[..16]))
        && pck.CpuSvn.Span.SequenceEqual(data.Slice(ppid, 16))
        && pck.PceSvn == BinaryPrimitives.ReadUInt16LittleEndian(data[(ppid + 16)..])
        && (data.Length == ppid + 18 || BinaryPrimitives.ReadUInt16LittleEndian(pck.PceId.Span) == BinaryPrimitives.ReadUInt16LittleEndian(data[(ppid + 18)..]));

    private static PckCertificate? TryParse(X509Certificate2 certificate)
    {
        try
        {
            return PckCertificate.Parse(certificate);
        }
        catch (MalformedException)
        {
            return null;
        }
    }

    /// <summary>Whose certificate would have to come next; null where the way ends at somebody who issued himself.</summary>
    private static string? MissingIssuer(X509Certificate2 leaf, IReadOnlyList<X509Certificate2> others)
    {
        for (var (at, steps) = (leaf, 0); steps < 4; steps++)
        {
            if (Same(at.SubjectName, at.IssuerName)) return null;
            if (others.FirstOrDefault(each => Same(each.SubjectName, at.IssuerName)) is not { } issuer) return at.Issuer;
            at = issuer;
        }
        return null;
    }

    private static bool Same(X500DistinguishedName a, X500DistinguishedName b) => a.RawData.AsSpan().SequenceEqual(b.RawData);

    /// <summary>The newest list that the authority signed. An old one counts as far as it goes: what it lists is revoked.</summary>
    private static RevocationList? CurrentList(QuoteAppraisal appraisal, string step, X509Certificate2 authority, X509Certificate2 subject, TimeSpan maxAge, string where)
    {
        var name = CertificateName.CommonOf(authority);
        var what = $"there is a list of revoked certificates signed by {name}, with its number and key identifier";
        var named = appraisal.Collateral.Lists.Where(list => list.Issuer.RawData.AsSpan().SequenceEqual(authority.SubjectName.RawData)).ToList();
        if (named.Count == 0)
        {
            appraisal.Missing(step, what, $"the list of revoked certificates of {name}, {where}", CheckGroup.Revocation);
            return null;
        }
        var signed = named.Where(list => IsComplete(list) && list.Covers(subject) && list.IsBy(authority)).ToList();
        if (!appraisal.Check(step, what, signed.Count > 0, $"{named.Count} lists in its name", CheckGroup.Revocation)) return null;
        var list = signed.Where(each => each.ThisUpdate <= appraisal.At).DefaultIfEmpty(signed[0]).MaxBy(each => each.ThisUpdate)!;
        var words = $"the list of {name} is valid at the time and not older than {maxAge.TotalDays:0.#} days";
        if (appraisal.At < list.ThisUpdate || appraisal.AgeOf(list.ThisUpdate) > maxAge || list.NextUpdate is not { } next || appraisal.At >= next)
            appraisal.Missing($"{step}.fresh", words, $"a list issued at {list.ThisUpdate:u}, next at {list.NextUpdate:u}, does not do; a new one is at {where}", CheckGroup.Freshness);
        else appraisal.Check($"{step}.fresh", words, true, $"issued {list.ThisUpdate:u}", CheckGroup.Freshness);
        appraisal.Uses($"list of revoked certificates of {name}", list.ThisUpdate, list.NextUpdate ?? list.ThisUpdate);
        return list;
    }

    private static bool IsComplete(RevocationList list) => list.Extensions.Contains(CrlNumber) && list.Extensions.Contains(AuthorityKeyIdentifier);
}
