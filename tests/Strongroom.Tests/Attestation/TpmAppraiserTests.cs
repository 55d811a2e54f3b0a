using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;
using Strongroom.Tests.Attestation.Appraisal;

namespace Strongroom.Tests.Attestation;

/// <summary>A TPM's evidence in the file form of other tools, appraised without an enrolment: every check has evidence that fails it and nothing else.</summary>
public sealed class TpmAppraiserTests : AppraiserContract, IDisposable
{
    private static readonly Appraiser Tpm = Appraiser.For("tpm")!;

    private readonly TestTpm tpm = new();

    public void Dispose() => tpm.Dispose();

    protected override byte[] Good() => Attestation(tpm.Evidence());

    private protected override AttestationResult Appraise(ReadOnlyMemory<byte> evidence) => Tpm.Appraise(Request(evidence));

    protected override IEnumerable<Range> SignedRanges(byte[] good)
    {
        var evidence = tpm.Evidence();
        foreach (var part in (byte[][])[tpm.Key.ToBytes()[2..], TpmStatement.Parse(good).Quote.ToArray(), .. evidence.Pcrs.Values.Select(value => value.Span.ToArray()).Where(value => value.Any(each => each != 0))])
        {
            var at = good.AsSpan().IndexOf(part);
            yield return at..(at + part.Length);
        }
    }

    [Fact]
    public void Recognised_in_both_forms()
    {
        Assert.Equal("tpm", Appraiser.Recognise(Good())?.Kind);
        Assert.Equal("tpm", Appraiser.Recognise(tpm.Evidence().ToBytes())?.Kind);
        Assert.Null(Appraiser.Recognise("something else"u8));
    }

    [Fact]
    public void JSON_of_a_guest_with_nothing_but_a_TPM_is_read_and_its_bare_key_is_not_trusted()
    {
        var evidence = tpm.Evidence();
        var pcrs = new JsonArray([.. Enumerable.Range(0, 24).Select(pcr => JsonValue.Create(evidence.Pcrs.TryGetValue($"{pcr}", out var value) ? value.ToString() : new string('f', 64)))]);
        var json = new JsonObject
        {
            ["ak_public"] = "AAAA",
            ["tpm_quote"] = new JsonObject { ["message"] = Convert.ToBase64String(evidence.Quote), ["signature"] = Convert.ToBase64String(evidence.Signature), ["pcrs"] = pcrs },
        };
        foreach (var form in new[] { json, new JsonObject { ["tee-evidence"] = new JsonObject { ["primary_evidence"] = json.DeepClone(), ["additional_evidence"] = "" } } })
        {
            var file = Encoding.UTF8.GetBytes(form.ToJsonString());
            Assert.Equal("tpm", Appraiser.Recognise(file)?.Kind);
            Fails("tpm.1", Appraise(file), "tpm.10"); // nor has it an event log
        }
        pcrs.RemoveAt(23);
        Assert.Throws<MalformedException>(() => Appraise(Encoding.UTF8.GetBytes(json.ToJsonString())));
        Assert.Throws<MalformedException>(() => Appraise("""{"ak_public":"","tpm_quote":{"message":null}}"""u8.ToArray()));
    }

    [Fact]
    public void A_key_that_came_along_and_that_no_policy_names_is_not_trusted()
    {
        Fails("tpm.1", Tpm.Appraise(Request(Good()) with { Policy = default }));
        Fails("tpm.1", Tpm.Appraise(Request(tpm.Evidence().ToBytes())));
    }

