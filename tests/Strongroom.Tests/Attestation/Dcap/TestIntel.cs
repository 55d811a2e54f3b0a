using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Dcap;

/// <summary>A vendor like Intel, compiled into tests only: its root, authorities, lists and signed JSON.</summary>
internal sealed class TestIntel
{
    public static readonly DateTimeOffset At = DateTimeOffset.Parse("2026-03-05T12:00:00Z", CultureInfo.InvariantCulture);
    public static readonly DateTimeOffset From = At.AddYears(-2);
    public static readonly DateTimeOffset To = At.AddYears(5);

    private const string Place = ", O=Intel Corporation, L=Santa Clara, ST=CA, C=US";

    public TestIntel()
    {
        var rootKey = NewKey();
        Root = Authority("Intel SGX Root CA", rootKey, 1).CreateSelfSigned(From, To);
        PlatformCa = IssueAuthority("Intel SGX PCK Platform CA", 2);
        ProcessorCa = IssueAuthority("Intel SGX PCK Processor CA", 3);
        using var key = NewKey();
        TcbSigning = Issue(Leaf("Intel SGX TCB Signing", key), Root, 4).CopyWithPrivateKey(key);
    }

    public static TestIntel One { get; } = new();

    public X509Certificate2 Root { get; }

    public X509Certificate2 PlatformCa { get; }

    public X509Certificate2 ProcessorCa { get; }

    public X509Certificate2 TcbSigning { get; }

    public VendorRoots Roots => new(new Dictionary<string, Digest> { [VendorRoots.IntelSgx] = Digest.Of(Root.PublicKey.ExportSubjectPublicKeyInfo()) });

    public static ECDsa NewKey() => ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public static CertificateRequest Leaf(string name, ECDsa key)
    {
        var request = new CertificateRequest($"CN={name}{Place}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.NonRepudiation, critical: true));
        return request;
    }

    public static X509Certificate2 Issue(CertificateRequest request, X509Certificate2 by, byte serial, DateTimeOffset? to = null)
    {
        using var key = by.GetECDsaPrivateKey();
        return request.Create(by.SubjectName, X509SignatureGenerator.CreateForECDsa(key!), From, to ?? To, [serial]);
    }

    public byte[] List(X509Certificate2 by, TimeSpan age, TimeSpan lasts, params byte[] revoked)
    {
        var builder = new CertificateRevocationListBuilder();
        foreach (var serial in revoked) builder.AddEntry([serial], At - age);
        using var key = by.GetECDsaPrivateKey();
        return builder.Build(by.SubjectName, X509SignatureGenerator.CreateForECDsa(key!), 1, At - age + lasts, HashAlgorithmName.SHA256, X509AuthorityKeyIdentifierExtension.CreateFromCertificate(by, true, false), At - age);
    }

    /// <summary>As the provisioning certification service answers: the value, and the signature over its very bytes.</summary>
    public byte[] Sign(string member, JsonObject value, ECDsa? by = null)
    {
        var text = value.ToJsonString();
        using var own = TcbSigning.GetECDsaPrivateKey();
        return Encoding.UTF8.GetBytes($"{{\"{member}\":{text},\"signature\":\"{Convert.ToHexStringLower((by ?? own!).SignData(Encoding.UTF8.GetBytes(text), HashAlgorithmName.SHA256))}\"}}");
    }

    private X509Certificate2 IssueAuthority(string name, byte serial)
    {
        using var key = NewKey();
        return Issue(Authority(name, key, 0), Root, serial).CopyWithPrivateKey(key);
    }

    private static CertificateRequest Authority(string name, ECDsa key, int pathLength)
    {
        var request = new CertificateRequest($"CN={name}{Place}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, pathLength, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request;
    }
}
