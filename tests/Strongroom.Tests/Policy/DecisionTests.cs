using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Policy;

namespace Strongroom.Tests.Policy;

/// <summary>One test for each check of spec/policy.md, "What is judged"; the scene is allowed in every other respect.</summary>
public sealed class DecisionTests
{
    private static readonly Dictionary<string, string> OtherBoot = new() { ["pcr0"] = "aa", ["pcr1"] = "cc" };
    private static readonly ReleaseScene Good = new();

    [Fact]
    public void Allows_what_meets_every_check_and_names_what_it_was_allowed_by()
    {
        var allowed = Assert.IsType<Decision.Allowed>(Good.Decide());
        Assert.Equal("storyteller", allowed.Rule);
        Assert.Equal([1L, 2L], allowed.Approvals.Select(approval => approval.LedgerIndex));
        Assert.Equal(Good.Policy.Digest, allowed.PolicyDigest);
        Assert.Equal("secret", allowed.Memory);
        Assert.True(allowed.CheckTree);
        Assert.False(allowed.Development);
    }

    [Fact]
    public void Never_allows_without_evidence() => Pending(Good with { Evidence = null, Facts = facts => facts with { AskedMemory = null } }, "fresh evidence");

    [Fact]
    public void Denies_under_a_policy_that_is_not_in_force() => Denied(Given(facts => facts with { PolicyDigest = Digest.Of("another"u8) }), "not the policy in force");

    [Fact]
    public void Denies_a_request_whose_opener_left() => Denied(Given(facts => facts with { OpenerActive = false }), "no longer enrolled");

    [Fact]
    public void Denies_a_revoked_request() => Denied(Given(facts => facts with { RequestRevoked = true }), "revoked");

    [Fact]
    public void Denies_an_expired_request() => Denied(Good with { Request = Good.Request with { Expires = ReleaseScene.Noon } }, "expired");

    [Fact]
    public void Denies_a_request_from_the_future() => Denied(Good with { Request = Good.Request with { OpenedAt = ReleaseScene.Noon.AddSeconds(1) } }, "from the future");

    [Fact]
    public void Denies_a_request_that_is_valid_for_too_long() => Denied(Good with { Request = Good.Request with { Expires = ReleaseScene.Noon.AddDays(1) } }, "1 day is the most");

    [Fact]
    public void Denies_an_unknown_model() => Denied(Given(facts => facts with { Model = null }), "not on record");

    [Fact]
    public void Denies_another_model_under_the_same_name() => Denied(Given(facts => facts with { Model = facts.Model! with { Digest = Digest.Of("other"u8) } }), "not what was asked for");

    [Fact]
    public void Denies_a_model_whose_publisher_is_not_trusted() => Denied(Given(facts => facts with { Model = facts.Model! with { PublisherTrusted = false } }), "publisher");

    [Fact]
    public void Denies_a_withdrawn_model() => Denied(Given(facts => facts with { Model = facts.Model! with { Withdrawn = true } }), "withdrawn");

    [Fact]
    public void Denies_a_version_that_a_newer_one_replaced() => Denied(Given(facts => facts with { Model = facts.Model! with { LatestVersion = 3 } }), "not the newest, 3");

    [Fact]
    public void Denies_a_version_older_than_the_rule_says() => Denied(Good with { Rule = Good.Rule with { MinimumVersion = 3 } }, "older than 3");

    [Fact]
    public void Allows_an_older_version_only_where_the_rule_says_so() => Assert.IsType<Decision.Allowed>(
        (Given(facts => facts with { Model = facts.Model! with { LatestVersion = 3 } }) with { Rule = Good.Rule with { MinimumVersion = 2 } }).Decide());

    [Fact]
    public void Denies_a_model_that_no_rule_names() => Denied(Good with { Rule = Good.Rule with { Models = ["other"] } }, "no rule speaks about model storyteller");

    [Fact]
    public void Denies_a_purpose_that_no_rule_names() => Denied(Good with { Rule = Good.Rule with { Purposes = ["evaluation"] } }, "no rule lets model storyteller be used for inference");

