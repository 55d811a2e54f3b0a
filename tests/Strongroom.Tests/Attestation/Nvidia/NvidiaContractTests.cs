using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Nvidia;
using Strongroom.Tests.Attestation.Appraisal;

namespace Strongroom.Tests.Attestation.Nvidia;

/// <summary>The bare report of a GPU.</summary>
public sealed class NvidiaGpuContractTests : AppraiserContract
{
    private static readonly NvidiaCase Case = new();
    private static readonly Appraiser Appraiser = Appraiser.For(Case.Kind, Case.Vendor.Roots)!;
    private static readonly Endorsements Endorsed = Case.Endorse();
    private static readonly byte[] Evidence = Case.Evidence;

    protected override byte[] Good() => [.. Evidence];

    private protected override AttestationResult Appraise(ReadOnlyMemory<byte> evidence) => Appraiser.Appraise(Case.Request(evidence, Endorsed));

    protected override IEnumerable<Range> SignedRanges(byte[] good) => [Range.All];

    [Fact]
    public void Is_recognised() => Assert.Equal("nvidia-gpu", Appraiser.Recognise(Good())?.Kind);
}

/// <summary>Two GPUs in one document with their certificates.</summary>
public sealed class NvidiaSetContractTests : AppraiserContract
{
    private static readonly NvidiaCase Case = new() { Devices = [new(), new() { Serial = "41431D480FE5E87275" }] };
    private static readonly Appraiser Appraiser = Appraiser.For(Case.Kind, Case.Vendor.Roots)!;
    private static readonly Endorsements Endorsed = Case.Endorse();
    private static readonly byte[] Evidence = Encoding.ASCII.GetBytes(Encoding.ASCII.GetString(Case.Evidence).Replace("\\u002B", "+", StringComparison.Ordinal)); // an escape has two spellings, B and b

    protected override int FlippedBits => 200;

    protected override byte[] Good() => [.. Evidence];

    private protected override AttestationResult Appraise(ReadOnlyMemory<byte> evidence) => Appraiser.Appraise(Case.Request(evidence, Endorsed));

    /// <summary>The first report; the last digits of base64 have bits that mean nothing.</summary>
    protected override IEnumerable<Range> SignedRanges(byte[] good)
    {
        var text = Encoding.ASCII.GetString(good);
        var start = text.IndexOf("EeAB", StringComparison.Ordinal);
        return [start..(text.IndexOf('"', start) - 4)];
    }

    [Fact]
    public void Is_recognised() => Assert.Equal("nvidia-gpu", Appraiser.Recognise(Good())?.Kind);
}

/// <summary>What surrounds the reports is nobody's word, and must not bring the appraisal down.</summary>
public sealed class NvidiaDocumentTests
{
    private static readonly NvidiaCase Case = new() { Devices = [new() { Says = new() { ["cc_mode"] = "on" } }] };

