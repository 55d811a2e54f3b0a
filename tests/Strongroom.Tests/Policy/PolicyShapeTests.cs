using System.Text;
using Strongroom.Bytes;
using Strongroom.Policy;

namespace Strongroom.Tests.Policy;

/// <summary>spec/policy.md, "What is refused": a policy that can be read in two ways is not read at all.</summary>
public sealed class PolicyShapeTests
{
    private static readonly PolicyRule Rule = new ReleaseScene().Rule;

    [Fact]
    public void Reads_back_what_was_written_to_the_byte()
    {
        var policy = ReleasePolicy.From([Rule with { MinimumVersion = 1, Files = ["a", "b"] }]);
        var again = ReleasePolicy.Parse(policy.Canonical.Span);
        Assert.Equal(policy.Digest, again.Digest);
        Assert.True(policy.Canonical.Span.SequenceEqual(again.Canonical.Span));
    }

    [Theory]
    [InlineData("\"check_tree\":true", "\"check_tree\":true,\"check_trees\":true", "unknown member")]
    [InlineData("\"check_tree\":true,", "", "missing member")]
    [InlineData("\"check_tree\":true", "\"check_tree\":true,\"check_tree\":true", "repeated member")]
    [InlineData("\"check_tree\":true", "\"check_tree\":\"true\"", "wrong type")]
    [InlineData("\"check_tree\":true", "\"check_tree\": true", "not canonical")]
    [InlineData("\"type\":\"policy.v1\"", "\"type\":\"policy.v2\"", "another version")]
    [InlineData("\"purposes\":[\"inference\"]", "\"purposes\":[null]", "null in a list")]
    [InlineData("\"purposes\":[\"inference\"]", "\"purposes\":null", "null for a list")]
    [InlineData("[{\"approvals\"", "[null,{\"approvals\"", "null for a rule")]
    public void Refuses_json_that_differs_in_anything(string from, string to, string why)
    {
        var text = Encoding.UTF8.GetString(ReleasePolicy.From([Rule]).Canonical.Span);
        Assert.Contains(from, text, StringComparison.Ordinal);
        _ = why;
        Assert.Throws<MalformedException>(() => ReleasePolicy.Parse(Encoding.UTF8.GetBytes(text.Replace(from, to, StringComparison.Ordinal))));
    }

    [Fact]
    public void Refuses_a_policy_cut_off_anywhere()
    {
        var bytes = ReleasePolicy.From([Rule]).Canonical.ToArray();
        for (var length = 0; length < bytes.Length; length++) Assert.Throws<MalformedException>(() => ReleasePolicy.Parse(bytes.AsSpan(0, length)));
    }

