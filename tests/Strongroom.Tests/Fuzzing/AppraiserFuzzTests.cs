using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Snp;
using Strongroom.Bytes;
using Strongroom.Tests.Attestation;
using Strongroom.Tests.Attestation.Composite;
using Strongroom.Tests.Attestation.Dcap;
using Strongroom.Tests.Attestation.Nitro;
using Strongroom.Tests.Attestation.Nvidia;
using Strongroom.Tests.Attestation.Snp;

namespace Strongroom.Tests.Fuzzing;

/// <summary>Mutated evidence of each kind, recognised, shown and appraised: what verifies says what the signed evidence said, and none answers a challenge that nobody was asked.</summary>
public sealed class AppraiserFuzzTests
{
    /// <summary>Claims that no signature covers: padding, and what the chain beside a quote says, which is checked by other means.</summary>
    private static readonly string[] Unsigned = ["trailing_bytes", "platform", "tcb"];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Reports_of_SEV_SNP(bool provider)
    {
        var scene = new SnpScene(provider: provider);
        var endorsements = Endorsements.Read(scene.Files.Select((file, at) => ($"{at}", (ReadOnlyMemory<byte>)file)));
        Run("sev-snp", TestAmd.Roots, file => new(file, TestAmd.Now) { Endorsements = endorsements, ReportData = scene.ReportData },
            scene.Signed(), scene.Extended(), Json(new() { ["attestation_report"] = Convert.ToHexString(scene.Signed()) }), Json(SnpSpellingTests.Json(scene.Signed(), SnpProduct.Milan, false)));
    }

    [Theory]
    [InlineData("tdx")]
    [InlineData("sgx")]
    public void Quotes(string kind)
    {
        var platform = new TestPlatform(kind);
        var endorsements = platform.Endorsements();
        Run(kind, TestIntel.One.Roots, file => new(file, TestIntel.At) { Endorsements = endorsements, ReportData = TestPlatform.ReportData },
            platform.Quote(), Json(new() { ["quote"] = Convert.ToBase64String(platform.Quote()) }));
    }

    [Fact]
    public void Documents_of_Nitro()
    {
        var vendor = new NitroVendor();
        Run("nitro", vendor.Roots, file => new(file, NitroVendor.At) { Nonce = "nonce"u8.ToArray(), ReportData = "user data"u8.ToArray() }, vendor.Document());
    }

    [Fact]
    public void Evidence_of_GPUs()
    {
        var (one, two) = (new NvidiaCase(), new NvidiaCase { Devices = [new(), new() { Serial = "41431D480FE5E87275" }], Policy = """{"devices":2}""" }); // without the number, one of them alone would do
        Run("nvidia-gpu", one.Vendor.Roots, file => one.Request(file, two.Endorse()), one.Evidence);
        Run("nvidia-gpu", one.Vendor.Roots, file => two.Request(file, two.Endorse()), two.Evidence);
    }

    [Fact]
    public void Reports_of_switches()
    {
        var scene = NvidiaCase.Switch();
        var endorsements = scene.Endorse();
        Run("nvidia-switch", scene.Vendor.Roots, file => scene.Request(file, endorsements), scene.Evidence);
    }

    [Fact]
    public void Quotes_of_TPMs()
    {
        using var tpm = new TestTpm();
        var policy = Encoding.UTF8.GetBytes($$"""{"attestation_keys":["{{Convert.ToHexStringLower(tpm.Key.Name())}}"]}""");
        Run("tpm", VendorRoots.Pinned, file => new(file, TestTpm.Now) { Policy = policy, Nonce = TestTpm.Transcript.Span.ToArray() }, TestAttestation.Write(tpm.Key, tpm.Evidence()));
    }

    [Fact]
    public void Whole_machines()
    {
        var machine = TestMachine.SnpWithGpus(TestTpm.Now);
        var endorsements = machine.Endorsements(TestTpm.Now);
        Run("composite", machine.Roots, file => new(file, TestTpm.Now) { Endorsements = endorsements, Nonce = TestTpm.Transcript.Span.ToArray() }, machine.Evidence(TestTpm.Transcript, TestTpm.Now));
    }

    private static void Run(string kind, VendorRoots roots, Func<byte[], AppraisalRequest> ask, params byte[][] corpus)
    {
        var appraiser = Appraiser.For(kind, roots)!;
        var good = Claims(appraiser.Appraise(ask(corpus[0])));
        var turn = 0;
        Fuzz.Run(file =>
        {
            Appraiser.Recognise(file);
            if (turn++ % 8 == 0) Show(appraiser, file);
            if (turn % 2 == 0 && corpus.All(each => each != file)) Assert.NotEqual(Outcome.Verified, appraiser.Appraise(Other(ask(file))).Outcome);
            var result = appraiser.Appraise(ask(file));
            if (result.Outcome == Outcome.Verified) Assert.Equal(good, Claims(result));
        }, corpus);
    }

    /// <summary>Evidence that can be appraised can be shown, and the other way round; each by itself may only be malformed.</summary>
    private static void Show(Appraiser appraiser, byte[] file)
    {
        try
        {
            appraiser.Show(file);
        }
        catch (MalformedException)
        {
        }
    }

    private static AppraisalRequest Other(AppraisalRequest request) => request with { ReportData = Other(request.ReportData), Nonce = Other(request.Nonce) };

    private static ReadOnlyMemory<byte>? Other(ReadOnlyMemory<byte>? challenge) => challenge is { } bytes ? (ReadOnlyMemory<byte>?)(byte[])[.. bytes.Span[..^1], (byte)(bytes.Span[^1] ^ 1)] : null;

    private static string Claims(AttestationResult result)
    {
        Assert.Equal(Outcome.Verified, result.Outcome);
        var claims = result.Claims.DeepClone().AsObject();
        foreach (var name in Unsigned) claims.Remove(name);
        return claims.ToJsonString();
    }

    private static byte[] Json(JsonObject json) => Encoding.UTF8.GetBytes(json.ToJsonString());
}
