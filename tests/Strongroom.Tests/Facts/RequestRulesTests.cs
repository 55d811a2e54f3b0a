using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Facts;

namespace Strongroom.Tests.Facts;

/// <summary>Who may add, ask and approve, spec/records.md "Models", "Machines", "Requests and approvals".</summary>
public sealed class RequestRulesTests
{
    private readonly Town town = Town.Furnished();

    [Fact]
    public void Versions_of_a_model_only_rise()
    {
        Assert.Contains("version 1 of storyteller is on record: versions only rise", town.Refusals(town.AddModel(version: 1)));
        town.Write(town.AddModel(version: 5));
        Assert.NotEmpty(town.Refusals(town.AddModel(version: 4)));
        Assert.Empty(town.Refusals(town.AddModel(version: 6)));
        Assert.Contains("a version is 1 or more", town.Refusals(town.AddModel(version: 6) with { Model = "new-model", Version = 0 }));
    }

    [Fact]
    public void Rejects_a_model_of_a_publisher_who_is_not_on_record()
    {
        town.Agree(new RemovePublisher("acme"));
        Assert.Contains("no publisher named acme is on record", town.Refusals(town.AddModel(version: 2)));
    }

    [Theory]
    [InlineData(""), InlineData("two words"), InlineData("../up"), InlineData(".hidden")]
    public void Rejects_a_model_by_a_name_that_is_none(string name) =>
        Assert.Single(town.Refusals(town.AddModel() with { Model = name }), reason => reason.StartsWith("a model's name has 1 to 64", StringComparison.Ordinal));

    [Fact]
    public void Rejects_a_model_from_anybody_but_publishers_and_operators() =>
        Assert.Contains("this needs a person of publishers or operators", town.Refusals(town.AddModel(version: 2) with { By = town.Owner1 }));

    [Fact]
    public void Rejects_a_version_of_another_publishers_model()
    {
        town.Agree(new AddPublisher("other", Town.NewKey().PublicKey));
        Assert.Equal(
            ["storyteller is published by acme: another publisher's model has another name"], town.Refusals(town.AddModel(version: 2) with { Publisher = "other" }));
        Assert.Empty(town.Refusals(town.AddModel(version: 1) with { Publisher = "other", Model = "another-storyteller" }));
    }

    [Fact]
    public void Rejects_a_version_by_who_came_back_under_the_publishers_name_with_another_key()
    {
        using var thief = Town.NewKey();
        town.Agree(new RemovePublisher("acme"));
        town.Agree(new AddPublisher("acme", thief.PublicKey));
        Assert.Equal(["storyteller was signed by an earlier key of acme: a new key publishes models under new names"], town.Refusals(town.AddModel(version: 2)));
        Assert.Empty(town.Refusals(town.AddModel() with { Model = "another-storyteller" }));
        town.Agree(new RemovePublisher("acme"));
        town.Agree(new AddPublisher("acme", town.Publisher.PublicKey));
        Assert.Empty(town.Refusals(town.AddModel(version: 2)));
    }

    [Fact]
    public void Rejects_a_machine_from_anybody_but_an_operator()
    {
        using var key = Town.NewKey();
        Assert.Contains("this needs a person of operators", town.Refusals(town.EnrolMachine(key) with { By = town.Owner1 }));
    }

    [Fact]
    public void Rejects_retiring_by_anybody_but_an_operator_and_what_is_not_there()
    {
        var retire = new RetireMachine(Town.Origin, Command.NewId(), town.Operator, town.Now, town.Machine);
        Assert.Equal(["this needs a person of operators"], town.Refusals(retire with { By = town.Owner1 }));
        Assert.Equal(["machine-x is not an enrolled machine"], town.Refusals(retire with { Machine = "machine-x" }));
        town.Write(retire);
        Assert.Equal([$"{town.Machine} is not an enrolled machine"], town.Refusals(retire with { Id = Command.NewId() }));
    }