    public static TheoryData<string, Func<PolicyRule, PolicyRule>> Shapeless => new()
    {
        { "must list 1 to", rule => rule with { Models = [] } },
        { "must list 1 to", rule => rule with { Approvals = [] } },
        { "must list 1 to", rule => rule with { Machines = [] } },
        { "must list 1 to", rule => rule with { Memory = [] } },
        { "must list 1 to", rule => rule with { Purposes = [] } },
        { "must list 1 to", rule => rule with { Files = [] } },
        { "must list 1 to", rule => rule with { Machines = [rule.Machines[0] with { ReferenceValues = [] }] } },
        { "a name has", rule => rule with { Models = ["*", "storyteller"] } },
        { "a name has", rule => rule with { Models = ["story*"] } },
        { "a name has", rule => rule with { Models = ["storyteller\u202e"] } },
        { "a name has", rule => rule with { Name = "line\nbreak" } },
        { "a name has", rule => rule with { Name = "" } },
        { "a name has", rule => rule with { Machines = [rule.Machines[0] with { ReferenceValues = ["*"] }] } },
        { "a name has", rule => rule with { Approvals = [new("*", 1)] } },
        { "name twice", rule => rule with { Models = ["a", "a"] } },
        { "is no kind of memory", rule => rule with { Memory = ["ordinary"] } },
        { "is no kind of evidence", rule => rule with { Machines = [rule.Machines[0] with { Evidence = "any" }] } },
        { "two clauses for machines", rule => rule with { Machines = [rule.Machines[0], rule.Machines[0]] } },
        { "danger_development_evidence", rule => rule with { Machines = [rule.Machines[0] with { Evidence = "development" }] } },
        { "danger_development_evidence", rule => rule with { Machines = [rule.Machines[0] with { DangerDevelopmentEvidence = true }] } },
        { "danger_development_evidence", rule => rule with { Machines = [rule.Machines[0] with { DangerDevelopmentEvidence = false }] } },
        { "danger_kbs_guests is true or absent", rule => rule with { CheckTree = false, Machines = [rule.Machines[0] with { DangerKbsGuests = true }] } },
        { "danger_kbs_guests is true or absent", rule => rule with { CheckTree = false, Machines = [rule.Machines[0] with { Evidence = "nitro", DangerKbsGuests = true }] } },
        { "danger_kbs_guests is true or absent", rule => rule with { CheckTree = false, Machines = [rule.Machines[0] with { Evidence = "sev-snp", DangerKbsGuests = false }] } },
        { "danger_kbs_guests belongs to check_tree: false", rule => rule with { Machines = [rule.Machines[0] with { Evidence = "sev-snp", DangerKbsGuests = true }] } },
        { "maximum_evidence_age_seconds must be", rule => rule with { Machines = [rule.Machines[0] with { MaximumEvidenceAgeSeconds = 0 }] } },
        { "maximum_starts_per_boot must be 1 for tdx", rule => rule with { Machines = [rule.Machines[0] with { Evidence = "tdx", MaximumStartsPerBoot = 2 }] } },
        { "maximum_starts_per_boot must be", rule => rule with { Machines = [rule.Machines[0] with { MaximumStartsPerBoot = 0 }] } },
        { "maximum_lease_seconds must be", rule => rule with { MaximumLeaseSeconds = 0 } },
        { "maximum_request_seconds must be", rule => rule with { MaximumRequestSeconds = -1 } },
        { "maximum_approval_seconds must be", rule => rule with { MaximumApprovalSeconds = 367L * 86_400 } },
        { "minimum_version must be", rule => rule with { MinimumVersion = 0 } },
        { "count must be", rule => rule with { Approvals = [new("owners", 0)] } },
        { "approvals name twice", rule => rule with { Approvals = [new("owners", 1), new("owners", 1)] } },
        { "more than 20 people", rule => rule with { Approvals = [new("owners", 19), new("security", 2)] } },
    };

    [Theory]
    [MemberData(nameof(Shapeless))]
    public void Refuses_a_rule_without_a_meaning(string because, Func<PolicyRule, PolicyRule> spoil) =>
        Assert.Contains(because, Assert.Throws<MalformedException>(() => ReleasePolicy.From([spoil(Rule)])).Message, StringComparison.Ordinal);

