using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Cose;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Nitro;

/// <summary>Each document is right in all but one step and correctly signed; exactly that step's check fails.</summary>
public sealed class NitroAppraiserTests
{
    private static readonly NitroVendor Vendor = new();
    private static readonly Appraiser Appraiser = Appraiser.For("nitro", Vendor.Roots)!;
    private static readonly X509Extension Unknown = new("1.2.3.4", [0x05, 0x00], critical: true);

    [Fact]
    public void Check_1_rejects_a_member_that_the_specification_does_not_have() => Fails("nitro.1", draft => draft.Extra.Add(("weights", [0x01])));

    [Fact]
    public void Check_2_rejects_a_second_signed_header()
    {
        Fails("nitro.2", draft => draft.Protected = [0xA2, 0x01, 0x38, 0x22, 0x04, 0x41, 0x01]);
        Fails("nitro.2", draft => draft.Protected = [0xA2, 0x01, 0x38, 0x22, 0x02, 0x81, 0x18, 0x63]); // crit
    }

    [Fact]
    public void Check_2_rejects_a_header_that_nobody_signed() => Fails("nitro.2", draft => draft.Unprotected = [0xA1, 0x04, 0x41, 0x01]);

    [Fact]
    public void Check_3_rejects_another_algorithm()
    {
        // A document under ES256 is signed rightly by a P-256 key: only the algorithm is wrong.
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var certificate = Vendor.Certify(key);
        var result = Appraise(Vendor.Document(draft => (draft.Protected, draft.Signer, draft.Hash, draft.Certificate) = ([0xA1, 0x01, 0x26], key, HashAlgorithmName.SHA256, certificate)));
        Assert.Equal(["nitro.3", "nitro.4.signature"], Failed(result)); // its signature is shorter of necessity
    }

    [Fact]
    public void Check_3_rejects_an_algorithm_that_only_the_unsigned_header_names()
    {
        var result = Appraise(Vendor.Document(draft => (draft.Protected, draft.Unprotected) = ([], [0xA1, 0x01, 0x38, 0x22])));
        Assert.Equal(["nitro.2", "nitro.3", "nitro.8"], Failed(result));
    }

    [Fact]
    public void Check_4_rejects_a_signature_of_another_length()
    {
        var result = Appraise(Vendor.Document(draft => draft.Signature = new byte[95]));
        Assert.Equal(["nitro.4.signature", "nitro.8"], Failed(result));
    }

    [Fact]
    public void Check_4_rejects_a_module_without_a_name() => Fails("nitro.4.module_id", draft => draft.ModuleId = "");

    [Fact]
    public void Check_4_rejects_another_hash_of_the_registers() => Fails("nitro.4.digest", draft => draft.DigestName = "SHA256");

    [Fact]
    public void Check_4_rejects_a_time_beyond_any_date() => Fails("nitro.4.timestamp", draft => draft.Timestamp = long.MaxValue);

    [Fact]
    public void Check_4_rejects_no_time_at_all()
    {
        var result = Appraise(Vendor.Document(draft => draft.Timestamp = 0));
        Assert.Equal(["nitro.4.timestamp", "nitro.6.made", "nitro.9.age"], Failed(result));
    }

    [Fact]
    public void Check_4_rejects_registers_beyond_the_last() => Fails("nitro.4.pcrs", draft => draft.Pcrs[32] = new byte[48]);

    [Theory]
    [InlineData(0)]
    [InlineData(32)]
    [InlineData(47)]
    [InlineData(49)]
    [InlineData(64)]
    public void Check_4_rejects_a_register_of_another_length(int size) => Fails("nitro.4.pcrs", draft => draft.Pcrs[4] = new byte[size]);

    [Fact]
    public void Check_4_rejects_a_certificate_that_is_too_long() =>
        Fails("nitro.4.certificate", draft => draft.Certificate = Vendor.Certify(extra: new("1.2.3.5", new byte[800], critical: false)));

