using System.Security.Cryptography;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Ear;
using static Strongroom.Tests.Attestation.Ear.TestEar;

namespace Strongroom.Tests.Attestation.Ear;

/// <summary>From checks to claims: nothing is called affirming that nobody looked at.</summary>
public sealed class TrustMapTests
{
    public static TheoryData<string, string[]> Kinds => new()
    {
        { "sev-snp", Passing },
        { "tdx", ["tdx.2.root", "tdx.8", "tdx.11", "tdx.12.tdx", "tdx.16.debug", "tdx.16.mr_td", "tdx.16.report_data"] },
        { "sgx", ["sgx.2.root", "sgx.8", "sgx.11", "sgx.12.sgx", "sgx.16.debug", "sgx.16.mr_enclave", "sgx.16.report_data"] },
        { "nitro", ["nitro.5", "nitro.6.links", "nitro.8", "nitro.10", "nitro.11.pcr0", "nitro.9.nonce"] },
        { "tpm", ["tpm.1", "tpm.2", "tpm.4", "tpm.6", "tpm.9", "tpm.11", "tpm.14"] },
        { "nvidia-gpu", ["gpu.2.chain", "gpu.3", "gpu.5", "gpu.6", "gpu.8.driver", "gpu.8.vbios", "gpu.9.mode"] },
        { "nvidia-gpu", ["gpu.2.chain.0", "gpu.3.0", "gpu.5.0", "gpu.6.0", "gpu.8.driver.0", "gpu.8.vbios.0", "gpu.9.mode.0"] },
        { "composite", ["composite.2.bound", .. Passing.Select(id => $"cpu.{id}"), "gpu0.gpu.2.chain", "gpu0.gpu.3", "gpu0.gpu.5", "gpu0.gpu.6", "gpu0.gpu.8.driver", "gpu0.gpu.8.vbios", "gpu0.gpu.9.mode"] },
        { "composite", ["composite.2.bound", "cpu.nitro.5", "cpu.nitro.6.links", "cpu.nitro.8", "cpu.nitro.10", "cpu.nitro.11.pcr0", "cpu.nitro.12.user_data"] },
        { "nvidia-switch", ["switch.2.chain", "switch.3", "switch.5", "switch.6", "switch.8.bios", "switch.9.lock"] },
    };

    [Fact]
    public void Every_kind_of_evidence_has_its_rows() => Assert.Equal(Appraiser.Kinds.Order(), Kinds.Select(row => row.Data.Item1).Distinct().Order());

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Is_affirmed_when_all_that_it_rests_on_passed_and_not_when_one_of_them_was_not_made(string kind, string[] passing)
    {
        Assert.Equal("affirming", Status(Result(kind, passing)));
        Assert.All(passing.Where(id => !id.EndsWith("snp.1.version", StringComparison.Ordinal)), id => Assert.Equal("none", Status(Result(kind, passing.Where(each => each != id)))));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Is_not_affirmed_when_a_group_was_left_out_by_its_dangerous_name(string kind, string[] passing) =>
        Assert.All([CheckGroup.Revocation, CheckGroup.Tcb, CheckGroup.Freshness, CheckGroup.Binding], group => Assert.Equal("none", Status(Result(kind, passing, group))));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Is_contraindicated_when_any_check_failed_be_it_in_the_table_or_not(string kind, string[] passing)
    {
        Assert.All(passing, id => Assert.Equal("contraindicated", Status(Result(kind, passing.Where(each => each != id), also: findings => findings.Check(id, "a check", false)))));
        Assert.Equal("contraindicated", Status(Result(kind, passing, also: findings => findings.Check("a check of tomorrow", "a check", false))));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Is_not_affirmed_when_an_endorsement_is_missing(string kind, string[] passing) =>
        Assert.Equal("none", Status(Result(kind, passing, also: findings => findings.Missing("a check of tomorrow", "a check", "a list"))));

    [Fact]
    public void Is_not_affirmed_when_the_policy_asks_for_no_measurement()
    {
        var result = Result(passing: Passing[..^1], also: findings => findings.Skip("snp.15.measurement", "a check", "the policy names none"));
        Assert.Equal((0, 2, "none"), (TrustMap.Of(result)["executables"], TrustMap.Of(result)["hardware"], Status(result)));
    }

    [Fact]
    public void Of_a_machine_the_part_that_misses_an_endorsement_leaves_its_claims_unsaid()
    {
        string[] passing = ["composite.2.bound", .. Passing.Select(id => $"cpu.{id}"), "gpu0.gpu.2.chain", "gpu0.gpu.3", "gpu0.gpu.5", "gpu0.gpu.6", "gpu0.gpu.8.driver", "gpu0.gpu.8.vbios", "gpu0.gpu.9.mode"];
        var vector = TrustMap.Of(Result("composite", passing, also: findings => findings.Missing("gpu0.gpu.4.device", "a check", "a word")));
        Assert.Equal((0, TrustVector.Affirmed), (vector["hardware"], vector["configuration"]));
    }

    [Fact]
    public void Says_which_claim_a_failed_check_counts_against()
    {
        Assert.Equal((97, 2), Claims("snp.8", "instance-identity", "hardware"));
        Assert.Equal((97, 2), Claims("snp.15", "instance-identity", "executables"));
        Assert.Equal((96, 2), Claims("snp.12.smt", "configuration", "hardware"));
        Assert.Equal((96, 2), Claims("snp.15.id-key", "executables", "instance-identity"));
        Assert.Equal((96, 2), Claims("snp.6", "hardware", "configuration"));

        (int, int) Claims(string failing, string one, string other)
        {
            var vector = TrustMap.Of(Result(also: findings => findings.Check(failing, "a check", false)));
            return (vector[one], vector[other]);
        }
    }

    [Fact]
    public void Affirms_nothing_of_a_kind_that_has_no_rows() => Assert.Equal("none", Status(Result("abacus", ["abacus.1"])));

    private static string Status(AttestationResult result)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var claims = Decode(EarToken.Issue(result, TestEar.Claims, key).Split('.')[1]);
        return (string)claims["submods"]![result.Kind]!["ear.status"]!;
    }
}
