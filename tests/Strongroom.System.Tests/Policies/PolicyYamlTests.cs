using System.Text;
using Strongroom.Bytes;
using Strongroom.Cli.Policies;

namespace Strongroom.System.Tests.Policies;

/// <summary>spec/policy.md, "The YAML form": what people write, and every way in which it could mean something else.</summary>
public sealed class PolicyYamlTests
{
    private const string Short =
        """
        policy: v1
        rules:
          - name: storyteller
            models: [storyteller]
            purposes: [inference]
            machines:
              - evidence: tpm
                reference_values: [rack-7]
            approvals:
              - group: owners
                people: 2

        """;

    [Fact]
    public void Writes_every_default_out_and_each_is_the_strict_one() => Assert.Equal(
        """
        {"rules":[{"approvals":[{"count":2,"group":"owners"}],"check_tree":true,"machines":[{"evidence":"tpm","maximum_evidence_age_seconds":60,"maximum_starts_per_boot":1,"reference_values":["rack-7"]}],"maximum_approval_seconds":3600,"maximum_lease_seconds":3600,"maximum_request_seconds":86400,"memory":["secret"],"models":["storyteller"],"name":"storyteller","purposes":["inference"]}],"type":"policy.v1"}
        """,
        Encoding.UTF8.GetString(PolicyYaml.Parse(Encoding.UTF8.GetBytes(Short)).Canonical.Span));

    [Theory]
    [InlineData(new[] { "locked", "secret" }, "sev-snp", "tdx", "nitro")]
    [InlineData(new[] { "locked", "secret" }, "nitro")]
    [InlineData(new[] { "secret" }, "sev-snp", "tpm")]
    public void Memory_that_is_left_out_is_what_enclaves_of_all_its_machines_take_by_themselves(string[] expected, params string[] evidence)
    {
        var machines = string.Concat(evidence.Select(kind => $"      - evidence: {kind}\n        reference_values: [rack-7]\n"));
        var policy = PolicyYaml.Parse(Encoding.UTF8.GetBytes(Short.Replace("      - evidence: tpm\n        reference_values: [rack-7]\n", machines, StringComparison.Ordinal)));
        Assert.Equal(evidence.Length, policy.Rules[0].Machines.Count);
        Assert.Equal(expected, policy.Rules[0].Memory);
        Assert.Contains(policy.Sentences, sentence => sentence.Contains($"held in {string.Join(" or ", expected)} memory", StringComparison.Ordinal));
    }

    [Fact]
    public void Reads_the_canonical_json_that_it_wrote()
    {
        var policy = PolicyYaml.Parse(Encoding.UTF8.GetBytes(Short));
        Assert.Equal(policy.Digest, PolicyYaml.Parse(policy.Canonical.Span).Digest);
    }

    [Fact]
    public void A_strict_policy_has_no_warning() =>
        Assert.Empty(PolicyYaml.Parse(Encoding.UTF8.GetBytes(Short + "      - group: security\n        people: 1\n")).Warnings);

    [Fact]
    public void Warns_when_one_group_gives_every_approval() => Assert.Contains("group owners alone", Assert.Single(PolicyYaml.Parse(Encoding.UTF8.GetBytes(Short)).Warnings), StringComparison.Ordinal);

