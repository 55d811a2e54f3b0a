using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Ledger;
using Strongroom.Tests.Attestation;
using Strongroom.Tests.Ledger;

namespace Strongroom.Tests.Facts;

/// <summary>Trust changes only with two people, spec/records.md "Changes of trust".</summary>
public sealed class AccessRulesTests
{
    private readonly Town town = Town.Founded();

    [Fact]
    public void A_change_happens_only_when_a_second_administrator_approves()
    {
        var proposal = town.Propose(new AddPublisher("acme", Town.NewKey().PublicKey));
        town.Write(proposal);
        Assert.Empty(town.State.Access.Publishers);
        town.Write(town.Approve(proposal));
        Assert.Equal(["acme"], town.State.Access.Publishers.Keys);
        Assert.Empty(town.State.Access.Proposals);
    }

    [Fact]
    public void Rejects_the_proposer_as_approver()
    {
        var proposal = town.Propose(new SetPolicy(Town.Document(Town.Policy())));
        town.Write(proposal);
        Assert.Contains("a proposal is approved by another person than its proposer", town.Refusals(town.Approve(proposal, by: town.Ada)));
    }

    [Fact]
    public void Rejects_an_approval_of_another_proposal_than_the_one_on_record()
    {
        var proposal = town.Propose(new AddPublisher("acme", Town.NewKey().PublicKey));
        town.Write(proposal);
        Assert.Contains("the signature is for another proposal than the one on record", town.Refusals(town.Approve(proposal) with { ProposalDigest = Digest.Of([]) }));
    }

    [Fact]
    public void Rejects_a_second_approval()
    {
        var proposal = town.Propose(new AddPublisher("acme", Town.NewKey().PublicKey));
        town.Write(proposal);
        town.Write(town.Approve(proposal));
        Assert.Contains($"{Ids.Proposal(proposal)} does not wait for an answer", town.Refusals(town.Approve(proposal)));
    }

    [Fact]
    public void Rejects_an_approval_of_a_proposal_that_everybody_has_forgotten()
    {
        var proposal = town.Propose(new AddPublisher("acme", Town.NewKey().PublicKey));
        town.Write(proposal);
        town.Now = town.Now.AddDays(30);
        Assert.Empty(town.Refusals(town.Approve(proposal)));
        town.Now = town.Now.AddSeconds(1);
        Assert.Contains("the proposal has waited for more than thirty days: propose it again", town.Refusals(town.Approve(proposal)));
    }

    [Fact]
    public void Rejects_an_approval_of_what_was_refused()
    {
        var proposal = town.Propose(new AddPublisher("acme", Town.NewKey().PublicKey));
        town.Write(proposal);
        town.Write(Refuse(proposal));
        Assert.Contains($"{Ids.Proposal(proposal)} does not wait for an answer", town.Refusals(town.Approve(proposal)));
    }

    [Fact]
    public void Rejects_a_refusal_of_a_proposal_by_anybody_but_an_administrator()
    {
        town.Enrol(town.Operator, Groups.Operators);
        var proposal = town.Propose(new AddPublisher("acme", Town.NewKey().PublicKey));
        town.Write(proposal);
        Assert.Equal(["this needs a person of administrators"], town.Refusals(Refuse(proposal) with { By = town.Operator }));
        Assert.Empty(town.Refusals(Refuse(proposal)));
    }

    [Fact]
    public void Rejects_a_refusal_of_another_proposal_than_the_one_on_record()
    {
        var proposal = town.Propose(new AddPublisher("acme", Town.NewKey().PublicKey));
        town.Write(proposal);
        Assert.Equal(["the signature is for another proposal than the one on record"], town.Refusals(Refuse(proposal) with { ProposalDigest = Digest.Of([]) }));
        Assert.NotEmpty(town.Refusals(Refuse(proposal) with { Proposal = "proposal-0" }));
    }