    [Fact]
    public void A_rule_for_every_other_model_says_nothing_about_a_model_that_is_named() => Denied(
        Good with { Rule = Good.Rule with { Purposes = ["evaluation"] }, OtherRules = [Good.Rule with { Name = "rest", Models = ["*"] }] },
        "no rule lets model storyteller be used for inference");

    [Fact]
    public void Denies_an_unknown_machine() => Denied(Given(facts => facts with { Machine = null }), "not enrolled");

    [Fact]
    public void Denies_a_retired_machine() => Denied(Given(facts => facts with { Machine = facts.Machine! with { Active = false } }), "retired");

    [Fact]
    public void Denies_evidence_of_another_machine() => Denied(
        Good with { Evidence = ReleaseScene.EvidenceOf(Good.Evidence!.Claims, machine: "machine-2") }, "came from machine-2");

    [Fact]
    public void Denies_evidence_of_a_kind_that_the_machine_was_not_enrolled_with() => Denied(
        Given(facts => facts with { Machine = facts.Machine! with { Kind = "snp" } }), "with snp evidence");

    [Fact]
    public void Denies_a_kind_of_evidence_that_the_rule_does_not_name() => Denied(
        Given(facts => facts with { Machine = facts.Machine! with { Kind = "snp" } }) with { Evidence = ReleaseScene.EvidenceOf(Good.Evidence!.Claims, "snp") },
        "machines with snp evidence may not have the key");

    [Fact]
    public void Denies_development_evidence_that_the_broker_was_not_started_for() => Denied(DevelopmentScene(allowed: false), "proves nothing");

    [Fact]
    public void Marks_what_development_evidence_was_allowed() => Assert.True(Assert.IsType<Decision.Allowed>(DevelopmentScene(allowed: true).Decide()).Development);

    [Fact]
    public void Denies_development_evidence_under_a_rule_for_real_machines() => Denied(
        DevelopmentScene(allowed: true) with { Rule = Good.Rule }, "machines with development evidence may not have the key");

    [Fact]
    public void Denies_stale_evidence() => Denied(
        Good with { Evidence = ReleaseScene.EvidenceOf(Good.Evidence!.Claims, verifiedAt: ReleaseScene.Noon.AddSeconds(-61)) }, "61 seconds old");

    [Fact]
    public void Denies_evidence_from_the_future() => Denied(
        Good with { Evidence = ReleaseScene.EvidenceOf(Good.Evidence!.Claims, verifiedAt: ReleaseScene.Noon.AddSeconds(1)) }, "seconds old");

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Denies_more_or_fewer_starts_in_one_boot_than_the_rule_allows(int starts) => Denied(
        Good with { Evidence = ReleaseScene.EvidenceOf(Good.Evidence!.Claims, starts: starts) }, "since the machine booted");

    [Fact]
    public void Denies_a_changed_boot() => Denied(Good with { Evidence = ReleaseScene.EvidenceOf(OtherBoot) }, "rack-7: differs in pcr1");

    [Fact]
    public void Denies_a_claim_that_no_reference_value_speaks_about() => Denied(
        Good with { Evidence = ReleaseScene.EvidenceOf(new Dictionary<string, string>(Good.Evidence!.Claims) { ["pcr2"] = "dd" }) }, "rack-7: differs in pcr2");

    [Fact]
    public void Denies_a_reference_value_that_the_evidence_says_nothing_about() => Denied(
        References(new ReferenceValues("rack-7", "tpm", new Dictionary<string, string>(Good.Evidence!.Claims) { ["pcr2"] = "*" })), "rack-7: differs in pcr2");

    [Fact]
    public void Denies_by_reference_values_that_are_not_on_record() => Denied(References(), "rack-7: not on record");

    [Fact]
    public void Denies_by_reference_values_that_two_sets_are_called() => Denied(
        References(new ReferenceValues("rack-7", "tpm", Good.Evidence!.Claims), new ReferenceValues("rack-7", "tpm", OtherBoot)), "on record more than once");