    [Fact]
    public void Check_4_rejects_an_authority_that_is_too_long() =>
        Fails("nitro.4.cabundle", draft => draft.Bundle = [.. Vendor.Bundle[..3], Vendor.Authority(3, extra: new("1.2.3.5", new byte[800], critical: false))]);

    [Fact]
    public void Check_4_rejects_an_empty_bundle()
    {
        var result = Appraise(Vendor.Document(draft => draft.Bundle = []));
        Assert.Equal(["nitro.4.cabundle", "nitro.5", "nitro.6.links"], Failed(result));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1025)]
    public void Check_4_rejects_a_public_key_of_a_length_that_cannot_be(int size) => Fails("nitro.4.public_key", draft => draft.PublicKey = new byte[size]);

    [Fact]
    public void Check_4_rejects_user_data_that_is_too_long() => Fails("nitro.4.user_data", draft => draft.UserData = new byte[513], request => request with { ReportData = new byte[513] });

    [Fact]
    public void Check_4_rejects_a_nonce_that_is_too_long() => Fails("nitro.4.nonce", draft => draft.Nonce = new byte[513], request => request with { Nonce = new byte[513] });

    [Fact]
    public void Check_5_rejects_a_strangers_root_that_came_along()
    {
        var stranger = new NitroVendor();
        var result = Appraise(stranger.Document());
        Assert.Equal(["nitro.5"], Failed(result));
    }

    [Fact]
    public void Check_5_rejects_the_pinned_key_under_words_that_it_did_not_sign()
    {
        using var other = NitroVendor.Key();
        Fails("nitro.5", draft => draft.Bundle = [Vendor.Authority(0, signer: other), .. Vendor.Bundle[1..]]);
    }

    [Fact]
    public void Check_5_rejects_a_bundle_without_its_root()
    {
        var result = Appraise(Vendor.Document(draft => draft.Bundle = Vendor.Bundle[1..]));
        Assert.Equal(["nitro.5"], Failed(result));
    }

    [Fact]
    public void Check_6_rejects_a_certificate_that_its_issuer_did_not_sign()
    {
        using var other = NitroVendor.Key();
        Fails("nitro.6.links", draft => draft.Bundle = [.. Vendor.Bundle[..2], Vendor.Authority(2, signer: other), Vendor.Bundle[3]]);
    }

    [Fact]
    public void Check_6_rejects_a_certificate_that_names_another_issuer() =>
        Fails("nitro.6.links", draft => draft.Bundle = [.. Vendor.Bundle[..2], Vendor.Authority(2, issuer: "CN=somebody else"), Vendor.Bundle[3]]);

    [Fact]
    public void Check_6_rejects_a_bundle_in_another_order()
    {
        var result = Appraise(Vendor.Document(draft => draft.Bundle = [Vendor.Bundle[0], Vendor.Bundle[2], Vendor.Bundle[1], Vendor.Bundle[3]]));
        Assert.Contains("nitro.6.links", Failed(result));
    }

    [Fact]
    public void Check_6_rejects_a_certificate_that_is_not_part_of_the_path() => Assert.Contains("nitro.6.links", Failed(Appraise(Vendor.Document(draft => draft.Bundle = [.. Vendor.Bundle, Vendor.Leaf]))));

    [Fact]
    public void Check_6_rejects_a_critical_extension_that_nobody_understands()
    {
        Fails("nitro.6.extensions", draft => draft.Certificate = Vendor.Certify(extra: Unknown));
        Fails("nitro.6.extensions", draft => draft.Bundle = [Vendor.Bundle[0], Vendor.Authority(1, extra: Unknown), .. Vendor.Bundle[2..]]);
    }

    [Fact]
    public void Check_6_rejects_more_authorities_than_a_certificate_allows()
    {
        Fails("nitro.6.constraints", draft => draft.Bundle = [Vendor.Bundle[0], Vendor.Authority(1, pathLength: 1), .. Vendor.Bundle[2..]]);
        Fails("nitro.6.constraints", draft => draft.Bundle = [Vendor.Authority(0, pathLength: 2), .. Vendor.Bundle[1..]]);
    }

    [Fact]
    public void Check_6_rejects_an_issuer_that_is_no_authority()
    {
        Fails("nitro.6.constraints", draft => draft.Bundle = [.. Vendor.Bundle[..3], Vendor.Authority(3, isAuthority: false)]);
        Fails("nitro.6.constraints", draft => draft.Bundle = [.. Vendor.Bundle[..3], Vendor.Authority(3, isCritical: false)]);
    }

    [Fact]
    public void Check_6_rejects_a_leaf_that_is_an_authority() => Fails("nitro.6.constraints", draft => draft.Certificate = Vendor.Certify(isAuthority: true));

    [Fact]
    public void Check_6_rejects_an_issuer_whose_key_is_not_for_certificates() =>
        Fails("nitro.6.usage", draft => draft.Bundle = [.. Vendor.Bundle[..3], Vendor.Authority(3, usage: X509KeyUsageFlags.DigitalSignature)]);

    [Theory]
    [InlineData(X509KeyUsageFlags.NonRepudiation)]
    [InlineData(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyCertSign)]
    public void Check_6_rejects_a_leaf_whose_key_is_not_for_signatures_alone(X509KeyUsageFlags usage) => Fails("nitro.6.usage", draft => draft.Certificate = Vendor.Certify(usage: usage));

    [Fact]
    public void Check_6_rejects_a_leaf_after_its_time()
    {
        Fails("nitro.6.validity", draft => draft.Certificate = Vendor.Certify(notAfter: NitroVendor.At.AddSeconds(-1)));
        Assert.Contains("nitro.6.validity", Failed(Appraise(Vendor.Document(), request => request with { At = NitroVendor.At.AddDays(-3) })));
    }

    [Fact]
    public void Check_6_takes_a_leaf_that_began_with_its_document_by_a_clock_that_is_ahead_and_not_by_more_than_the_policy_allows()
    {
        var made = NitroVendor.At.AddSeconds(290);
        var document = Vendor.Document(draft => (draft.Timestamp, draft.Certificate) = ((ulong)made.ToUnixTimeMilliseconds(), Vendor.Certify(notBefore: made.AddSeconds(-3))));
        Assert.Equal([], Failed(Appraise(document)));
        Assert.Equal(["nitro.6.validity", "nitro.9.age"], Failed(Appraise(document, request => request with { At = NitroVendor.At.AddSeconds(-20) })));
        Assert.Equal(["nitro.6.validity", "nitro.6.made"], Failed(Appraise(Vendor.Document(draft => draft.Certificate = Vendor.Certify(notBefore: NitroVendor.At.AddSeconds(1))))));
    }

    [Fact]
    public void Check_6_rejects_a_document_made_before_its_certificate() => Fails("nitro.6.made", draft => draft.Certificate = Vendor.Certify(notBefore: NitroVendor.At.AddSeconds(-30)));

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    public void Check_7_rejects_a_certificate_that_was_taken_back(int issuer, int revoked) =>
        Fails("nitro.7", _ => { }, request => request with { Endorsements = Lists(Vendor.RevocationList(issuer, null, null, Vendor.Bundle[revoked])) });

    [Fact]
    public void Check_7_rejects_what_an_old_list_took_back() =>
        Fails("nitro.7", _ => { }, request => request with { Endorsements = Lists(Vendor.RevocationList(0, NitroVendor.At.AddDays(-30), NitroVendor.At.AddDays(-20), Vendor.Bundle[1])) });

    [Fact]
    public void Check_7_passes_with_lists_that_are_new_and_tells_which()
    {
        var result = Appraise(Vendor.Document(), request => request with { Policy = Json("{\"require_revocation_lists\":true}"), Endorsements = Lists(Vendor.RevocationList(0), Vendor.RevocationList(1)) });
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.Equal(2, result.Endorsements.Count(used => used.What.StartsWith("revocation list", StringComparison.Ordinal)));
    }

    public static TheoryData<string, int, int> StaleLists => new() { { "expired", -6, -1 }, { "older than the policy allows", -8, 6 }, { "of the future", 1, 6 } };

    [Theory]
    [MemberData(nameof(StaleLists))]
    public void Check_7_is_not_made_with_a_list_that_is(string what, int thisUpdate, int nextUpdate)
    {
        var list = Vendor.RevocationList(0, NitroVendor.At.AddDays(thisUpdate), NitroVendor.At.AddDays(nextUpdate));
        var result = Appraise(Vendor.Document(), request => request with { Endorsements = Lists(list) });
        Assert.True(result.Outcome == Outcome.EndorsementsMissing, what);
        Assert.Contains("nitro.7", Assert.Single(result.Missing));
    }

    [Fact]
    public void Check_7_is_not_made_without_the_lists_that_a_policy_requires()
    {
        var result = Appraise(Vendor.Document(), request => request with { Policy = Json("{\"require_revocation_lists\":true}") });
        Assert.Equal(Outcome.EndorsementsMissing, result.Outcome);
    }

    [Fact]
    public void Check_7_takes_no_list_of_a_stranger()
    {
        var stranger = new NitroVendor();
        var result = Appraise(Vendor.Document(), request => request with { Policy = Json("{\"require_revocation_lists\":true}"), Endorsements = Lists(stranger.RevocationList(0), stranger.RevocationList(1)) });
        Assert.Equal(Outcome.EndorsementsMissing, result.Outcome);
    }

    [Fact]
    public void Check_7_names_each_link_that_nobody_looked_at()
    {
        var lines = Appraise(Vendor.Document()).NotChecked.Where(line => line.StartsWith("revocation: whether", StringComparison.Ordinal)).ToList();
        Assert.Equal(4, lines.Count);
        Assert.Equal(2, lines.Count(line => line.EndsWith("though the certificate names one", StringComparison.Ordinal)));
        Assert.Equal(2, lines.Count(line => line.EndsWith("and the certificate names none", StringComparison.Ordinal)));
        var listed = Appraise(Vendor.Document(), request => request with { Endorsements = Lists(Vendor.RevocationList(0)) });
        Assert.Equal(3, listed.NotChecked.Count(line => line.StartsWith("revocation: whether", StringComparison.Ordinal)));
    }

    [Fact]
    public void Check_8_rejects_a_signature_by_another_key()
    {
        using var other = NitroVendor.Key();
        Fails("nitro.8", draft => draft.Signer = other);
    }

    [Fact]
    public void Check_8_rejects_a_leaf_of_another_curve()
    {
        using var small = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Fails("nitro.8", draft => (draft.Certificate, draft.Signature) = (Vendor.Certify(small), new byte[96]));
    }

    [Fact]
    public void Check_9_rejects_an_old_document() => Fails("nitro.9.age", _ => { }, request => request with { At = NitroVendor.At.AddMinutes(60) });

    [Fact]
    public void Check_9_rejects_a_document_of_the_future() => Fails("nitro.9.age", _ => { }, request => request with { At = NitroVendor.At.AddMinutes(-7) });

    [Fact]
    public void Check_9_takes_the_age_from_the_policy() => Fails("nitro.9.age", _ => { }, request => request with { Policy = Json("{\"max_age_seconds\":59}") });

    [Theory]
    [InlineData("nonc")]
    [InlineData("nonce\0")]
    [InlineData("other")]
    public void Check_9_rejects_a_nonce_that_is_not_exactly_the_expected_one(string expected) => Fails("nitro.9.nonce", _ => { }, request => request with { Nonce = Encoding.ASCII.GetBytes(expected) });

    [Fact]
    public void Check_9_rejects_a_document_without_a_nonce() => Fails("nitro.9.nonce", draft => draft.Nonce = null, request => request with { Nonce = new byte[] { 0 } });

    [Fact]
    public void Check_10_rejects_a_debug_enclave()
    {
        Fails("nitro.10", draft => draft.Pcrs[0] = draft.Pcrs[1] = draft.Pcrs[2] = new byte[48]);
        Fails("nitro.10", draft => draft.Pcrs[1] = new byte[48]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Check_10_rejects_a_document_that_leaves_a_code_register_out(int index) => Fails("nitro.10", draft => draft.Pcrs.Remove(index));

    [Fact]
    public void Check_11_rejects_an_image_that_the_policy_does_not_name()
    {
        var policy = Register("pcrs", 0, new string('a', 96));
        Fails("nitro.11.pcr0", _ => { }, request => request with { Policy = policy });
        Fails("nitro.11.pcr0", draft => draft.Pcrs[0] = [.. Enumerable.Repeat((byte)0xAA, 47), 0xAB], request => request with { Policy = policy });
        Assert.Equal(Outcome.Verified, Appraise(Vendor.Document(draft => draft.Pcrs[0] = [.. Enumerable.Repeat((byte)0xAA, 48)]), request => request with { Policy = policy }).Outcome);
    }

    [Fact]
    public void Check_11_rejects_a_document_without_the_register_that_the_policy_names() =>
        Fails("nitro.11.pcr8", draft => draft.Pcrs.Remove(8), request => request with { Policy = Register("pcrs", 8, new string('0', 96)) });

    [Fact]
    public void Check_11_rejects_an_instance_where_the_policy_names_enclaves()
    {
        var policy = Register("pcrs", 3, new string('0', 96));
        Fails("nitro.11.platform", draft => draft.PcrsName = "nitrotpm_pcrs", request => request with { Policy = policy });
        Fails("nitro.11.platform", _ => { }, request => request with { Policy = Register("nitrotpm_pcrs", 7, new string('0', 96)) });
    }

    [Fact]
    public void Verifies_a_document_of_an_instance_with_a_NitroTPM()
    {
        var evidence = Vendor.Document(draft =>
        {
            draft.PcrsName = "nitrotpm_pcrs";
            for (var i = 0; i < 24; i++) draft.Pcrs[i] = [.. Enumerable.Repeat((byte)(i + 1), 48)];
        });
        var result = Appraise(evidence, request => request with { Policy = Register("nitrotpm_pcrs", 4, string.Concat(Enumerable.Repeat("05", 48))) });
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.Equal("nitrotpm", (string)result.Claims["platform"]!);
        Assert.Contains(result.Checks, check => check is { Id: "nitro.11.pcr4", Result: CheckResult.Passed });
    }

    [Theory]
    [InlineData("user dat")]
    [InlineData("user data\0")]
    public void Check_12_rejects_user_data_that_is_not_exactly_the_expected(string expected) => Fails("nitro.12.user_data", _ => { }, request => request with { ReportData = Encoding.ASCII.GetBytes(expected) });

    [Fact]
    public void Check_12_rejects_a_document_without_user_data() => Fails("nitro.12.user_data", draft => draft.UserData = null);

    [Fact]
    public void Check_12_rejects_another_public_key()
    {
        var policy = Json("{\"public_key\":\"AQID\"}");
        Fails("nitro.12.public_key", draft => draft.PublicKey = [1, 2, 3, 0], request => request with { Policy = policy });
        Fails("nitro.12.public_key", _ => { }, request => request with { Policy = policy });
        Assert.Equal(Outcome.Verified, Appraise(Vendor.Document(draft => draft.PublicKey = [1, 2, 3]), request => request with { Policy = policy }).Outcome);
    }

    [Fact]
    public void What_was_left_out_by_name_is_listed()
    {
        var result = Appraise(Vendor.Document(draft => (draft.Nonce, draft.UserData) = (null, null)), request => request with
        {
            Nonce = null, ReportData = null, At = NitroVendor.At.AddMinutes(100), Without = new HashSet<CheckGroup> { CheckGroup.Binding, CheckGroup.Freshness, CheckGroup.Revocation },
        });
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.Equal(["nitro.7", "nitro.9.nonce", "nitro.9.age", "nitro.11", "nitro.12.user_data", "nitro.12.public_key"], result.Checks.Where(check => check.Result == CheckResult.SkippedByPolicy).Select(check => check.Id));
        Assert.Equal(["revocation: left out by name", "freshness: left out by name", "binding: left out by name"], result.NotChecked.Take(3));
    }

    [Fact]
    public void A_rejection_names_all_that_is_wrong_and_still_shows_the_claims()
    {
        var result = Appraise(Vendor.Document(draft => (draft.DigestName, draft.Nonce, draft.ModuleId) = ("MD5", [], "")));
        Assert.Equal(["nitro.4.module_id", "nitro.4.digest", "nitro.9.nonce"], Failed(result));
        Assert.Equal("MD5", (string)result.Claims["digest"]!);
    }

    [Theory]
    [InlineData("""{"pcr":{}}""")]
    [InlineData("""{"max_age_seconds":0}""")]
    [InlineData("""{"max_age_seconds":1,"max_age_seconds":2}""")]
    [InlineData("""{"max_clock_skew_seconds":-1}""")]
    [InlineData("""{"max_endorsement_age_days":0}""")]
    [InlineData("""{"pcrs":{"0":[]}}""")]
    [InlineData("""{"pcrs":{"0":["00"]}}""")]
    [InlineData("""{"pcrs":{"32":[]}}""")]
    [InlineData("""{"pcrs":{"00":[]}}""")]
    [InlineData("""{"nitrotpm_pcrs":{"16":["000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"]}}""")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    public void Refuses_a_policy_that_makes_no_sense(string policy) => Assert.Throws<MalformedException>(() => Appraise(Vendor.Document(), request => request with { Policy = Json(policy) }));

    [Fact]
    public void The_strict_policy_is_what_no_policy_means()
    {
        var strict = Encoding.UTF8.GetBytes(Appraiser.StrictPolicy().ToJsonString());
        Assert.Equal(Appraise(Vendor.Document()).ToJson().ToJsonString(), Appraise(Vendor.Document(), request => request with { Policy = strict }).ToJson().ToJsonString());
    }

    [Fact]
    public void Shows_what_is_dangerous()
    {
        Assert.DoesNotContain(Appraiser.Show(Vendor.Document()), field => field.Danger);
        Assert.Equal(["PCR1"], Appraiser.Show(Vendor.Document(draft => draft.Pcrs[1] = new byte[48])).Where(field => field.Danger).Select(field => field.Name));
    }

    private static void Fails(string id, Action<NitroDraft> change, Func<AppraisalRequest, AppraisalRequest>? ask = null)
    {
        var result = Appraise(Vendor.Document(change), ask);
        Assert.Equal([id], Failed(result));
        Assert.Equal(Outcome.Rejected, result.Outcome);
    }

    private static IEnumerable<string> Failed(AttestationResult result) => result.Failures.Select(check => check.Id);

    private static AttestationResult Appraise(byte[] evidence, Func<AppraisalRequest, AppraisalRequest>? ask = null)
    {
        var request = new AppraisalRequest(evidence, NitroVendor.At) { Nonce = "nonce"u8.ToArray(), ReportData = "user data"u8.ToArray() };
        return Appraiser.Appraise(ask?.Invoke(request) ?? request);
    }

    private static Endorsements Lists(params byte[][] lists) => Endorsements.Read(lists.Select((list, i) => ($"{i}.crl", (ReadOnlyMemory<byte>)list)));

    /// <summary>A policy that names one value of one register.</summary>
    private static byte[] Register(string platform, int index, string value) => Json("{\"" + platform + "\":{\"" + index + "\":[\"" + value + "\"]}}");

    private static byte[] Json(string policy) => Encoding.UTF8.GetBytes(policy);
}