    [Fact]
    public void Rejects_a_proposal_by_anybody_but_an_administrator()
    {
        town.Enrol(town.Operator, Groups.Operators);
        var proposal = town.Propose(new AddPublisher("acme", Town.NewKey().PublicKey), by: town.Operator);
        Assert.Contains("this needs a person of administrators", town.Refusals(proposal));
    }

    [Fact]
    public void Rejects_an_approval_by_anybody_but_an_administrator()
    {
        town.Enrol(town.Operator, Groups.Operators);
        var proposal = town.Propose(new AddPublisher("acme", Town.NewKey().PublicKey));
        town.Write(proposal);
        Assert.Contains("this needs a person of administrators", town.Refusals(town.Approve(proposal, by: town.Operator)));
    }

    [Fact]
    public void Rejects_an_approval_when_the_proposer_is_an_administrator_no_more()
    {
        town.Enrol(town.Owner1, Groups.Administrators);
        var proposal = town.Propose(new AddPublisher("acme", Town.NewKey().PublicKey), by: town.Owner1);
        town.Write(proposal);
        town.Agree(new SetGroups(town.Owner1, []));
        Assert.Contains("the proposer: this needs a person of administrators", town.Refusals(town.Approve(proposal)));
    }

    [Fact]
    public void Rejects_a_key_that_was_recorded_for_another_person()
    {
        var second = town.Propose(new EnrolPerson(Ids.NewPerson(), town.KeyOf(town.Ada).PublicKey, []));
        Assert.Contains(town.Refusals(second), reason => reason.Contains("one key speaks for one person", StringComparison.Ordinal));
    }

    /// <summary>So the rules for approvals may compare people: no state holds two of them with one key.</summary>
    [Fact]
    public void Two_people_with_one_key_cannot_be_folded_whoever_wrote_them_down()
    {
        var second = town.Propose(new EnrolPerson(Ids.NewPerson(), town.KeyOf(town.Ada).PublicKey, [Groups.Administrators]));
        town.Force(second);
        Assert.Throws<LedgerBrokenException>(() => town.Force(town.Approve(second)));
        var genesis = town.FoundedBy(town.Ada, town.Ben);
        var alone = genesis.Founding with { Administrators = [genesis.Founding.Administrators[0], new(town.Ben, town.KeyOf(town.Ada).PublicKey)] };
        Assert.Throws<LedgerBrokenException>(() => LedgerState.Empty.Apply(0, genesis with { Founding = alone }));
    }

    [Fact]
    public void Rejects_a_leavers_key_and_a_leavers_id()
    {
        town.Enrol(town.Operator, Groups.Operators);
        town.Agree(new RemovePerson(town.Operator));
        Assert.NotEmpty(town.Refusals(town.Propose(new EnrolPerson(Ids.NewPerson(), town.KeyOf(town.Operator).PublicKey, []))));
        Assert.NotEmpty(town.Refusals(town.Propose(new EnrolPerson(town.Operator, Town.NewKey().PublicKey, []))));
    }

    [Fact]
    public void Rejects_the_second_of_two_proposals_that_enrol_the_same_key()
    {
        var (first, second) = (Propose(), Propose());
        town.Write(first);
        town.Write(second);
        town.Write(town.Approve(first));
        Assert.Contains(town.Refusals(town.Approve(second)), reason => reason.Contains("one key speaks for one person", StringComparison.Ordinal));

        ProposeChange Propose() => town.Propose(new EnrolPerson(Ids.NewPerson(), town.KeyOf(town.Operator).PublicKey, []));
    }

    [Fact]
    public void Rejects_a_change_that_leaves_one_administrator()
    {
        const string reason = "fewer than two administrators would be left, and nobody could change anything any more";
        Assert.Contains(reason, town.Refusals(town.Propose(new RemovePerson(town.Ben))));
        Assert.Contains(reason, town.Refusals(town.Propose(new SetGroups(town.Ben, [Groups.Operators]))));
        Assert.Contains(reason, town.Refusals(town.Revoke(town.Ben)));
    }