    [Fact]
    public void Rejects_a_development_key_of_small_order()
    {
        var nobodys = new byte[32];
        nobodys[0] = 1;
        var machine = town.EnrolMachine() with { AttestationKey = nobodys, Machine = EnrolledMachine.IdOf(nobodys) };
        Assert.Equal(["an Ed25519 public key of small order is nobody's"], town.Refusals(machine));
    }

    [Fact]
    public void Rejects_a_machine_that_was_enrolled_before_even_if_retired()
    {
        town.Write(new RetireMachine(Town.Origin, Command.NewId(), town.Operator, town.Now, town.Machine));
        Assert.Contains($"{town.Machine} was enrolled before", town.Refusals(town.EnrolMachine()));
    }

    [Fact]
    public void Rejects_a_machine_whose_id_does_not_follow_from_its_key()
    {
        using var key = Town.NewKey();
        var stolen = town.EnrolMachine() with { AttestationKey = key.PublicKey.Span.ToArray() };
        Assert.Contains("the machine's id does not follow from its key", town.Refusals(stolen));
        Assert.NotEmpty(town.Refusals(stolen with { Kind = "tpm" }));
    }

    [Fact]
    public void Rejects_development_evidence_where_the_ledger_was_not_founded_for_it()
    {
        var strict = Town.Founded(development: false);
        strict.Enrol(strict.Operator, Groups.Operators);
        Assert.Contains("this ledger was not founded with --danger-development-evidence", strict.Refusals(strict.EnrolMachine()));
    }

    [Fact]
    public void Rejects_boot_measurements_in_registers_that_anybody_can_reset()
    {
        var tpm = town.EnrolMachine() with { Kind = "tpm", Pcrs = [0, 16], Endorsement = Digest.Of([]) };
        Assert.Contains(town.Refusals(tpm), reason => reason.StartsWith("the boot PCRs are some of 0 to 15", StringComparison.Ordinal));
        Assert.Contains(town.Refusals(tpm with { Pcrs = [7, 0] }), reason => reason.StartsWith("the boot PCRs are some of 0 to 15", StringComparison.Ordinal));
        Assert.Contains("the application PCR is one of 8 to 15 and no boot PCR", town.Refusals(tpm with { Pcrs = [0, 13] }));
        Assert.Contains("the application PCR is one of 8 to 15 and no boot PCR", town.Refusals(tpm with { ApplicationPcr = 23 }));
        Assert.Contains(town.Refusals(tpm with { Intermediates = [Digest.Of([])] }), reason => reason.StartsWith("the certificates between a TPM's", StringComparison.Ordinal));
        Assert.Contains("nobody vouches for development evidence: it has no certificate", town.Refusals(town.EnrolMachine() with { Endorsement = Digest.Of([]) }));
        Assert.Contains("a TPM is enrolled with the digest of its endorsement key's certificate", town.Refusals(tpm with { Endorsement = null }));
    }

    [Fact]
    public void Rejects_a_request_from_anybody_but_operators_and_requesters() =>
        Assert.Contains("this needs a person of operators or requesters", town.Refusals(town.Open(by: town.Owner1)));

    [Fact]
    public void Rejects_a_request_for_what_is_not_on_record()
    {
        Assert.Contains("there is no version 2 of storyteller", town.Refusals(town.Open() with { Version = 2 }));
        Assert.Contains("version 1 of storyteller has another digest", town.Refusals(town.Open() with { ModelDigest = Digest.Of([]) }));
        Assert.Contains("machine-x is not an enrolled machine", town.Refusals(town.Open() with { Machine = "machine-x" }));
    }

    [Fact]
    public void Rejects_a_request_for_a_withdrawn_model()
    {
        town.Write(town.Revoke(Ids.Model("storyteller", 1)));
        Assert.Contains("version 1 of storyteller was withdrawn", town.Refusals(town.Open()));
    }

    [Fact]
    public void Rejects_a_request_for_a_retired_machine()
    {
        town.Write(town.Revoke(town.Machine));
        Assert.Contains($"{town.Machine} is not an enrolled machine", town.Refusals(town.Open()));
    }

