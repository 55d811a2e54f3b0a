using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation;

/// <summary>The checks E1 to E7 of spec/evidence.md, "Enrolment"; E8 is the broker's. That a real TPM opens the challenge is shown by the system tests.</summary>
public sealed class TpmEnrolmentTests : IDisposable
{
    private static readonly RSA Rsa = RSA.Create(2048);

    private static readonly TestMaker Maker = new();

    private static readonly byte[] Secret = RandomNumberGenerator.GetBytes(TpmCredential.MaxSecretInBytes);

    private readonly TestTpm tpm = new();

    public void Dispose() => tpm.Dispose();

    [Fact]
    public void Challenges_a_machine_whose_maker_is_recorded()
    {
        var enrolment = TpmEnrolment.Check(Introduction(), Roots, TestTpm.Now, out var reasons);
        Assert.Empty(reasons);
        Assert.Equal(tpm.Machine.Id, enrolment!.Machine);
        Assert.Equal(tpm.Key.ToBytes(), enrolment.AttestationKey.ToArray());
        var credential = enrolment.Challenge(Secret);
        Assert.Equal(2 + 256, credential.EncryptedSeed.Length);
        Assert.Equal(2 + 2 + 32 + 2 + 32, credential.IdObject.Length);
    }

    [Fact]
    public void A_credential_travels_as_exactly_two_counted_parts()
    {
        var bytes = TpmEnrolment.Check(Introduction(), Roots, TestTpm.Now, out _)!.Challenge(Secret).ToBytes();
        Assert.Equal(bytes, TpmCredential.Parse(bytes).ToBytes());
        for (var length = 0; length < bytes.Length; length++) Assert.Throws<MalformedException>(() => TpmCredential.Parse(bytes.AsSpan(0, length)));
        Assert.Throws<MalformedException>(() => TpmCredential.Parse((byte[])[.. bytes, 0]));
    }

    [Fact]
    public void Challenges_a_machine_with_an_elliptic_curve_key()
    {
        using var key = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        var enrolment = TpmEnrolment.Check(Introduction(Maker.Certify(key)), Roots, TestTpm.Now, out var reasons);
        Assert.Empty(reasons);
        Assert.Equal(2 + 2 * (2 + 32), enrolment!.Challenge(Secret).EncryptedSeed.Length);
    }

    [Fact]
    public void E1_rejects_a_maker_that_nobody_recorded() => Rejected("E1", Introduction(), roots: []);

    [Fact]
    public void E1_rejects_another_makers_root()
    {
        using var other = new TestMaker();
        Rejected("E1", Introduction(), roots: [other.Root]);
    }

    [Fact]
    public void E1_rejects_a_root_that_came_with_the_certificate() => Rejected("E1", Introduction() with { Intermediates = [Maker.Intermediate, Maker.Root] }, roots: []);

    [Fact]
    public void E1_rejects_a_chain_with_a_link_missing() => Rejected("E1", Introduction() with { Intermediates = [] });

    [Fact]
    public void E1_rejects_a_certificate_before_its_time() => Rejected("E1", Introduction(), now: TestMaker.From.AddSeconds(-1));

    [Fact]
    public void E1_rejects_a_certificate_after_its_time() => Rejected("E1", Introduction(), now: TestMaker.To.AddSeconds(1));

    [Fact]
    public void E1_rejects_a_certificate_with_one_bit_of_its_signature_flipped()
    {
        var certificate = Maker.Certify(Rsa);
        certificate[^1] ^= 1;
        Rejected("E1", Introduction(certificate));
    }

    [Fact]
    public void E1_rejects_a_critical_extension_that_nobody_understands() =>
        Rejected("E1", Introduction(Maker.Certify(Rsa, request => request.CertificateExtensions.Add(new("1.2.3.4.5", [5, 0], critical: true)))));