    [Fact]
    public void Rejects_two_leavings_that_together_leave_one_administrator()
    {
        town.Enrol(town.Owner1, Groups.Administrators);
        var (first, second) = (town.Propose(new RemovePerson(town.Owner1)), town.Propose(new RemovePerson(town.Ben)));
        town.Write(first);
        town.Write(second);
        town.Write(town.Approve(first));
        Assert.NotEmpty(town.Refusals(town.Approve(second, by: town.Ben)));
    }

    [Fact]
    public void Rejects_a_policy_that_cannot_be_read() =>
        Assert.Contains(town.Refusals(town.Propose(new SetPolicy(CanonicalDocument.Parse("""{"type":"policy.v9"}"""u8)))), reason => reason.StartsWith("the policy cannot be read", StringComparison.Ordinal));

    [Fact]
    public void Rejects_reference_values_that_compare_nothing() =>
        Assert.NotEmpty(town.Refusals(town.Propose(new SetReference("any", "tpm", new Dictionary<string, string>(), 1))));

    [Fact]
    public void Rejects_reference_values_that_may_all_be_any() => Assert.Equal(
        ["reference values that may all be any compare nothing"],
        town.Refusals(town.Propose(new SetReference("any", "tpm", new Dictionary<string, string> { ["pcr0"] = "*" }, 1))));

    [Theory]
    [InlineData("host_data", "a*")]
    [InlineData("tcb.snp", ">=08")]
    [InlineData("host_data", "")]
    [InlineData("pcr 0", "aa")]
    [InlineData("", "aa")]
    public void Rejects_reference_values_that_could_be_read_in_two_ways(string claim, string value) =>
        Assert.Single(town.Refusals(town.Propose(new SetReference("odd", "sev-snp", new Dictionary<string, string> { [claim] = value, ["measurement"] = "00" }, 1))));

    [Theory]
    [InlineData("sev-snp", "gpu.driver", ">=550", "gpu.driver: >=550 is never so, its values are neither numbers nor days")]
    [InlineData("sev-snp", "measurement", ">=550", "measurement: >=550 is never so, its values are neither numbers nor days")]
    [InlineData("sev-snp", "tcb.snp", ">=2026-01-31", "tcb.snp: >=2026-01-31 is never so, its values are numbers")]
    [InlineData("tdx", "tcb_date", ">=22", "tcb_date: >=22 is never so, its values are days")]
    [InlineData("nitro", "pcr4", "aa", "pcr4 is no claim of nitro evidence")]
    [InlineData("sev-snp", "gpu.17.driver", "550", "gpu.17.driver is no claim of sev-snp evidence")]
    public void Rejects_reference_values_that_no_evidence_could_be_like(string kind, string claim, string value, string why) =>
        Assert.Equal([why], town.Refusals(town.Propose(new SetReference("never", kind, new Dictionary<string, string> { [claim] = value, ["gpus"] = ">=1" }, 1))));

    [Theory]
    [InlineData("tcb.snp", ">=22")]
    [InlineData("gpu.2.count", ">=1")]
    [InlineData("gpu.16.vbios", "96.00.9F.00.01|96.00.9F.00.02")]
    public void Accepts_reference_values_that_evidence_can_be_like(string claim, string value) =>
        Assert.Empty(town.Refusals(town.Propose(new SetReference("good", "sev-snp", new Dictionary<string, string> { [claim] = value, ["tcb.tee"] = "3" }, 1))));

    [Fact]
    public void Rejects_reference_values_of_a_version_that_is_not_higher_even_after_they_were_removed()
    {
        SetReference Version(long version) => new("rack", "development", Town.Boot, version);
        Assert.NotEmpty(town.Refusals(town.Propose(Version(0))));
        town.Agree(Version(5));
        Assert.NotEmpty(town.Refusals(town.Propose(Version(5))));
        town.Agree(new RemoveReference("rack"));
        Assert.Equal(["the version of rack must be higher than 5, the last on record"], town.Refusals(town.Propose(Version(4))));
        Assert.Empty(town.Refusals(town.Propose(Version(6))));
    }