    [Fact]
    public void Rejects_a_request_with_impossible_times()
    {
        Assert.Contains("the request would be expired when it is opened", town.Refusals(town.Open() with { Expires = town.Now }));
        Assert.Contains("a request stands for a year at most", town.Refusals(town.Open() with { Expires = town.Now.AddDays(367) }));
        Assert.Contains("a lease has a second at least, and a year at most", town.Refusals(town.Open() with { LeaseSeconds = 0 }));
    }

    [Fact]
    public void Rejects_a_request_for_no_files_or_one_file_twice()
    {
        const string reason = "the files are some, each once, or left out for the whole model";
        Assert.Contains(reason, town.Refusals(town.Open() with { Files = [] }));
        Assert.Contains(reason, town.Refusals(town.Open() with { Files = ["a", "a"] }));
    }

    [Fact]
    public void Rejects_a_request_whose_decision_would_not_fit_into_an_entry() =>
        Assert.Contains(
            town.Refusals(town.Open() with { Files = [.. Enumerable.Range(0, 300).Select(i => $"{i:d100}")] }),
            reason => reason.StartsWith("a request has 24576 bytes at most", StringComparison.Ordinal));

    [Fact]
    public void Rejects_the_opener_as_approver()
    {
        town.Agree(new SetGroups(town.Owner1, ["owners", Groups.Requesters]));
        var request = town.Opened(by: town.Owner1);
        Assert.Contains("nobody approves a request of their own", town.Refusals(town.Approve(town.Owner1, request)));
        Assert.Empty(town.Refusals(town.Approve(town.Owner1, request, Answer.Refuse)));
    }

    [Fact]
    public void Rejects_a_second_approval_by_one_person()
    {
        var request = town.Approved(town.Owner1);
        Assert.Contains("this person has approved the request: nobody approves twice", town.Refusals(town.Approve(town.Owner1, request)));
    }

    [Fact]
    public void Rejects_an_approval_after_ones_own_refusal_and_a_second_refusal()
    {
        var request = town.Opened();
        town.Write(town.Approve(town.Owner1, request, Answer.Refuse));
        const string reason = "this person has refused the request: a refusal stands, a new request may be opened";
        Assert.Contains(reason, town.Refusals(town.Approve(town.Owner1, request)));
        Assert.Contains(reason, town.Refusals(town.Approve(town.Owner1, request, Answer.Refuse)));
    }

    [Fact]
    public void Lets_a_person_refuse_what_they_approved()
    {
        var request = town.Approved(town.Owner1);
        Assert.Empty(town.Refusals(town.Approve(town.Owner1, request, Answer.Refuse)));
    }

    [Fact]
    public void Rejects_a_refusal_by_somebody_whose_word_nobody_asked_for()
    {
        const string reason = "a request is refused by who opened it, by administrators, and by people of the groups whose approval it needs";
        town.Agree(new SetGroups(town.Outsider, [Groups.Publishers, "other-owners"]));
        var request = town.Opened();
        Assert.Equal([reason], town.Refusals(town.Approve(town.Outsider, request, Answer.Refuse)));
        foreach (var person in (string[])[town.Owner1, town.Operator, town.Ada]) Assert.Empty(town.Refusals(town.Approve(person, request, Answer.Refuse)));
        town.Agree(new SetGroups(town.Owner1, []));
        Assert.Equal([reason], town.Refusals(town.Approve(town.Owner1, request, Answer.Refuse)));
    }

    [Fact]
    public void A_refusal_stands_although_its_person_left_the_group()
    {
        var request = town.Approved(town.Owner1, town.Owner2);
        town.Write(town.Approve(town.Owner3, request, Answer.Refuse));
        town.Agree(new SetGroups(town.Owner3, []));
        Assert.Contains($"{town.Owner3} refused: open a new request", town.Ask(request).Record.Reasons!);
    }

