using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Strongroom.Tests.Attestation;

/// <summary>A maker of TPMs, compiled into tests only: root, intermediate, and whatever certificate a test wants for an endorsement key.</summary>
internal sealed class TestMaker : IDisposable
{
    public static readonly DateTimeOffset From = DateTimeOffset.FromUnixTimeSeconds(1_790_000_000);
    public static readonly DateTimeOffset To = DateTimeOffset.FromUnixTimeSeconds(1_890_000_000);

    private readonly RSA rootKey = RSA.Create(2048);
    private readonly RSA intermediateKey = RSA.Create(2048);
    private readonly X509Certificate2 root;
    private readonly X509Certificate2 intermediate;

    public TestMaker()
    {
        root = Authority("CN=Test maker root", rootKey).CreateSelfSigned(From, To);
        using var signed = Authority("CN=Test maker", intermediateKey).Create(root, From, To, [1, 2, 3]);
        intermediate = signed.CopyWithPrivateKey(intermediateKey);
    }

    public byte[] Root => root.RawData;

    public byte[] Intermediate => intermediate.RawData;

    /// <summary>A certificate as makers issue them, subject in a critical alternative name, with one thing changed.</summary>
    public byte[] Certify(AsymmetricAlgorithm key, Action<CertificateRequest>? change = null, HashAlgorithmName? hash = null)
    {
        var digest = hash is { } other && other != HashAlgorithmName.SHA1 ? other : HashAlgorithmName.SHA256;
        var signer = hash == HashAlgorithmName.SHA1 ? new Sha1Signer(intermediateKey) : X509SignatureGenerator.CreateForRSA(intermediateKey, RSASignaturePadding.Pkcs1);
        return Certify(key, digest, signer, change);
    }

    /// <summary>The same, signed by RSASSA-PSS; the hash of the signature stands in its parameters alone.</summary>
    public byte[] CertifyByPss(AsymmetricAlgorithm key, HashAlgorithmName hash) =>
        Certify(key, HashAlgorithmName.SHA256, hash == HashAlgorithmName.SHA1 ? new Sha1PssSigner(intermediateKey) : X509SignatureGenerator.CreateForRSA(intermediateKey, RSASignaturePadding.Pss), null);

    private byte[] Certify(AsymmetricAlgorithm key, HashAlgorithmName digest, X509SignatureGenerator signer, Action<CertificateRequest>? change)
    {
        var request = key is RSA rsa
            ? new CertificateRequest("CN=unknown", rsa, digest, RSASignaturePadding.Pkcs1)
            : new CertificateRequest(new X500DistinguishedName("CN=unknown"), new PublicKey((ECDiffieHellman)key), digest);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new("2.23.133.8.1")], critical: false));
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(key is RSA ? X509KeyUsageFlags.KeyEncipherment : X509KeyUsageFlags.KeyAgreement, critical: true));
        request.CertificateExtensions.Add(new X509Extension("2.5.29.17", AlternativeName(), critical: true));
        change?.Invoke(request);
        using var certificate = request.Create(intermediate.SubjectName, signer, From, To, [7]);
        return certificate.RawData;
    }

    public void Dispose()
    {
        root.Dispose();
        intermediate.Dispose();
        rootKey.Dispose();
        intermediateKey.Dispose();
    }

    private static CertificateRequest Authority(string name, RSA key)
    {
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        return request;
    }

    /// <summary>directoryName with manufacturer, model and version (TCG EK Credential Profile, section 3.2.9).</summary>
    private static byte[] AlternativeName()
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        using (writer.PushSequence(new(TagClass.ContextSpecific, 4)))
        using (writer.PushSequence())
        {
            foreach (var (oid, value) in new[] { ("2.23.133.2.1", "id:00001014"), ("2.23.133.2.2", "test"), ("2.23.133.2.3", "id:1") })
            {
                using (writer.PushSetOf())
                using (writer.PushSequence())
                {
                    writer.WriteObjectIdentifier(oid);
                    writer.WriteCharacterString(UniversalTagNumber.UTF8String, value);
                }
            }
        }
        return writer.Encode();
    }

    /// <summary>RSASSA-PSS with its parameters left empty, which means SHA-1.</summary>
    private sealed class Sha1PssSigner(RSA key) : X509SignatureGenerator
    {
        public override byte[] GetSignatureAlgorithmIdentifier(HashAlgorithmName hashAlgorithm) => Convert.FromHexString("300d06092a864886f70d01010a3000");

        public override byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm) => key.SignData(data, HashAlgorithmName.SHA1, RSASignaturePadding.Pss);

        protected override PublicKey BuildPublicKey() => new(key);
    }

    /// <summary>What .NET no longer writes by itself.</summary>
    private sealed class Sha1Signer(RSA key) : X509SignatureGenerator
    {
        public override byte[] GetSignatureAlgorithmIdentifier(HashAlgorithmName hashAlgorithm) => Convert.FromHexString("300d06092a864886f70d0101050500");

        public override byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm) => key.SignData(data, HashAlgorithmName.SHA1, RSASignaturePadding.Pkcs1);

        protected override PublicKey BuildPublicKey() => new(key);
    }
}
