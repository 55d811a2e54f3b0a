using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;

namespace Strongroom.Tests.Facts;

/// <summary>What every command must meet, spec/records.md "Every command".</summary>
public sealed class CommandRulesTests
{
    private readonly Town town = Town.Furnished();

    [Fact]
    public void Accepts_what_an_enrolled_person_signed() => Assert.Empty(town.Refusals(town.Open()));

    [Fact]
    public void Rejects_another_persons_signature() =>
        Assert.Contains($"the signature is not one of {town.Operator} for this command", town.Refusals(town.Open(), town.KeyOf(town.Owner1)));

    [Fact]
    public void Rejects_a_signature_of_another_command()
    {
        var signed = SignedCommand.Sign(town.Open(), town.KeyOf(town.Operator));
        var other = signed with { Command = (OpenRequest)signed.Command with { Purpose = "steal stories" } };
        Assert.Contains(town.State.Refusals(other, town.Now), reason => reason.StartsWith("the signature is not one of", StringComparison.Ordinal));
    }

    [Fact]
    public void Rejects_a_signature_without_the_domain_label()
    {
        var command = town.Open();
        var bare = new SignedCommand(command, town.KeyOf(town.Operator).Sign(command.ToBytes()));
        Assert.Contains(town.State.Refusals(bare, town.Now), reason => reason.StartsWith("the signature is not one of", StringComparison.Ordinal));
    }

    [Fact]
    public void Rejects_a_command_for_another_ledger() =>
        Assert.Contains(town.Refusals(town.Open() with { Ledger = "example.com/other" }), reason => reason.StartsWith("the command is meant for the ledger", StringComparison.Ordinal));

    [Fact]
    public void Rejects_a_command_that_was_written_before()
    {
        var command = town.Open();
        town.Write(command);
        Assert.Contains("a command with this id is in the ledger: each is written once", town.Refusals(command));
    }

    [Fact]
    public void Rejects_a_command_that_was_refused_before()
    {
        var command = town.Open(by: town.Owner1);
        town.Refuse(command);
        town.Agree(new SetGroups(town.Owner1, ["owners", Groups.Requesters]));
        Assert.Equal(["a command with this id is in the ledger: each is written once"], town.Refusals(command));
    }

    [Fact]
    public void Records_no_refusal_that_anybody_could_bring_about()
    {
        var (theirs, stranger) = (town.Open(by: town.Owner1), Ids.NewPerson());
        Assert.NotNull(Refused(theirs, town.Owner1));
        Assert.Null(Refused(theirs, town.Owner2));
        Assert.Null(Refused(theirs with { By = stranger }, town.Owner1));
        Assert.Null(Refused(theirs with { At = town.Now.AddSeconds(-301) }, town.Owner1));
        Assert.Null(Refused(theirs with { Ledger = "other" }, town.Owner1));
        Assert.Null(Refused(town.Open(), town.Operator)); // nothing to refuse
        town.Refuse(theirs);
        Assert.Null(Refused(theirs, town.Owner1));

        CommandRefused? Refused(Command command, string signer) => CommandRefused.Of(town.State, SignedCommand.Sign(command, town.KeyOf(signer)), town.Now);
    }

    [Fact]
    public void Rejects_a_command_id_that_is_none() =>
        Assert.Contains("a command's id has 32 lower-case hexadecimal digits", town.Refusals(town.Open() with { Id = "1" }));

    [Theory]
    [InlineData(-301)]
    [InlineData(301)]
    public void Rejects_a_clock_more_than_five_minutes_off(int seconds) =>
        Assert.Contains(town.Refusals(town.Open() with { At = town.Now.AddSeconds(seconds) }), reason => reason.Contains("more than five minutes", StringComparison.Ordinal));

    [Theory]
    [InlineData(-300)]
    [InlineData(300)]
    public void Accepts_a_clock_five_minutes_off(int seconds) => Assert.Empty(town.Refusals(town.Open() with { At = town.Now.AddSeconds(seconds) }));

    [Fact]
    public void Rejects_a_person_who_was_never_enrolled()
    {
        using var key = Town.NewKey();
        var stranger = Ids.NewPerson();
        Assert.Contains($"{stranger} is not an enrolled person", town.Refusals(town.Open() with { By = stranger }, key));
    }

    [Fact]
    public void Rejects_a_person_who_has_left()
    {
        town.Agree(new RemovePerson(town.Operator));
        Assert.Contains($"{town.Operator} is not an enrolled person", town.Refusals(town.Open()));
    }

    [Fact]
    public void Rejects_a_person_who_was_revoked()
    {
        town.Write(town.Revoke(town.Operator));
        Assert.Contains($"{town.Operator} is not an enrolled person", town.Refusals(town.Open()));
    }

    [Fact]
    public void Gives_every_reason_at_once()
    {
        var reasons = town.Refusals(town.Open() with { Ledger = "x", Id = "x", Purpose = "", Version = 9 }, town.KeyOf(town.Ada));
        Assert.Equal(5, reasons.Count);
    }

    [Fact]
    public void Rejects_everything_before_the_first_record() =>
        Assert.Equal(["the ledger has no first record yet"], LedgerState.Empty.Refusals(SignedCommand.Sign(town.Open(), town.KeyOf(town.Operator)), town.Now));

    [Theory]
    [InlineData("a\nb")]
    [InlineData("a\u202eb")]
    [InlineData("a\u200bb")]
    [InlineData("")]
    public void Rejects_a_purpose_that_does_not_look_like_what_it_is(string purpose) =>
        Assert.Contains(town.Refusals(town.Open() with { Purpose = purpose }), reason => reason.StartsWith("a purpose", StringComparison.Ordinal));

    [Fact]
    public void Words_do_not_say_that_removing_a_root_removes_its_machines()
    {
        var words = string.Join("\n", CommandWords.Say(town.Propose(new RemoveRoot("tpm-ek", Digest.Of([])))));
        Assert.Contains("no longer vouch for new machines", words, StringComparison.Ordinal);
        Assert.Contains("Machines enrolled on it stay", words, StringComparison.Ordinal);
    }

    [Fact]
    public void Words_say_every_value_that_an_approval_signs()
    {
        var approval = town.Approve(town.Owner1, town.Opened());
        var words = string.Join("\n", CommandWords.Say(approval));
        string[] values =
        [
            approval.Request, $"{approval.RequestDigest}", $"{approval.PolicyDigest}", $"{approval.ModelDigest}", approval.Machine, $"{approval.Measurement}",
            approval.Purpose, "1 hour", Timestamp.Format(approval.Expires), approval.By, Town.Origin,
        ];
        Assert.All(values, value => Assert.Contains(value, words, StringComparison.Ordinal));
        Assert.Contains("REFUSE", string.Join("\n", CommandWords.Say(approval with { Decision = Answer.Refuse })), StringComparison.Ordinal);
    }
}