    [Fact]
    public void A_document_with_more_certificates_than_any_device_has_is_not_read_to_its_end()
    {
        var (appraiser, item) = (Appraiser.For(Case.Kind, Case.Vendor.Roots)!, Case.Vendor.Item(Case.Devices[0]));
        item["certificate"] = Convert.ToBase64String(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(NvidiaVendor.Pem(Case.Vendor.Chain(Case.Devices[0])), 20))));
        Assert.Throws<Strongroom.Bytes.MalformedException>(() => appraiser.Appraise(Case.Request(Encoding.UTF8.GetBytes(item.ToJsonString()), Case.Endorse())));
    }

    [Fact]
    public void A_document_of_more_devices_than_a_machine_has_is_malformed()
    {
        var devices = Enumerable.Range(0, DeviceEvidence.MaxDevices + 1).Select(_ => Case.Devices[0]);
        Assert.Throws<Strongroom.Bytes.MalformedException>(() => Appraiser.For(Case.Kind, Case.Vendor.Roots)!.Appraise(Case.Request(Case.Vendor.Json(devices), Case.Endorse())));
    }

    [Fact]
    public void A_device_with_more_certificates_than_a_chain_has_is_malformed_however_short_they_are()
    {
        var (item, leaf) = (Case.Vendor.Item(Case.Devices[0]), Case.Vendor.Chain(Case.Devices[0])[0]);
        var pem = NvidiaVendor.Pem(Enumerable.Range(0, 9).Select(_ => Namesake(leaf)));
        Assert.InRange(pem.Length, 1, 16 * 1024);
        item["certificate"] = Convert.ToBase64String(Encoding.ASCII.GetBytes(pem));
        Assert.Throws<Strongroom.Bytes.MalformedException>(() => Appraiser.For(Case.Kind, Case.Vendor.Roots)!.Appraise(Case.Request(Encoding.UTF8.GetBytes(item.ToJsonString()), Case.Endorse())));
    }

    /// <summary>Each device brings as many certificates as are read, all of one name and none of them its issuer's: every path is tried and none is remembered.</summary>
    [Fact]
    public void A_document_as_long_as_it_may_be_takes_no_longer_than_another()
    {
        var (appraiser, endorsements, chain) = (Appraiser.For(Case.Kind, Case.Vendor.Roots)!, Case.Endorse(), Case.Vendor.Chain(Case.Devices[0]));
        var item = Case.Vendor.Item(Case.Devices[0]);
        item["certificate"] = Convert.ToBase64String(Encoding.ASCII.GetBytes(NvidiaVendor.Pem([chain[0], .. Enumerable.Range(0, 7).Select(_ => Namesake(chain[1]))])));
        var document = Encoding.UTF8.GetBytes(new JsonArray([.. Enumerable.Range(0, DeviceEvidence.MaxDevices).Select(_ => item.DeepClone())]).ToJsonString());
        Assert.NotEqual(Outcome.Verified, appraiser.Appraise(Case.Request(document, endorsements)).Outcome);
        var shortest = ThreadTime.Shortest(() => appraiser.Appraise(Case.Request(document, endorsements)));
        Assert.True(shortest < TimeSpan.FromMilliseconds(200), $"{document.Length} bytes took {shortest}");
    }

    private static X509Certificate2 Namesake(X509Certificate2 of)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var request = new CertificateRequest(of.SubjectName, key, HashAlgorithmName.SHA384);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(of.NotBefore, of.NotAfter);
    }

    [Fact]
    public void A_certificate_with_a_flipped_bit_ends_no_appraisal_with_a_fault()
    {
        var (appraiser, endorsements, item) = (Appraiser.For(Case.Kind, Case.Vendor.Roots)!, Case.Endorse(), Case.Vendor.Item(Case.Devices[0]));
        var chain = Case.Vendor.Chain(Case.Devices[0]);
        var leaf = chain[0].RawData;
        for (var i = 0; i < 8 * leaf.Length; i += 5)
        {
            var flipped = leaf.ToArray();
            flipped[i / 8] ^= (byte)(1 << (i % 8));
            var pem = $"-----BEGIN CERTIFICATE-----\n{Convert.ToBase64String(flipped)}\n-----END CERTIFICATE-----\n" + NvidiaVendor.Pem(chain.Skip(1));
            item["certificate"] = Convert.ToBase64String(Encoding.ASCII.GetBytes(pem));
            try
            {
                Assert.NotEqual(Outcome.Verified, appraiser.Appraise(Case.Request(Encoding.UTF8.GetBytes(item.ToJsonString()), endorsements)).Outcome);
            }
            catch (Strongroom.Bytes.MalformedException)
            {
            }
        }
    }
}

/// <summary>The bare report of a switch.</summary>
public sealed class NvidiaSwitchContractTests : AppraiserContract
{
    private static readonly NvidiaCase Case = NvidiaCase.Switch();
    private static readonly Appraiser Appraiser = Appraiser.For(Case.Kind, Case.Vendor.Roots)!;
    private static readonly Endorsements Endorsed = Case.Endorse();
    private static readonly byte[] Evidence = Case.Evidence;

    protected override byte[] Good() => [.. Evidence];

    private protected override AttestationResult Appraise(ReadOnlyMemory<byte> evidence) => Appraiser.Appraise(Case.Request(evidence, Endorsed));

    protected override IEnumerable<Range> SignedRanges(byte[] good) => [Range.All];

    [Fact]
    public void Is_recognised() => Assert.Equal("nvidia-switch", Appraiser.Recognise(Good())?.Kind);
}
