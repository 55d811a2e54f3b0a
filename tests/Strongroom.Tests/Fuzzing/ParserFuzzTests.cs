using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Corim;
using Strongroom.Attestation.Cose;
using Strongroom.Attestation.Dcap;
using Strongroom.Attestation.Ear;
using Strongroom.Attestation.Kbs;
using Strongroom.Attestation.Nvidia;
using Strongroom.Bytes;
using Strongroom.Tests.Ledger;
using Strongroom.Tests.Attestation;
using Strongroom.Tests.Attestation.Corim;
using Strongroom.Tests.Attestation.Dcap;
using Strongroom.Tests.Attestation.Ear;
using Strongroom.Tests.Attestation.Nvidia;
using Strongroom.Tests.Attestation.Snp;
using EventLog = Strongroom.Attestation.Tpm.EventLog;

namespace Strongroom.Tests.Fuzzing;

/// <summary>Mutated files that are no evidence: endorsements, reference values, tokens, logs, policies.</summary>
public sealed class ParserFuzzTests
{
    private static readonly TestPlatform Platform = new("tdx");

    [Fact]
    public void Endorsements_of_quotes_never_make_an_old_platform_a_current_one()
    {
        var old = new TestPlatform("tdx") { Body = body => body[0] = body[584] = 4 }.Quote(); // its module is out of date
        var files = Files().Select(file => (file.Key, (ReadOnlyMemory<byte>)file.Value)).ToList();
        var appraiser = Appraiser.For("tdx", TestIntel.One.Roots)!;
        var turn = 0;
        Fuzz.Run(file =>
        {
            var at = turn++ % files.Count;
            var endorsements = Endorsements.Read([.. files.Where((_, i) => i != at), ("mutated", file)]);
            Assert.NotEqual(Outcome.Verified, appraiser.Appraise(new(old, TestIntel.At) { Endorsements = endorsements, ReportData = TestPlatform.ReportData }).Outcome);
        }, [.. files.Select(file => file.Item2.ToArray())]);
    }

    [Fact]
    public void Endorsements_of_GPUs_never_make_another_driver_a_wanted_one()
    {
        var scene = new NvidiaCase();
        var wanted = scene.Driver with { Measurements = NvidiaCase.Wanted(3) };
        wanted.Measurements[3] = [new('a', 96), new('b', 96)];
        var files = (scene with { Driver = wanted }).Files().ToList();
        var appraiser = Appraiser.For("nvidia-gpu", scene.Vendor.Roots)!;
        var turn = 0;
        Fuzz.Run(file =>
        {
            var at = turn++ % files.Count;
            var endorsements = Endorsements.Read([.. files.Where((_, i) => i != at), ("mutated", file)]);
            Assert.NotEqual(Outcome.Verified, appraiser.Appraise(scene.Request(scene.Evidence, endorsements)).Outcome);
        }, [.. files.Select(file => file.Item2.ToArray())]);
    }

    [Fact]
    public void RIMs()
    {
        var scene = new NvidiaCase();
        var rim = Encoding.UTF8.GetBytes(scene.DriverRim());
        var good = UnverifiedRim.Parse(rim).Verified!;
        Fuzz.Run(file =>
        {
            if (UnverifiedRim.Parse(file) is not { Verified: { } verified } changed || !changed.Signer!.RawDataMemory.Span.SequenceEqual(scene.Vendor.RimSigner.Certificate.RawDataMemory.Span)) return;
            Assert.Equal((good.Version, good.Measurements.Count), (verified.Version, verified.Measurements.Count));
            foreach (var (index, golden) in good.Measurements) Assert.Equal(golden.Alternatives, verified.Measurements[index].Alternatives);
        }, rim);
    }

    [Fact]
    public void OCSP_responses_and_lists()
    {
        var scene = new NvidiaCase();
        var answers = scene.Files().Where(file => file.Item1 == "ocsp").Select(file => file.Item2.ToArray()).Take(2);
        Fuzz.Run(file => OcspResponse.Parse(file), [.. answers]);
        var list = TestAmd.Of(Strongroom.Attestation.Snp.SnpProduct.Milan).List(TestAmd.Now, TestAmd.Now, [1, 2, 3], service: "vlek");
        using var root = System.Security.Cryptography.X509Certificates.X509CertificateLoader.LoadCertificate(TestAmd.Of(Strongroom.Attestation.Snp.SnpProduct.Milan).Root);
        Fuzz.Run(file =>
        {
            var parsed = RevocationList.Parse(file);
            if (parsed.IsBy(root)) Assert.Equal((3, TestAmd.Now), (parsed.Count, parsed.ThisUpdate));
        }, list);
    }