    [Fact]
    public void A_CA_that_the_policy_names_vouches_for_a_key()
    {
        using var ca = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using var root = Authority(ca);
        var certificate = Certificate(root);
        var pin = Digest.Of(root.PublicKey.ExportSubjectPublicKeyInfo());
        var policy = Policy($$"""{"root_keys":["{{pin}}"],"require_revocation_lists":false}""");
        var evidence = Attestation(tpm.Evidence(), certificate, root.RawData);
        Assert.Equal(Outcome.Verified, Tpm.Appraise(Request(evidence) with { Policy = policy }).Outcome);
        Fails("tpm.1.validity", Tpm.Appraise(Request(evidence) with { Policy = policy, At = TestTpm.Now.AddYears(3) }));
        Fails("tpm.1.usage", Tpm.Appraise(Request(Attestation(tpm.Evidence(), Certificate(root, "1.3.6.1.5.5.7.3.1"), root.RawData)) with { Policy = policy }));
        Fails("tpm.1.usage", Tpm.Appraise(Request(Attestation(tpm.Evidence(), Certificate(root, null), root.RawData)) with { Policy = policy }));
        var strict = Request(evidence) with { Policy = Policy($$"""{"root_keys":["{{pin}}"]}""") };
        Assert.Equal(Outcome.EndorsementsMissing, Tpm.Appraise(strict).Outcome);
        Assert.Equal(Outcome.Verified, Tpm.Appraise(strict with { Endorsements = List(root, ca, TestTpm.Now) }).Outcome);
        Assert.Equal(Outcome.EndorsementsMissing, Tpm.Appraise(strict with { Endorsements = List(root, ca, TestTpm.Now.AddDays(-8)) }).Outcome);
        Fails("tpm.1.revocation", Tpm.Appraise(strict with { Endorsements = List(root, ca, TestTpm.Now.AddDays(-8), [5]) }));
        Fails("tpm.1.revocation", Tpm.Appraise(Request(evidence) with { Policy = policy, Endorsements = List(root, ca, TestTpm.Now, [5]) }));
        Assert.Equal(Outcome.EndorsementsMissing, Tpm.Appraise(Request(Good()) with { Policy = policy }).Outcome);
        Fails("tpm.1", Tpm.Appraise(Request(evidence) with { Policy = Policy($$"""{"root_keys":["{{Digest.Of("another CA"u8)}}"]}""") }));
    }

    [Fact]
    public void A_quote_for_another_challenge_is_refused_and_nothing_is_padded()
    {
        Fails("tpm.6", Tpm.Appraise(Request(Good()) with { Nonce = SHA256.HashData("another"u8) }));
        Fails("tpm.6", Tpm.Appraise(Request(Good()) with { Nonce = TestTpm.Transcript.Span[..16].ToArray() }));
        Fails("tpm.6", Tpm.Appraise(Request(Good()) with { Nonce = (byte[])[.. TestTpm.Transcript.Span, 0] }));
    }

    [Fact]
    public void Two_challenges_are_one_too_many() => Fails("tpm.6.report-data", Tpm.Appraise(Request(Good()) with { ReportData = TestTpm.Transcript.Span.ToArray() }));

    [Fact]
    public void A_key_longer_than_any_and_an_event_log_that_is_none_are_no_faults()
    {
        Assert.Throws<MalformedException>(() => Appraise((byte[])[0x0A, 0xF0, 0xA2, 0x04, .. new byte[70_000]]));
        Fails("tpm.10", Appraise(Attestation(tpm.Evidence() with { EventLog = [1, 2, 3] })));
    }

    [Fact]
    public void Without_a_challenge_the_binding_is_left_out_by_name()
    {
        var request = Request(Good()) with { Nonce = null };
        Assert.Throws<ArgumentException>(() => Tpm.Appraise(request));
        var result = Tpm.Appraise(request with { Without = new HashSet<CheckGroup> { CheckGroup.Binding } });
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.Contains("binding: left out by name", result.NotChecked);
        Assert.Equal(CheckResult.SkippedByPolicy, result.Checks.Single(check => check.Id == "tpm.6").Result);
    }

    [Fact]
    public void A_key_that_signs_anything_is_refused_though_the_policy_names_it()
    {
        var loose = tpm.Key with { Attributes = tpm.Key.Attributes & ~TpmAttributes.Restricted };
        var evidence = TestAttestation.Write(loose, tpm.Evidence(quote => quote with { QualifiedSigner = AttestationKey.QualifiedName(loose) }));
        Fails("tpm.2", Tpm.Appraise(Request(evidence) with { Policy = Policy($$"""{"attestation_keys":["{{Convert.ToHexStringLower(loose.Name())}}"]}""") }));
    }

    [Fact]
    public void A_signature_by_another_key_is_refused()
    {
        using var other = new TestTpm();
        var evidence = tpm.Evidence();
        Fails("tpm.4", Appraise(Attestation(evidence with { Signature = other.Sign(evidence.Quote) })));
    }