    [Theory]
    [InlineData("request", "the answer is signed for another content of the request")]
    [InlineData("policy", "the answer is signed for another policy than the one in force")]
    [InlineData("model", "the answer is signed for another model")]
    [InlineData("machine", "the answer is signed for another machine")]
    [InlineData("measurement", "the answer is signed for another measurement")]
    [InlineData("purpose", "the answer is signed for another purpose")]
    [InlineData("lease", "the answer is signed for another lease")]
    public void Rejects_an_approval_of_anything_but_what_was_asked(string what, string reason)
    {
        var approval = town.Approve(town.Owner1, town.Opened());
        var other = what switch
        {
            "request" => approval with { RequestDigest = Digest.Of([]) },
            "policy" => approval with { PolicyDigest = Digest.Of([]) },
            "model" => approval with { ModelDigest = Digest.Of([]) },
            "machine" => approval with { Machine = "machine-x" },
            "measurement" => approval with { Measurement = Digest.Of([]) },
            "purpose" => approval with { Purpose = "something else" },
            _ => approval with { LeaseSeconds = 7200 },
        };
        Assert.Equal([reason], town.Refusals(other));
    }

    [Fact]
    public void Rejects_an_approval_that_was_signed_for_another_request()
    {
        var (first, second) = (town.Opened(), town.Opened());
        var approval = town.Approve(town.Owner1, first);
        Assert.Contains("the answer is signed for another content of the request", town.Refusals(approval with { Request = second }));
    }

    [Fact]
    public void Rejects_an_approval_that_outlives_its_request_or_is_expired()
    {
        var approval = town.Approve(town.Owner1, town.Opened());
        Assert.Contains("an answer does not outlive its request", town.Refusals(approval with { Expires = approval.Expires.AddSeconds(1) }));
        Assert.Contains("the answer would be expired when it is given", town.Refusals(approval with { Expires = town.Now }));
    }

    [Fact]
    public void Rejects_an_approval_of_an_expired_or_revoked_request()
    {
        var (expired, revoked) = (town.Opened(), town.Opened());
        town.Write(town.Revoke(revoked));
        Assert.Contains("the request was revoked", town.Refusals(town.Approve(town.Owner1, revoked)));
        town.Now = town.Now.AddHours(12);
        Assert.Contains("the request has expired", town.Refusals(town.Approve(town.Owner1, expired)));
    }

    [Fact]
    public void Rejects_an_approval_of_what_was_never_opened()
    {
        var approval = town.Approve(town.Owner1, town.Opened());
        Assert.Equal(["there is no request request-x"], town.Refusals(approval with { Request = "request-x" }));
    }

    [Fact]
    public void Lets_a_person_approve_again_when_the_policy_has_changed()
    {
        var request = town.Approved(town.Owner1);
        town.Agree(new SetPolicy(Town.Document(Town.Policy(leaseSeconds: 7200))));
        Assert.Empty(town.Refusals(town.Approve(town.Owner1, request)));
    }

    [Fact]
    public void Rejects_revoking_what_is_not_there_or_over_already()
    {
        var request = town.Opened();
        Assert.Contains("there is nothing called request-x", town.Refusals(town.Revoke("request-x")));
        town.Write(town.Revoke(request));
        Assert.Contains($"{request} is revoked already", town.Refusals(town.Revoke(request)));
    }

    [Theory]
    [InlineData(""), InlineData("two\nlines"), InlineData("\u202eright to left"), InlineData("\ufeff")]
    public void Rejects_revoking_for_a_reason_that_cannot_be_shown_in_a_line(string reason) =>
        Assert.Single(town.Refusals(town.Revoke(town.Opened()) with { Reason = reason }), refusal => refusal.StartsWith("a reason ", StringComparison.Ordinal));

    [Fact]
    public void Rejects_revoking_by_anybody_but_administrators_operators_and_the_opener()
    {
        var request = town.Opened();
        Assert.Contains("this needs a person of administrators or operators", town.Refusals(town.Revoke(request, by: town.Owner1)));
        Assert.Contains("this needs a person of administrators", town.Refusals(town.Revoke(town.Owner2, by: town.Operator)));
        town.Agree(new SetGroups(town.Outsider, [Groups.Requesters]));
        Assert.Empty(town.Refusals(town.Revoke(town.Opened(by: town.Outsider), by: town.Outsider)));
    }
}
