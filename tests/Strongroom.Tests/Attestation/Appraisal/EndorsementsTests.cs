using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Appraisal;

/// <summary>What a directory holds is told by its bytes; lists and paths count by RFC 5280 and by nothing that a stranger adds.</summary>
public sealed class EndorsementsTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly ECDsa rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa leafKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 root;
    private readonly X509Certificate2 leaf;

    public EndorsementsTests()
    {
        root = Authority("CN=Root").CreateSelfSigned(Now.AddYears(-1), Now.AddYears(1));
        leaf = Leaf().Create(root, Now.AddDays(-1), Now.AddDays(1), [1, 2, 3, 4]);
    }

    public void Dispose()
    {
        rootKey.Dispose();
        leafKey.Dispose();
        root.Dispose();
        leaf.Dispose();
    }

    [Fact]
    public void Files_are_recognised_by_content_whatever_their_names()
    {
        var found = Endorsements.Read(
        [
            ("x", root.RawDataMemory), ("y", Encoding.ASCII.GetBytes($"text before\n{leaf.ExportCertificatePem()}\n{Pem("X509 CRL", List(root, rootKey))}\n")),
            ("z", List(root, rootKey)), ("j", "  {\"a\":1}"u8.ToArray()), ("k", "<a/>"u8.ToArray()), ("o", new byte[] { 0x30, 0x03, 0x0a, 0x01, 0x00 }), ("n", "notes"u8.ToArray()),
        ]);
        Assert.Equal([root.Thumbprint, leaf.Thumbprint], found.Certificates.Select(each => each.Thumbprint));
        Assert.Equal(2, found.RevocationLists.Count);
        Assert.Equal("j", Assert.Single(found.Json).Name);
        Assert.Equal("k", Assert.Single(found.Xml).Name);
        Assert.Equal("o", Assert.Single(found.Der).Name);
        Assert.Equal("n", Assert.Single(found.Unrecognised));
    }

    [Fact]
    public void A_broken_pem_block_is_an_error_and_not_left_out() =>
        Assert.Throws<MalformedException>(() => Endorsements.Read([("x", Encoding.ASCII.GetBytes(root.ExportCertificatePem().Replace("-----END", "-----ENDE")))]));

    [Fact]
    public void A_revocation_list_that_cannot_be_used_is_an_error_and_not_left_out()
    {
        var builder = new CertificateRevocationListBuilder();
        var list = builder.Build(root.SubjectName, X509SignatureGenerator.CreateForECDsa(rootKey), 1, Now.AddDays(1), HashAlgorithmName.SHA256, X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier([1]), Now.AddDays(-1));
        var sha1 = Convert.FromHexString(Convert.ToHexString(list).Replace("06082A8648CE3D040302", "06082A8648CE3D040301", StringComparison.Ordinal)); // ecdsa-with-SHA224: does not count
        Assert.Contains("cannot be used", Assert.Throws<MalformedException>(() => Endorsements.Read([("x", sha1)])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_beginnings_without_an_end_cost_no_more_than_their_bytes()
    {
        var text = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("-----BEGIN A-----\n", 400_000)));
        var started = System.Diagnostics.Stopwatch.GetTimestamp();
        Assert.Throws<MalformedException>(() => Endorsements.Read([("x", text)]));
        Assert.Throws<MalformedException>(() => Endorsements.Read([("x", (byte[])[.. text, .. "-----END A-----\n"u8])]));
        Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(10)); // quadratic took hours
    }

    [Fact]
    public void A_list_is_its_issuers_and_lists_serial_numbers()
    {
        var list = RevocationList.Parse(List(root, rootKey, [1, 2, 3, 4]));
        Assert.True(list.IsBy(root));
        Assert.True(list.Lists(leaf));
        Assert.False(RevocationList.Parse(List(root, rootKey, [1, 2, 3, 5])).Lists(leaf));
        Assert.Equal(Now.AddDays(1), list.NextUpdate);
    }

    [Fact]
    public void A_list_by_another_key_under_the_same_name_does_not_count()
    {
        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var namesake = new CertificateRequest("CN=Root", stranger, HashAlgorithmName.SHA256).CreateSelfSigned(Now.AddYears(-1), Now.AddYears(1));
        Assert.False(RevocationList.Parse(List(root, rootKey)).IsBy(namesake));
    }

    [Fact]
    public void Every_truncated_list_is_malformed_and_every_flipped_bit_is_noticed()
    {
        var good = List(root, rootKey, [1, 2, 3, 4]);
        for (var size = 0; size < good.Length; size++) Assert.Throws<MalformedException>(() => RevocationList.Parse(good.AsMemory(0, size)));
        for (var bit = 0; bit < good.Length * 8; bit++)
        {
            var flipped = good.ToArray();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(Counts(flipped), $"bit {bit}");
        }

        bool Counts(byte[] bytes)
        {
            try
            {
                return RevocationList.Parse(bytes).IsBy(root);
            }
            catch (MalformedException)
            {
                return false;
            }
        }
    }

    [Fact]
    public void A_path_leads_to_the_pinned_root_and_to_no_other()
    {
        var pinned = new CertificatePaths(Roots(root));
        Assert.Equal(2, pinned.Find(leaf, [root], "test/product", Now, out _)!.Certificates.Count);
        Assert.Equal(2, pinned.Find(leaf, [root], "test/product", Now, out _)!.Certificates.Count); // remembered
        Assert.Null(pinned.Find(leaf, [root], "test/another-product", Now, out var reason));
        Assert.Contains("pinned", reason, StringComparison.Ordinal);
        Assert.Null(pinned.Find(leaf, [], "test/product", Now, out _));
        using var strangerKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var stranger = new CertificateRequest("CN=Root", strangerKey, HashAlgorithmName.SHA256).CreateSelfSigned(Now.AddYears(-1), Now.AddYears(1));
        Assert.Null(pinned.Find(leaf, [stranger], "test/product", Now, out _));
    }

    [Fact]
    public void A_root_with_the_pinned_key_whose_words_were_changed_is_refused()
    {
        using var forger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var generator = X509SignatureGenerator.CreateForECDsa(forger);
        using var changed = Authority("CN=Root").Create(new X500DistinguishedName("CN=Root"), generator, Now.AddYears(-1), Now.AddYears(50), [9]);
        Assert.Null(new CertificatePaths(Roots(root)).Find(leaf, [changed], "test/product", Now, out var reason));
        Assert.Contains("did not sign itself", reason, StringComparison.Ordinal);
        Assert.NotNull(new CertificatePaths(Roots(root)).Find(leaf, [changed, root], "test/product", Now, out _)); // nor does it stand in the way of the true one
    }

    [Fact]
    public void A_leaf_that_is_no_authority_signs_no_certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var middle = Leaf(key).Create(root, Now.AddDays(-1), Now.AddDays(1), [7]).CopyWithPrivateKey(key);
        using var below = Leaf().Create(middle.SubjectName, X509SignatureGenerator.CreateForECDsa(key), Now.AddDays(-1), Now.AddDays(1), [8]);
        Assert.Null(new CertificatePaths(Roots(root)).Find(below, [middle, root], "test/product", Now, out _));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Of_two_certificates_of_one_authority_the_one_that_is_valid_then_is_taken(bool oldFirst)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var old = Middle(key).Create(root, Now.AddDays(-30), Now.AddDays(-10), [7]);
        using var current = Middle(key).Create(root, Now.AddDays(-11), Now.AddDays(10), [8]);
        using var below = Leaf().Create(old.SubjectName, X509SignatureGenerator.CreateForECDsa(key), Now.AddDays(-20), Now.AddDays(1), [9]);
        var paths = new CertificatePaths(Roots(root));
        X509Certificate2[] others = oldFirst ? [old, current, root] : [current, old, root];
        Assert.Equal(current.SerialNumber, paths.Find(below, others, "test/product", Now, out _)!.Certificates[1].SerialNumber);
        Assert.Equal(old.SerialNumber, paths.Find(below, others, "test/product", Now.AddDays(-15), out _)!.Certificates[1].SerialNumber);
        Assert.Equal(old.SerialNumber, paths.Find(below, [old, root], "test/product", Now, out _)!.NotValidAt(Now)!.SerialNumber); // none is valid: said, not hidden

        CertificateRequest Middle(ECDsa of)
        {
            var request = new CertificateRequest("CN=Middle", of, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
            return request;
        }
    }

    [Fact]
    public void Time_is_a_finding_of_its_own()
    {
        var path = new CertificatePaths(Roots(root)).Find(leaf, [root], "test/product", Now, out _)!;
        Assert.Null(path.NotValidAt(Now));
        Assert.Equal(leaf.Thumbprint, path.NotValidAt(Now.AddDays(2))!.Thumbprint);
        Assert.Equal(leaf.Thumbprint, path.NotValidAt(Now.AddDays(-2))!.Thumbprint);
    }

    private static VendorRoots Roots(X509Certificate2 root) => new(new Dictionary<string, Digest> { ["test/product"] = Digest.Of(root.PublicKey.ExportSubjectPublicKeyInfo()) });

    private CertificateRequest Authority(string name)
    {
        var request = new CertificateRequest(name, rootKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        return request;
    }

    private CertificateRequest Leaf(ECDsa? key = null)
    {
        var request = new CertificateRequest("CN=Leaf", key ?? leafKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        return request;
    }

    private static byte[] List(X509Certificate2 issuer, ECDsa key, params byte[][] serials)
    {
        var builder = new CertificateRevocationListBuilder();
        foreach (var serial in serials) builder.AddEntry(serial, Now);
        return builder.Build(issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(key), 1, Now.AddDays(1), HashAlgorithmName.SHA256, X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier([1]), Now.AddDays(-1));
    }

    private static string Pem(string label, byte[] der) => new(PemEncoding.Write(label, der));
}