    [Fact]
    public void A_signature_of_another_scheme_than_the_keys_is_refused()
    {
        var evidence = tpm.Evidence(quote => quote with { PcrDigest = SHA384.HashData([.. tpm.Values().Values.SelectMany(value => value.Span.ToArray())]) });
        Fails("tpm.3", Appraise(Attestation(evidence with { Signature = tpm.Sign(evidence.Quote, 0x000C) })));
    }

    [Fact]
    public void Other_PCRs_than_the_quoted_ones_and_values_of_ones_own_are_refused()
    {
        var values = tpm.Values();
        values.Remove(7);
        Fails("tpm.7", Appraise(Attestation(tpm.Evidence(tpm.Quote(values), values))), "tpm.10"); // the policy reads PCR 7
        values = tpm.Values();
        var quote = tpm.Quote(values);
        values[16] = Digest.Of("of my own"u8);
        Fails("tpm.7", Appraise(Attestation(tpm.Evidence(quote, values))));
        values = tpm.Values();
        quote = tpm.Quote(values);
        values[13] = Digest.Of("of my own"u8);
        Fails("tpm.8", Appraise(Attestation(tpm.Evidence(quote, values))));
    }

    [Fact]
    public void Another_bank_is_refused() =>
        Fails("tpm.9", Appraise(Attestation(tpm.Evidence(quote => quote with { Selections = [quote.Selections[0] with { Bank = 0x000C }] }))));

    [Fact]
    public void A_log_that_does_not_lead_to_the_values_and_a_missing_log_are_refused()
    {
        var evidence = tpm.Evidence();
        Fails("tpm.10", Appraise(Attestation(evidence with { EventLog = EventLog.Compose(tpm.Events.Skip(1)) })));
        Fails("tpm.10", Appraise(Attestation(evidence with { EventLog = [] })));
    }

    [Fact]
    public void A_suspended_machine_is_refused_unless_the_policy_allows_it()
    {
        var evidence = Attestation(tpm.Evidence(quote => quote with { RestartCount = 1 }));
        Fails("tpm.11", Appraise(evidence));
        Assert.Equal(Outcome.Verified, Tpm.Appraise(Request(evidence) with { Policy = Policy($$"""{"attestation_keys":["{{Name()}}"],"allow_restarts":true}""") }).Outcome);
        Fails("tpm.11", Appraise(Attestation(tpm.Evidence(quote => quote with { Safe = false }))));
    }

    [Fact]
    public void A_key_of_another_hierarchy_is_refused() =>
        Fails("tpm.13", Appraise(Attestation(tpm.Evidence(quote => quote with { QualifiedSigner = (byte[])[0x00, 0x0B, .. new byte[32]] }))));