    [Theory]
    [InlineData("purposes:", "purpose:", "line 5, column 5: purpose is not known here; a rule has name, models")]
    [InlineData("group: owners", "groups: owners", "line 10, column 9: groups is not known here; an approval clause has group, people")]
    [InlineData("    models: [storyteller]\n", "", "line 3, column 5: a rule needs models")]
    [InlineData("    purposes: [inference]", "    purposes: [inference]\n    purposes: [evaluation]", "line 6, column 5: purposes stands already in line 5")]
    [InlineData("[inference]", "&p [inference]", "an anchor (&p)")]
    [InlineData("[inference]", "*p", "an alias (*name)")]
    [InlineData("[inference]", "!!set [inference]", "a tag (")]
    [InlineData("[inference]", "[!secret inference]", "a tag (")]
    [InlineData("    purposes:", "    <<: {}\n    purposes:", "<< is not known here")]
    [InlineData("    purposes:", "    ? [a]\n    : b\n    purposes:", "a key must be a word")]
    [InlineData("[inference]", "[no]", "line 5, column 16: no means true, false or nothing to some readers: write \"no\"")]
    [InlineData("[inference]", "[On]", "On means true")]
    [InlineData("[inference]", "[~]", "~ means true")]
    [InlineData("[inference]", "[null]", "null means true")]
    [InlineData("[inference]", "", "a list is needed here")]
    [InlineData("[inference]", "inference", "a list is needed here")]
    [InlineData("[inference]", "[[inference]]", "one word is needed here")]
    [InlineData("people: 2", "people: two", "a whole number")]
    [InlineData("people: 2", "people: 02", "a whole number")]
    [InlineData("people: 2", "people: 2.0", "a whole number")]
    [InlineData("people: 2", "people: '2'", "a whole number")]
    [InlineData("people: 2", "people: 1_0", "a whole number")]
    [InlineData("people: 2", "people: -2", "a whole number")]
    [InlineData("people: 2", "people: 0", "a whole number")]
    [InlineData("people: 2", "people: 99999999999999999999", "a whole number")]
    [InlineData("people: 2", "people: 2\n    maximum_lease: 8", "a length of time")]
    [InlineData("people: 2", "people: 2\n    maximum_lease: 8h", "a length of time")]
    [InlineData("people: 2", "people: 2\n    maximum_lease: 1:30", "a length of time")]
    [InlineData("people: 2", "people: 2\n    maximum_lease: 367 days", "366 days at most")]
    [InlineData("people: 2", "people: 2\n    check_tree: yes", "true or false is needed here")]
    [InlineData("people: 2", "people: 2\n    check_tree: True", "true or false is needed here")]
    [InlineData("people: 2", "people: 2\n    check_tree: 'true'", "true or false is needed here")]
    [InlineData("people: 2", "people: 2\n    danger_development_evidence: true", "danger_development_evidence is not known here; a rule has")]
    [InlineData("evidence: tpm", "evidence: development", "line 3, column 5: policy: rule \"storyteller\": danger_development_evidence")]
    [InlineData("policy: v1", "policy: v2", "policy must be v1")]
    [InlineData("policy: v1\n", "", "the policy needs policy")]
    [InlineData("people: 2\n", "people: 2\n---\npolicy: v1\n", "a second document")]
    [InlineData("people: 2\n", "people: 2\n\tx: y\n", "line 11")]
    public void Refuses_with_the_line_what_could_mean_something_else(string from, string to, string because)
    {
        Assert.Contains(from, Short, StringComparison.Ordinal);
        Assert.Contains(because, Refusal(Short.Replace(from, to, StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_quoted_no_is_the_word() =>
        Assert.Equal(["no"], PolicyYaml.Parse(Encoding.UTF8.GetBytes(Short.Replace("[inference]", "[\"no\"]", StringComparison.Ordinal))).Rules[0].Purposes);

    [Fact]
    public void Numbers_and_dates_stay_the_letters_that_they_are() => Assert.Equal(
        ["1.0", "0x10", "2026-01-31", "1e3"],
        PolicyYaml.Parse(Encoding.UTF8.GetBytes(Short.Replace("[inference]", "[1.0, 0x10, 2026-01-31, 1e3]", StringComparison.Ordinal))).Rules[0].Purposes);

    [Theory]
    [InlineData("")]
    [InlineData("# only a comment\n")]
    [InlineData("just words")]
    [InlineData("- a\n- list\n")]
    [InlineData("policy: {v1\n")]
    [InlineData("{")]
    [InlineData("\0")]
    public void Refuses_what_is_no_policy(string text) => Assert.NotEmpty(Refusal(text));

    [Fact]
    public void Refuses_bytes_that_are_not_utf8() => Assert.Throws<MalformedException>(() => PolicyYaml.Parse([(byte)'p', 0xff, 0xfe]));

    [Fact]
    public void Refuses_a_bomb_of_brackets() => Assert.Contains("nested too deeply", Refusal(new string('[', 100_000)), StringComparison.Ordinal);

    [Fact]
    public void Refuses_a_policy_cut_off_anywhere_or_reads_it_whole()
    {
        var bytes = Encoding.UTF8.GetBytes(Short.TrimEnd());
        for (var length = 0; length < bytes.Length; length++)
        {
            var cut = bytes.AsMemory(0, length);
            Assert.Throws<MalformedException>(() => PolicyYaml.Parse(cut.Span));
        }
    }

    private static string Refusal(string text) => Assert.Throws<MalformedException>(() => PolicyYaml.Parse(Encoding.UTF8.GetBytes(text))).Message;
}