    [Fact]
    public void Bundles() => Fuzz.Run(
        file =>
        {
            var bundle = EndorsementBundle.Parse(file);
            if (bundle.IsSignedBy(TestKeys.Key("collector").PublicKey)) Assert.Equal(5, bundle.Files.Count);
        },
        EndorsementBundle.Sign(TestIntel.At, Files().Select(file => new BundledFile(file.Value, file.Key)), TestKeys.Key("collector")));

    [Fact]
    public void CoRIMs() => Fuzz.Run(
        file =>
        {
            if (SignedCorimTests.Verify(file).Values is { } values) Assert.Equal("a tag", Assert.Single(values.All).TagId);
        },
        SignedCorimTests.Sign());

    [Fact]
    public void COSE_messages_and_CBOR()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] header = [0xA1, 0x01, 0x26];
        var payload = new CborWriter().Map(2).Number(1).Array(2).Text("a").Bytes([1, 2]).Number(2).Null().ToArray();
        var message = new CborWriter().Tag(18).Array(4).Bytes(header).Map(0).Bytes(payload).Bytes(key.SignData(CoseSign1.ToBeSigned(header, payload), HashAlgorithmName.SHA256)).ToArray();
        Fuzz.Run(file =>
        {
            foreach (var form in Enum.GetValues<CborForm>()) _ = Parsed(file, form);
            var parsed = CoseSign1.Parse(file);
            Assert.Equal(file, parsed.ToBytes());
            if (parsed.IsSignedBy(key)) Assert.Equal(payload, parsed.Payload.ToArray());
        }, message);

        static CborItem? Parsed(byte[] file, CborForm form)
        {
            try
            {
                return CborItem.Parse(file, form);
            }
            catch (MalformedException)
            {
                return null;
            }
        }
    }

    [Fact]
    public void Tokens_and_key_sets()
    {
        using var ear = new TestEar();
        Fuzz.Run(file =>
        {
            if (EarToken.Verify(file, ear.Expected, TestEar.At) is { Outcome: Outcome.Verified } result) Assert.Equal("vault", (string?)result.Claims["aud"]);
        }, Encoding.ASCII.GetBytes(ear.Issue()));
        // The signature is right and what it covers is not: a verifier may be hostile too.
        var claims = ear.Issue().Split('.')[1];
        Fuzz.Run(file => EarToken.Verify(Encoding.ASCII.GetBytes(ear.SignText(TestEar.Decode(ear.Issue().Split('.')[0]).ToJsonString(), Encoding.UTF8.GetString(file))), ear.Expected, TestEar.At),
            Encoding.UTF8.GetBytes(TestEar.Decode(claims).ToJsonString()));
        Fuzz.Run(file => Jwk.ParseSet(file), ear.Expected.Keys.ToArray());
    }

    [Fact]
    public void Event_logs()
    {
        using var tpm = new TestTpm();
        Fuzz.Run(file => EventLog.Parse(file).Replay(), tpm.Evidence().EventLog);
        Fuzz.Run(file => CcEventLog.Parse(file).Replay(), QuoteLevelsTests.Log().Log);
    }

    [Fact]
    public void Policies()
    {
        var appraisers = Appraiser.Kinds.Select(kind => Appraiser.For(kind)!).ToList();
        var evidence = Platform.Quote();
        Fuzz.Run(file =>
        {
            foreach (var appraiser in appraisers)
            {
                try
                {
                    appraiser.Appraise(new(appraiser.Kind == "tdx" ? evidence : Array.Empty<byte>(), TestIntel.At) { Policy = file, ReportData = TestPlatform.ReportData });
                }
                catch (MalformedException)
                {
                }
            }
        }, [.. appraisers.Select(appraiser => Encoding.UTF8.GetBytes(appraiser.StrictPolicy().ToJsonString()))]);
    }

    [Fact]
    public void What_guests_of_key_brokers_send()
    {
        var scene = new SnpScene();
        var json = new JsonObject { ["primary_evidence"] = SnpSpellingTests.Json(scene.Signed(), Strongroom.Attestation.Snp.SnpProduct.Milan, false), ["additional_evidence"] = "" };
        Fuzz.Run(file =>
        {
            try
            {
                GuestEvidence.Parse(file);
            }
            catch (MalformedException)
            {
            }
        }, Encoding.UTF8.GetBytes(json.ToJsonString()));
    }

    private static Dictionary<string, byte[]> Files()
    {
        Dictionary<string, byte[]> files = [];
        new TestPlatform("tdx") { Files = all => files = new(all) }.Endorsements();
        return files;
    }
}