    [Fact]
    public void Rejects_an_approval_of_reference_values_that_a_higher_version_overtook()
    {
        var (old, young) = (town.Propose(new SetReference("rack", "development", Town.Boot, 1)), town.Propose(new SetReference("rack", "development", Town.Boot, 2)));
        town.Write(old);
        town.Write(young);
        town.Write(town.Approve(young));
        Assert.Contains("the version of rack must be higher than 2, the last on record", town.Refusals(town.Approve(old)));
    }

    [Theory]
    [InlineData("two words", "tpm", "the name of reference values has 1 to 64 letters, digits, hyphens, underscores or dots and starts with a letter or digit")]
    [InlineData("good", "sgx", "there is no evidence of the kind sgx")]
    public void Rejects_reference_values_of_no_kind_or_no_name(string name, string kind, string reason) =>
        Assert.Equal([reason], town.Refusals(town.Propose(new SetReference(name, kind, Town.Boot, 1))));

    [Fact]
    public void Rejects_a_root_that_is_no_certificate() =>
        Assert.Contains("the root is no X.509 certificate in DER", town.Refusals(town.Propose(new AddRoot("tpm-ek", new byte[] { 0x30, 0x00 }))));

    [Fact]
    public void Rejects_a_root_of_another_kind_and_one_that_is_on_record()
    {
        using var maker = new TestMaker();
        Assert.Equal(["a root is of the kind tpm-ek"], town.Refusals(town.Propose(new AddRoot("web", maker.Root))));
        town.Agree(new AddRoot("tpm-ek", maker.Root));
        Assert.Equal(["this root is on record"], town.Refusals(town.Propose(new AddRoot("tpm-ek", maker.Root))));
        Assert.Equal(["no such root is on record"], town.Refusals(town.Propose(new RemoveRoot("web", Digest.Of(maker.Root)))));
    }

    [Fact]
    public void Rejects_a_second_key_for_a_publisher_who_is_on_record()
    {
        town.Agree(new AddPublisher("acme", Town.NewKey().PublicKey));
        Assert.Equal(["a publisher named acme is on record"], town.Refusals(town.Propose(new AddPublisher("acme", Town.NewKey().PublicKey))));
    }

    [Fact]
    public void Rejects_removing_what_is_not_there()
    {
        Assert.NotEmpty(town.Refusals(town.Propose(new RemovePublisher("acme"))));
        Assert.NotEmpty(town.Refusals(town.Propose(new RemoveReference("good"))));
        Assert.NotEmpty(town.Refusals(town.Propose(new RemoveRoot("tpm-ek", Digest.Of([])))));
        Assert.NotEmpty(town.Refusals(town.Propose(new RemovePerson(Ids.NewPerson()))));
    }