    [Fact]
    public void E1_rejects_a_certificate_signed_by_an_endorsement_key()
    {
        using var forged = RSA.Create(2048);
        using var leaf = X509CertificateLoader.LoadCertificate(Maker.Certify(Rsa));
        var request = new CertificateRequest("CN=forged", forged, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new("2.23.133.8.1")], critical: false));
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyEncipherment, critical: true));
        using var certificate = request.Create(leaf.SubjectName, X509SignatureGenerator.CreateForRSA(Rsa, RSASignaturePadding.Pkcs1), TestMaker.From, TestMaker.To, [9]);
        Rejected("E1", Introduction(certificate.RawData) with { Intermediates = [Maker.Intermediate, leaf.RawData] });
    }

    [Theory]
    [InlineData("1.3.6.1.5.5.7.3.1")] // TLS server
    [InlineData("2.23.133.8.3")] // attestation key
    public void E2_rejects_a_certificate_for_another_use(string usage) =>
        RejectedAmongOthers("E2", Maker.Certify(Rsa, request => Replace(request, new X509EnhancedKeyUsageExtension([new(usage)], critical: false))));

    [Fact]
    public void E2_rejects_a_certificate_for_any_use() =>
        Rejected("E2", Introduction(Maker.Certify(Rsa, request => request.CertificateExtensions.RemoveAt(0))));

    [Fact]
    public void E3_rejects_an_authority() =>
        RejectedAmongOthers("E3", Maker.Certify(Rsa, request => Replace(request, new X509BasicConstraintsExtension(true, false, 0, critical: true))));

    [Fact]
    public void E3_rejects_a_certificate_without_basic_constraints() =>
        Rejected("E3", Introduction(Maker.Certify(Rsa, request => request.CertificateExtensions.RemoveAt(1))));

    [Theory]
    [InlineData(X509KeyUsageFlags.DigitalSignature)]
    [InlineData(X509KeyUsageFlags.KeyAgreement)]
    [InlineData(X509KeyUsageFlags.KeyEncipherment | X509KeyUsageFlags.DigitalSignature)]
    public void E4_rejects_a_key_for_anything_but_encryption(X509KeyUsageFlags use) =>
        RejectedAmongOthers("E4", Maker.Certify(Rsa, request => Replace(request, new X509KeyUsageExtension(use, critical: true))));

    [Fact]
    public void E4_rejects_a_certificate_without_key_usage() =>
        Rejected("E4", Introduction(Maker.Certify(Rsa, request => request.CertificateExtensions.RemoveAt(2))));

    [Fact]
    public void E5_rejects_a_certificate_signed_with_SHA_1() => RejectedAmongOthers("E5", Maker.Certify(Rsa, hash: HashAlgorithmName.SHA1));

    [Fact]
    public void Refuses_a_certificate_with_an_extension_twice()
    {
        var certificate = Maker.Certify(Rsa, request => request.CertificateExtensions.Add(new X509Extension("2.5.29.18", [0x30, 0x00], critical: false)));
        var second = certificate.AsSpan().IndexOf((byte[])[0x06, 0x03, 0x55, 0x1D, 0x12]);
        certificate[second + 4] = 0x11; // one more alternative name; .NET writes none itself, and who reads the first may not be who reads the last
        Malformed(Introduction(certificate));
    }

    [Fact]
    public void E5_rejects_a_certificate_signed_by_PSS_with_SHA_1() => RejectedAmongOthers("E5", Maker.CertifyByPss(Rsa, HashAlgorithmName.SHA1));

    [Fact]
    public void E5_accepts_a_certificate_signed_by_PSS_with_SHA_256() =>
        Assert.NotNull(TpmEnrolment.Check(Introduction(Maker.CertifyByPss(Rsa, HashAlgorithmName.SHA256)), Roots, TestTpm.Now, out _));

    [Fact]
    public void E6_rejects_an_RSA_key_that_is_not_the_default_template()
    {
        using var key = RSA.Create(3072);
        Rejected("E6", Introduction(Maker.Certify(key)));
    }

    [Fact]
    public void E6_rejects_another_curve()
    {
        using var key = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP384);
        RejectedAmongOthers("E6", Maker.Certify(key));
    }

    [Fact]
    public void E7_rejects_an_attestation_key_that_signs_anything()
    {
        var key = tpm.Key with { Attributes = tpm.Key.Attributes & ~TpmAttributes.Restricted };
        Rejected("E7", Introduction() with { AttestationKey = key.ToBytes() });
    }

    [Fact]
    public void Refuses_what_is_no_certificate()
    {
        var certificate = Maker.Certify(Rsa);
        for (var length = 0; length < certificate.Length; length += 5) Malformed(Introduction(certificate[..length]));
        Malformed(Introduction([.. certificate, 0]));
        Malformed(Introduction() with { Intermediates = [[1, 2, 3]] });
        Malformed(Introduction() with { Intermediates = [.. Enumerable.Repeat(Maker.Intermediate, 9)] });
    }

    [Fact]
    public void Refuses_what_is_no_public_key()
    {
        var key = tpm.Key.ToBytes();
        for (var length = 0; length < key.Length; length++) Malformed(Introduction() with { AttestationKey = key[..length] });
        Malformed(Introduction() with { AttestationKey = [.. key, 0] });
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(31)]
    public void Refuses_a_public_key_with_a_reserved_attribute(int bit)
    {
        var key = tpm.Key.ToBytes();
        key[9 - (bit / 8)] |= (byte)(1 << (bit % 8)); // objectAttributes, big-endian, after size, type and name algorithm
        Assert.Throws<MalformedException>(() => TpmPublic.Parse(key));
    }

    [Theory]
    [InlineData(1024)]
    [InlineData(2047)]
    [InlineData(16384)]
    public void Refuses_an_RSA_key_of_a_length_that_is_not_used(int bits) =>
        Assert.Throws<MalformedException>(() => TpmPublic.Parse(TpmPublic.Rsa(TpmAttributes.Restricted, ReadOnlyMemory<byte>.Empty, hasAes128: false, TpmAlgorithm.RsaSsa, bits).ToBytes()));

    [Fact]
    public void Refuses_a_signature_of_an_unknown_scheme()
    {
        byte[] ofOneNumber = [0, (byte)TpmAlgorithm.RsaSsa, 0, (byte)TpmAlgorithm.Sha256, 0, 1, 1];
        Assert.Equal(TpmAlgorithm.RsaSsa, TpmSignature.Parse(ofOneNumber).Scheme);
        ofOneNumber[1] = 0x15; // RSAES, which signs nothing
        Assert.Throws<MalformedException>(() => TpmSignature.Parse(ofOneNumber));
    }

    [Fact]
    public void A_public_key_that_parses_is_written_back_to_the_same_bytes()
    {
        foreach (var key in new[] { tpm.Key, EndorsementKey.RsaTemplate, EndorsementKey.EccTemplate, AttestationKey.Template })
        {
            var bytes = key.ToBytes();
            for (var bit = 0; bit < bytes.Length * 8; bit++)
            {
                bytes[bit / 8] ^= (byte)(1 << (bit % 8));
                try
                {
                    Assert.Equal(bytes, TpmPublic.Parse(bytes).ToBytes());
                }
                catch (MalformedException)
                {
                }
                bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            }
            Assert.Equal(bytes, TpmPublic.Parse(bytes).ToBytes());
        }
    }

    [Theory]
    [InlineData("pca_tpm_rsa_enc_cert.pem", "E2")]
    [InlineData("pca_tpm_ecc_enc_cert.pem", "E2")]
    [InlineData("pca_tpm_rsa_sign_cert.pem", "E2 E4")]
    [InlineData("pca_tpm_ecc_sign_cert.pem", "E2 E4 E6")]
    public void Real_certificates_of_a_cloud_lead_to_its_root_but_do_not_say_what_for(string name, string expected)
    {
        var reasons = new List<string>();
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(SharedFiles.Require($"vectors/tpm/certs/{name}"));
        ReadOnlyMemory<byte>[] intermediates = [Der("gcp_ek_ak_ca_intermediate_v3.crt")];
        ReadOnlyMemory<byte>[] roots = [Der("gcp_ek_ak_ca_root.crt")];
        Assert.Null(EndorsementKey.Check(certificate.RawData, intermediates, roots, TestTpm.Now, reasons));
        Assert.Equal(expected.Split(' '), reasons.Select(reason => reason[..2]));
    }

    private static byte[] Der(string name)
    {
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(SharedFiles.Require($"vectors/tpm/ca/{name}"));
        return certificate.RawData;
    }

    private IEnumerable<ReadOnlyMemory<byte>> Roots => [Maker.Root];

    private TpmIntroduction Introduction(byte[]? certificate = null) => new(certificate ?? Maker.Certify(Rsa), [Maker.Intermediate], tpm.Key.ToBytes());

    private static void Replace(CertificateRequest request, X509Extension extension)
    {
        var at = request.CertificateExtensions.ToList().FindIndex(old => old.Oid!.Value == extension.Oid!.Value);
        request.CertificateExtensions[at] = extension;
    }

    private void Rejected(string check, TpmIntroduction introduction, DateTimeOffset? now = null, byte[][]? roots = null)
    {
        Assert.Null(TpmEnrolment.Check(introduction, roots?.Select(root => (ReadOnlyMemory<byte>)root) ?? Roots, now ?? TestTpm.Now, out var reasons));
        Assert.StartsWith(check, Assert.Single(reasons), StringComparison.Ordinal);
    }

    private void RejectedAmongOthers(string check, byte[] certificate)
    {
        Assert.Null(TpmEnrolment.Check(Introduction(certificate), Roots, TestTpm.Now, out var reasons));
        Assert.Contains(reasons, reason => reason.StartsWith(check, StringComparison.Ordinal));
    }

    private void Malformed(TpmIntroduction introduction) =>
        Assert.Throws<MalformedException>(() => TpmEnrolment.Check(introduction, Roots, TestTpm.Now, out _));
}