    [Fact]
    public void Refuses_two_rules_for_the_same_model_and_purpose()
    {
        Refuses([Rule, Rule with { Name = "again" }]);
        Refuses([Rule, Rule with { Name = "again", Purposes = ["*"] }]);
        Refuses([Rule with { Models = ["*"] }, Rule with { Name = "again", Models = ["*"], Purposes = ["evaluation", "inference"] }]);
        Assert.Equal(2, ReleasePolicy.From([Rule, Rule with { Name = "evaluation", Purposes = ["evaluation"] }]).Rules.Count);

        static void Refuses(PolicyRule[] rules) =>
            Assert.Contains("same model and purpose", Assert.Throws<MalformedException>(() => ReleasePolicy.From(rules)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_two_rules_of_one_name() => Assert.Throws<MalformedException>(() => ReleasePolicy.From([Rule, Rule with { Models = ["other"] }]));

    [Fact]
    public void Says_a_policy_back_in_sentences() => Assert.Equal(
        [
            "Rule \"storyteller\": the key of model storyteller, newest version only, may be released for inference.",
            "  It is released for the whole model or not at all.",
            "  The machine proves itself with a TPM 2.0 quote, verified at most 1 minute ago, equal to the reference values rack-7, and has started an enclave at most once since it booted.",
            "  Before that, 1 person of group owners and 1 person of group security have approved, all of them different; who asks never approves, and one refusal ends the request.",
            "  A request is valid for at most 1 day, an approval for at most 2 hours, and each approval for one release.",
            "  The key is held in secret memory, for a lease of at most 1 hour before fresh evidence renews it.",
            "  The enclave checks the sealed files against the manifest's tree before it uses them.",
            "Whatever no rule allows is refused.",
        ],
        ReleasePolicy.From([Rule]).Sentences);

    [Theory]
    [InlineData("sev-snp", "an AMD SEV-SNP report")]
    [InlineData("tdx", "an Intel TDX quote")]
    [InlineData("nitro", "an AWS Nitro attestation document")]
    public void Says_of_a_tee_what_it_proves_and_nothing_of_starts(string kind, string words)
    {
        var policy = ReleasePolicy.From([Rule with { Machines = [Rule.Machines[0] with { Evidence = kind, MaximumStartsPerBoot = 1 }] }]);
        var sentence = Assert.Single(policy.Sentences, each => each.Contains(words, StringComparison.Ordinal));
        Assert.DoesNotContain("started an enclave", sentence, StringComparison.Ordinal);
        Assert.Empty(policy.Warnings);
    }

    [Fact]
    public void Warns_of_nothing_in_a_strict_policy() => Assert.Empty(ReleasePolicy.From([Rule]).Warnings);

    public static TheoryData<string, Func<PolicyRule, PolicyRule>> Holes => new()
    {
        { "one person alone", rule => rule with { Approvals = [new("owners", 1)] } },
        { "group owners alone gives every approval", rule => rule with { Approvals = [new("owners", 2)] } },
        { "models that do not exist yet", rule => rule with { Models = ["*"] } },
        { "any purpose", rule => rule with { Purposes = ["*"] } },
        { "a newer one replaced", rule => rule with { MinimumVersion = 1 } },
        { "any selection of files", rule => rule with { Files = ["*"] } },
        { "it takes a TPM in the place of a TEE", rule => rule with { Machines = [rule.Machines[0], rule.Machines[0] with { Evidence = "nitro" }] } },
        { "locked memory", rule => rule with { Memory = ["secret", "locked"] } },
        { "check_tree", rule => rule with { CheckTree = false } },
        { "cut off keeps the key for up to 2 days", rule => rule with { MaximumLeaseSeconds = 2 * 86_400 } },
        { "can be used in 8 days", rule => rule with { MaximumApprovalSeconds = 8 * 86_400 } },
        { "can be used in 31 days", rule => rule with { MaximumRequestSeconds = 31 * 86_400 } },
        { "proves nothing", rule => rule with { Machines = [rule.Machines[0] with { Evidence = "development", DangerDevelopmentEvidence = true }] } },
        { "2 enclaves may start", rule => rule with { Machines = [rule.Machines[0] with { MaximumStartsPerBoot = 2 }] } },
        { "10 minutes old", rule => rule with { Machines = [rule.Machines[0] with { MaximumEvidenceAgeSeconds = 600 }] } },
    };

    [Theory]
    [MemberData(nameof(Holes))]
    public void Warns_of_each_hole(string words, Func<PolicyRule, PolicyRule> open) =>
        Assert.Contains(words, Assert.Single(ReleasePolicy.From([open(Rule)]).Warnings), StringComparison.Ordinal);

    [Fact]
    public void Warns_of_locked_memory_only_where_no_processor_encrypts_it()
    {
        var encrypted = Rule with { Memory = ["locked", "secret"], Machines = [Rule.Machines[0] with { Evidence = "tdx", MaximumStartsPerBoot = 1 }] };
        Assert.Empty(ReleasePolicy.From([encrypted]).Warnings);
        Assert.Contains(ReleasePolicy.From([encrypted with { Machines = [.. encrypted.Machines, .. Rule.Machines] }]).Warnings, warning => warning.Contains("locked memory", StringComparison.Ordinal));
    }

    [Fact]
    public void Warns_of_guests_that_check_no_proof_and_says_so_in_the_policys_words()
    {
        var policy = ReleasePolicy.From([Rule with { CheckTree = false, Machines = [Rule.Machines[0] with { Evidence = "tdx", DangerKbsGuests = true }] }]);
        Assert.Contains(policy.Warnings, warning => warning.Contains("KBS guests check no proof", StringComparison.Ordinal));
        Assert.Contains(policy.Sentences, sentence => sentence.Contains("DANGER: a KBS guest may have the key", StringComparison.Ordinal));
    }

    [Fact]
    public void Warns_of_a_rule_that_the_people_enrolled_cannot_meet() => Assert.Equal(
        ["rule \"storyteller\": nobody can meet it: group security lacks 1 person, all of them different"],
        ReleasePolicy.From([Rule]).WarningsAmong([["owners"], ["owners"], ["operators"]]));

    [Fact]
    public void Warns_of_two_groups_that_are_the_same_people() => Assert.Equal(
        ["rule \"storyteller\": groups owners and security are the same people: they are one group by two names"],
        ReleasePolicy.From([Rule]).WarningsAmong([["owners", "security"], ["security", "owners"], ["operators"]]));

    [Fact]
    public void Warns_of_nothing_where_different_people_are_in_different_groups() =>
        Assert.Empty(ReleasePolicy.From([Rule]).WarningsAmong([["owners"], ["security"], ["owners", "security"]]));
}