    [Fact]
    public void Denies_by_reference_values_for_another_kind() => Denied(References(new ReferenceValues("rack-7", "snp", Good.Evidence!.Claims)), "for snp evidence");

    [Fact]
    public void Denies_by_reference_values_that_compare_nothing() => Denied(
        References(new ReferenceValues("rack-7", "tpm", new Dictionary<string, string> { ["pcr0"] = "*", ["pcr1"] = "*" })), "compares nothing");

    [Fact]
    public void Compares_no_claim_whose_reference_value_is_written_as_any() => Assert.IsType<Decision.Allowed>(
        References(new ReferenceValues("rack-7", "tpm", new Dictionary<string, string> { ["pcr0"] = "aa", ["pcr1"] = "*" })).Decide());

    [Theory]
    [InlineData(">=8", "8", true)]
    [InlineData(">=8", "7", false)]
    [InlineData("7|9", "9", true)]
    [InlineData("7|9", "8", false)]
    public void Compares_a_minimum_and_alternatives(string expected, string found, bool allowed)
    {
        var claims = new Dictionary<string, string>(Good.Evidence!.Claims) { ["pcr1"] = found };
        var measured = Measurement.Of("tpm", claims);
        var scene = References(new ReferenceValues("rack-7", "tpm", new Dictionary<string, string>(claims) { ["pcr1"] = expected })) with
        {
            Evidence = ReleaseScene.EvidenceOf(claims), Request = Good.Request with { Measurement = measured },
        };
        if (allowed) Assert.IsType<Decision.Allowed>(scene.Decide());
        else Denied(scene, $"rack-7: differs in pcr1 ({found}, expected {expected})");
    }

    [Fact]
    public void Denies_by_a_reference_value_that_nobody_can_read() => Denied(
        References(new ReferenceValues("rack-7", "tpm", new Dictionary<string, string>(Good.Evidence!.Claims) { ["pcr1"] = "b*" })), "rack-7: differs in pcr1");

    [Fact]
    public void Is_pending_when_the_machine_boots_otherwise_than_the_request_says_though_as_well_as_before() => Pending(
        References(new ReferenceValues("rack-7", "tpm", OtherBoot)) with { Evidence = ReleaseScene.EvidenceOf(OtherBoot) }, "a request for what machine-1 boots now");

    [Fact]
    public void Denies_locked_memory_unless_it_is_written() => Denied(Given(facts => facts with { AskedMemory = "locked" }), "locked memory may not");

    [Fact]
    public void Denies_an_enclave_that_does_not_say_which_memory() => Denied(Given(facts => facts with { AskedMemory = null }), "did not say which memory");