    [Theory]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData("-x")]
    [InlineData("ünicode")]
    public void Rejects_a_group_that_cannot_be_read_aloud(string group) =>
        Assert.NotEmpty(town.Refusals(town.Propose(new EnrolPerson(Ids.NewPerson(), Town.NewKey().PublicKey, [group]))));

    [Fact]
    public void Rejects_a_group_that_is_named_twice() =>
        Assert.Equal(["a group is named twice"], town.Refusals(town.Propose(new EnrolPerson(Ids.NewPerson(), Town.NewKey().PublicKey, ["owners", "owners"]))));

    [Theory]
    [InlineData("alice")]
    [InlineData("person-0123456789ABCDEF0123456789ABCDEF")]
    [InlineData("machine-0123456789abcdef0123456789abcdef")]
    public void Rejects_a_person_by_another_name_than_a_random_id(string id) =>
        Assert.Contains("a person's id is person- and 32 hexadecimal digits", town.Refusals(town.Propose(new EnrolPerson(id, Town.NewKey().PublicKey, []))));

    [Fact]
    public void Rejects_a_ledger_of_one_administrator()
    {
        var genesis = town.FoundedBy(town.Ada, town.Ben);
        var alone = genesis with { Founding = genesis.Founding with { Administrators = [genesis.Founding.Administrators[0]] }, Signatures = [genesis.Signatures[0]] };
        Assert.Contains("two administrators at least found a ledger", GenesisRules.Refusals(alone));
    }

    [Fact]
    public void Rejects_a_ledger_of_one_person_with_two_names()
    {
        var genesis = town.FoundedBy(town.Ada, town.Ben);
        var twice = genesis.Founding with { Administrators = [genesis.Founding.Administrators[0], new(town.Ben, town.KeyOf(town.Ada).PublicKey)] };
        Assert.Contains("two administrators have the same key", GenesisRules.Refusals(genesis with { Founding = twice }));
    }

    [Fact]
    public void Rejects_a_founder_who_did_not_sign()
    {
        var genesis = town.FoundedBy(town.Ada, town.Ben);
        Assert.Contains($"the signature is not one of {town.Ben}", GenesisRules.Refusals(genesis with { Signatures = [genesis.Signatures[0], genesis.Signatures[0]] }));
    }

    [Fact]
    public void Rejects_a_founding_with_more_or_fewer_signatures_than_founders()
    {
        var genesis = town.FoundedBy(town.Ada, town.Ben);
        foreach (var signatures in new ReadOnlyMemory<byte>[][] { [], [genesis.Signatures[0]], [.. genesis.Signatures, genesis.Signatures[0]] })
            Assert.Equal(["every administrator signs, once"], GenesisRules.Refusals(genesis with { Signatures = signatures }));
    }

    [Fact]
    public void Rejects_a_founding_that_is_spelled_otherwise_or_names_nobody()
    {
        var founding = town.FoundedBy(town.Ada, town.Ben).Founding;
        var (ada, ben) = (founding.Administrators[0], founding.Administrators[1]);
        Assert.Empty(GenesisRules.Refusals(founding));
        Assert.Equal(["danger_development_evidence is true or absent"], GenesisRules.Refusals(founding with { DangerDevelopmentEvidence = false }));
        Assert.Equal(["a person's id is person- and 32 hexadecimal digits"], GenesisRules.Refusals(founding with { Administrators = [ada, ben with { Person = "ben" }] }));
        Assert.Equal(["an administrator is named twice"], GenesisRules.Refusals(founding with { Administrators = [ada, ben with { Person = ada.Person }] }));
        var origin = new string('x', 201);
        Assert.Equal(["a ledger's origin has 200 characters at most"], GenesisRules.Refusals(founding with { Ledger = origin, LedgerKey = $"{TestKeys.Signer(origin).Verifier}" }));
    }

    [Fact]
    public void Rejects_a_ledger_without_a_witness_or_with_keys_that_are_none()
    {
        var genesis = town.FoundedBy(town.Ada, town.Ben);
        Founding[] wrong =
        [
            genesis.Founding with { Witnesses = [] }, genesis.Founding with { Witnesses = ["x"] }, genesis.Founding with { LedgerKey = genesis.Founding.Witnesses[0] },
            genesis.Founding with { Ledger = "example.org/other" }, genesis.Founding with { Witnesses = [.. genesis.Founding.Witnesses, .. genesis.Founding.Witnesses] },
        ];
        Assert.All(wrong, founding => Assert.Contains(
            GenesisRules.Refusals(genesis with { Founding = founding }), reason => reason.StartsWith("the ledger's and the witnesses' keys", StringComparison.Ordinal)));
        Assert.Empty(GenesisRules.Refusals(genesis));
    }

    private RefuseChange Refuse(ProposeChange proposal) => new(Town.Origin, Command.NewId(), town.Ben, town.Now, Ids.Proposal(proposal), proposal.Digest());
}