    [Fact]
    public void A_value_that_is_not_the_reference_value_is_refused()
    {
        Fails("tpm.14", Tpm.Appraise(Request(Good()) with { Policy = Policy($$"""{"attestation_keys":["{{Name()}}"],"reference_values":{"0":"{{Digest.Of("another firmware"u8)}}"} }""") }));
        var wanted = Tpm.Appraise(Request(Good()) with { Policy = Policy($$"""{"attestation_keys":["{{Name()}}"],"reference_values":{"0":"{{tpm.Values()[0]}}"} }""") });
        Assert.Equal(Outcome.Verified, wanted.Outcome);
        Assert.DoesNotContain(wanted.NotChecked, line => line.Contains("PCR 0 ", StringComparison.Ordinal));
        Assert.Contains(wanted.NotChecked, line => line.Contains("PCR 1 ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{"attestation_key":[]}""")]
    [InlineData("""{"pcrs":[24]}""")]
    [InlineData("""{"pcrs":[1,1]}""")]
    [InlineData("""{"pcrs":[]}""")]
    [InlineData("""{"pcrs":[16]}""")]
    [InlineData("""{"attestation_keys":[null]}""")]
    [InlineData("""{"reference_values":{"0":null} }""")]
    [InlineData("""{"reference_values":{"23":"0000000000000000000000000000000000000000000000000000000000000000"} }""")]
    [InlineData("[]")]
    [InlineData("null")]
    public void A_policy_with_a_member_that_is_unknown_or_means_nothing_is_malformed(string policy) =>
        Assert.Throws<MalformedException>(() => Tpm.Appraise(Request(Good()) with { Policy = Policy(policy) }));

    [Fact]
    public void The_strict_policy_reads_back_as_itself()
    {
        var shown = Tpm.StrictPolicy();
        Assert.True(JsonNode.DeepEquals(shown, JsonNode.Parse(shown.ToJsonString())));
        Fails("tpm.1", Tpm.Appraise(Request(Good()) with { Policy = Policy(shown.ToJsonString()) }));
    }

    /// <summary>The real quote answers no challenge: its nonce is empty, and no challenge matches it.</summary>
    [Fact]
    public void A_real_machines_quote_verifies_under_its_key_and_answers_nobody()
    {
        var evidence = File.ReadAllBytes(SharedFiles.Require("vectors/tpm/gce-cos-85-no-nonce.pb"));
        var key = TpmPublic.Parse(TpmStatement.Parse(evidence).Key!.Value.Span);
        var request = new AppraisalRequest(evidence, TestTpm.Now) { Without = new HashSet<CheckGroup> { CheckGroup.Binding }, Policy = Policy($$"""{"attestation_keys":["{{Convert.ToHexStringLower(key.Name())}}"]}""") };
        Assert.Equal("tpm", Appraiser.Recognise(evidence)?.Kind);
        Assert.Empty(Tpm.Appraise(request).Failures);
        Fails("tpm.6", Tpm.Appraise(request with { Nonce = new byte[] { 1 }, Without = new HashSet<CheckGroup>() }));
        Assert.Throws<ArgumentException>(() => Tpm.Appraise(request with { Nonce = Array.Empty<byte>() }));
        Fails("tpm.1", Tpm.Appraise(request with { Policy = default }));
        Assert.True(Tpm.Show(evidence).Single(field => field.Name == "extraData").Danger);
    }

    private static void Fails(string id, AttestationResult result, params string[] also)
    {
        Assert.Equal(Outcome.Rejected, result.Outcome);
        Assert.Equal([id, .. also], result.Failures.Select(check => check.Id).OrderBy(each => each == id ? 0 : 1));
    }

    private AppraisalRequest Request(ReadOnlyMemory<byte> evidence) => new(evidence, TestTpm.Now)
    {
        Nonce = TestTpm.Transcript.Span.ToArray(), Policy = Policy($$"""{"attestation_keys":["{{Name()}}"]}"""),
    };

    private string Name() => Convert.ToHexStringLower(tpm.Key.Name());

    private static byte[] Policy(string json) => Encoding.UTF8.GetBytes(json);

    private byte[] Attestation(TpmEvidence evidence, params byte[][] certificates) => TestAttestation.Write(tpm.Key, evidence, certificates);

    private static X509Certificate2 Authority(ECDsa key)
    {
        var request = new CertificateRequest("CN=Test cloud", key, HashAlgorithmName.SHA384);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        return request.CreateSelfSigned(TestTpm.Now.AddYears(-1), TestTpm.Now.AddYears(9));
    }

    private static Endorsements List(X509Certificate2 root, ECDsa key, DateTimeOffset issued, params byte[][] serials)
    {
        var builder = new CertificateRevocationListBuilder();
        foreach (var serial in serials) builder.AddEntry(serial, issued);
        return Endorsements.Read([("list", builder.Build(root.SubjectName, X509SignatureGenerator.CreateForECDsa(key), 1, issued.AddDays(30), HashAlgorithmName.SHA384, X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier([1]), issued))]);
    }

    private byte[] Certificate(X509Certificate2 root, string? usage = "2.23.133.8.3")
    {
        using var key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new() { X = tpm.Key.X.ToArray(), Y = tpm.Key.Y.ToArray() } });
        var request = new CertificateRequest("CN=Test machine", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        if (usage is not null) request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new(usage)], critical: false));
        using var certificate = request.Create(root.SubjectName, X509SignatureGenerator.CreateForECDsa(root.GetECDsaPrivateKey()!), TestTpm.Now.AddYears(-1), TestTpm.Now.AddYears(1), [5]);
        return certificate.RawData;
    }
}