    [Theory]
    [InlineData(0)]
    [InlineData(3601)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void Denies_a_lease_that_is_too_long_or_none(long seconds) => Denied(Good with { Request = Good.Request with { LeaseSeconds = seconds } }, "1 hour is the most");

    [Fact]
    public void Denies_single_files_unless_the_rule_lists_them() => Denied(Good with { Request = Good.Request with { Files = ["a.safetensors"] } }, "only the whole model");

    [Fact]
    public void Denies_files_that_the_rule_does_not_list() => Denied(Files(["a", "b"], ["a"]), "may not be asked for: b");

    [Fact]
    public void Denies_the_whole_model_where_only_files_are_listed() => Denied(Files(null, ["a"]), "only some of its files");

    [Fact]
    public void Denies_a_request_for_no_file() => Denied(Files([], ["a"]), "no file");

    [Fact]
    public void Allows_listed_files_and_any_where_any_is_written()
    {
        Assert.IsType<Decision.Allowed>(Files(["a"], ["a", "b"]).Decide());
        Assert.IsType<Decision.Allowed>(Files(["c"], ["*"]).Decide());
    }

    [Fact]
    public void One_refusal_ends_the_request_whoever_gave_it_and_whatever_else_changed() => Denied(
        Given(facts => facts with { Approvals = [.. facts.Approvals, Good.Approval(3, "person-x") with { Approves = false, PolicyDigest = Digest.Of("old"u8), PersonActive = false }] }),
        "person-x refused");

    [Fact]
    public void Says_every_reason_and_not_only_the_first()
    {
        var denied = Assert.IsType<Decision.Denied>(Given(facts => facts with { Model = null, Machine = null, OpenerActive = false, AskedMemory = "locked" }).Decide());
        Assert.Equal(4, denied.Reasons.Count);
    }

    [Fact]
    public void Explains_what_each_rule_found()
    {
        var findings = (Good with { OtherRules = [Good.Rule with { Name = "rest", Models = ["*"] }] }).Explain();
        Assert.Contains(findings, finding => finding is { Rule: "rest", Check: "scope", Outcome: FindingOutcome.NotApplicable });
        Assert.Contains(findings, finding => finding is { Rule: "storyteller", Check: "approvals", Outcome: FindingOutcome.Met });
        Assert.DoesNotContain(findings, finding => finding.Outcome is FindingOutcome.Missing or FindingOutcome.Refused);
    }

    [Theory]
    [InlineData("sev-snp")]
    [InlineData("tdx")]
    [InlineData("nitro")]
    public void Tells_of_no_start_that_a_processor_did_not_count(string kind)
    {
        var claims = Good.Evidence!.Claims;
        var tee = Good with
        {
            Rule = Good.Rule with { Machines = [new(kind, ["guest"], 60, 1)] },
            Request = Good.Request with { Measurement = Measurement.Of(kind, claims) },
            Evidence = ReleaseScene.EvidenceOf(claims, kind),
            Facts = facts => facts with { Machine = facts.Machine! with { Kind = kind }, ReferenceValues = [new("guest", kind, claims)] },
        };
        Assert.IsType<Decision.Allowed>(tee.Decide());
        var finding = Assert.Single(tee.Explain(), finding => finding.Check == "starts");
        Assert.Equal((FindingOutcome.NotApplicable, "its processor counts no starts: the enclave that asks is the only one known"), (finding.Outcome, finding.Words));
        foreach (var starts in (int[])[0, 2]) Assert.IsType<Decision.Denied>((tee with { Evidence = ReleaseScene.EvidenceOf(claims, kind, starts: starts) }).Decide());
    }

    private static ReleaseScene Given(Func<ReleaseFacts, ReleaseFacts> facts) => Good with { Facts = facts };

    private static ReleaseScene References(params ReferenceValues[] sets) => Given(facts => facts with { ReferenceValues = sets });

    private static ReleaseScene Files(IReadOnlyList<string>? asked, IReadOnlyList<string>? allowed) =>
        Good with { Request = Good.Request with { Files = asked }, Rule = Good.Rule with { Files = allowed } };

    private static ReleaseScene DevelopmentScene(bool allowed)
    {
        var claims = Good.Evidence!.Claims;
        return Good with
        {
            Rule = Good.Rule with { Machines = [new("development", ["laptop"], 60, 1, DangerDevelopmentEvidence: true)] },
            Request = Good.Request with { Measurement = Measurement.Of("development", claims) },
            Evidence = ReleaseScene.EvidenceOf(claims, "development"),
            Facts = facts => facts with
            {
                Machine = facts.Machine! with { Kind = "development" }, ReferenceValues = [new("laptop", "development", claims)], DevelopmentAllowed = allowed,
            },
        };
    }

    private static void Denied(ReleaseScene scene, string because) =>
        Assert.Contains(Assert.IsType<Decision.Denied>(scene.Decide()).Reasons, reason => reason.Contains(because, StringComparison.Ordinal));

    private static void Pending(ReleaseScene scene, string missing) =>
        Assert.Contains(Assert.IsType<Decision.Pending>(scene.Decide()).Missing, words => words.Contains(missing, StringComparison.Ordinal));
}
