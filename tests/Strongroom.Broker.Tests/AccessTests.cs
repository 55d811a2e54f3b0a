using System.Net;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Tests;

/// <summary>Who may write: signed by an enrolled person, once, now, with a role; and what defines trust by two.</summary>
public sealed class AccessTests : IAsyncLifetime
{
    private TestBroker broker = null!;

    public async ValueTask InitializeAsync() => broker = await TestBroker.StartAsync();

    public ValueTask DisposeAsync() => broker.DisposeAsync();

    [Fact]
    public async Task Two_administrators_change_who_may_do_what()
    {
        var person = await broker.EnrolAsync(Groups.Operators);
        Assert.True(broker.State.Access.ActivePerson(person.Id)!.IsIn(Groups.Operators));
    }

    [Fact]
    public async Task One_person_alone_changes_nothing()
    {
        var propose = broker.Propose(broker.Ada, new EnrolPerson(Ids.NewPerson(), new TestPerson().Key.PublicKey, [Groups.Administrators]));
        var reply = await TestBroker.MustAsync(HttpStatusCode.Accepted, await broker.SendAsync(broker.Ada.Sign(propose)), ProtocolJson.Default.CommandReply);
        Assert.NotEmpty(reply.Missing!);
        var reasons = await TestBroker.RefusedAsync("refused", await broker.SendAsync(broker.Ada.Sign(broker.Approve(broker.Ada, propose))));
        Assert.Contains("another person", reasons, StringComparison.Ordinal);
        Assert.Equal(2, broker.State.Access.People.Count);
    }

    [Fact]
    public async Task An_operator_does_not_change_trust()
    {
        var operatorOnly = await broker.EnrolAsync(Groups.Operators);
        var propose = broker.Propose(operatorOnly, new RemovePerson(broker.Ben.Id));
        Assert.Contains("administrators", await TestBroker.RefusedAsync("refused", await broker.SendAsync(operatorOnly.Sign(propose))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_of_an_enrolled_person_is_in_the_ledger_once()
    {
        var operatorOnly = await broker.EnrolAsync(Groups.Operators);
        var signed = operatorOnly.Sign(broker.Propose(operatorOnly, new RemovePerson(broker.Ben.Id)));
        await TestBroker.RefusedAsync("refused", await broker.SendAsync(signed));
        var refused = Assert.IsType<CommandRefused>(await broker.EntryAsync(broker.State.Size - 1));
        Assert.Equal((signed.Command.Id, operatorOnly.Id), (refused.Command.Id, refused.Command.By));
        Assert.Contains(refused.Reasons, reason => reason.Contains("administrators", StringComparison.Ordinal));
        var size = broker.State.Size;
        await TestBroker.RefusedAsync("refused", await broker.SendAsync(signed)); // now anybody can read it in the ledger and send it again
        Assert.Equal(size, broker.State.Size);
    }

    [Fact]
    public async Task A_refusal_of_a_stranger_is_not_in_the_ledger()
    {
        var size = broker.State.Size;
        var stranger = new TestPerson();
        await TestBroker.RefusedAsync("refused", await broker.SendAsync(stranger.Sign(broker.Propose(broker.Ada, new RemovePerson(broker.Ben.Id)))));
        await TestBroker.RefusedAsync("refused", await broker.SendAsync(stranger.Sign(broker.Propose(stranger, new RemovePerson(broker.Ben.Id)))));
        Assert.Equal(size, broker.State.Size);
    }

    [Fact]
    public async Task A_person_who_is_refused_over_and_over_cannot_fill_the_ledger()
    {
        var operatorOnly = await broker.EnrolAsync(Groups.Operators);
        var size = broker.State.Size;
        for (var i = 0; i < RefusalsState.PerHourByPerson + 5; i++)
            await TestBroker.RefusedAsync("refused", await broker.SendAsync(operatorOnly.Sign(broker.Propose(operatorOnly, new RemovePerson(broker.Ben.Id)))));
        Assert.Equal(size + RefusalsState.PerHourByPerson, broker.State.Size);
        Assert.Equal(5, (await broker.GetAsync("/health", ProtocolJson.Default.HealthReply)).Shed);
        await broker.ChangeAsync(new SetGroups(operatorOnly.Id, [])); // nobody else's word is held up by it
    }

    [Fact]
    public async Task A_command_is_written_once()
    {
        var signed = broker.Ada.Sign(broker.Propose(broker.Ada, new SetGroups(broker.Ben.Id, [Groups.Administrators, Groups.Operators])));
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await broker.SendAsync(signed));
        var size = broker.State.Size;
        Assert.Contains("written once", await TestBroker.RefusedAsync("refused", await broker.SendAsync(signed)), StringComparison.Ordinal);
        Assert.Equal(size, broker.State.Size);
    }

    [Fact]
    public async Task A_command_of_another_day_is_refused()
    {
        var signed = broker.Ada.Sign(broker.Propose(broker.Ada, new SetGroups(broker.Ben.Id, [Groups.Administrators])));
        broker.Clock.Wind(Command.ClockWindow + TimeSpan.FromSeconds(1));
        Assert.Contains("five minutes", await TestBroker.RefusedAsync("refused", await broker.SendAsync(signed)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_for_another_ledger_is_refused()
    {
        var propose = broker.Propose(broker.Ada, new SetGroups(broker.Ben.Id, [Groups.Administrators])) with { Ledger = "other.test/ledger" };
        Assert.Contains("other.test", await TestBroker.RefusedAsync("refused", await broker.SendAsync(broker.Ada.Sign(propose))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_changed_command_is_refused()
    {
        var signed = broker.Ada.Sign(broker.Propose(broker.Ada, new SetGroups(broker.Ben.Id, [Groups.Administrators])));
        var changed = signed with { Command = ((ProposeChange)signed.Command) with { Change = new RemovePerson(broker.Ben.Id) } };
        Assert.Contains("signature", await TestBroker.RefusedAsync("refused", await broker.SendAsync(changed)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_strangers_signature_is_refused()
    {
        var stranger = new TestPerson();
        var signed = stranger.Sign(broker.Propose(broker.Ada, new RemovePerson(broker.Ben.Id)));
        Assert.Contains("signature", await TestBroker.RefusedAsync("refused", await broker.SendAsync(signed)), StringComparison.Ordinal);
        signed = stranger.Sign(broker.Propose(stranger, new RemovePerson(broker.Ben.Id)));
        Assert.Contains("not an enrolled person", await TestBroker.RefusedAsync("refused", await broker.SendAsync(signed)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_leaver_writes_nothing()
    {
        var leaver = await broker.EnrolAsync(Groups.Administrators);
        await broker.ChangeAsync(new RemovePerson(leaver.Id));
        var signed = leaver.Sign(broker.Propose(leaver, new RemovePerson(broker.Ben.Id)));
        Assert.Contains("not an enrolled person", await TestBroker.RefusedAsync("refused", await broker.SendAsync(signed)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"command":{"type":"trust/propose.v1"}}""")]
    [InlineData("""{"command":{"type":"no/such.v1"},"signature":""}""")]
    [InlineData("""{"signature":""}""")]
    [InlineData("""[]""")]
    [InlineData("""null""")]
    [InlineData("""{"command":""")]
    public async Task What_is_no_signed_command_is_malformed(string body)
    {
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        await TestBroker.RefusedAsync("malformed", await broker.Client.PostAsync("/v1/commands", content));
    }

    [Theory]
    [InlineData("""{"type":"trust/propose.v1",COMMON,"change":{"type":"person/enrol","person":"person-1","key":"KEY","groups":[null]}}""")]
    [InlineData("""{"type":"trust/propose.v1",COMMON,"change":{"type":"person/groups","person":"person-1","groups":[null]}}""")]
    [InlineData("""{"type":"trust/propose.v1",COMMON,"change":{"type":"reference/set","name":"n","kind":"tpm","values":{"pcr0":null},"version":1}}""")]
    [InlineData("""{"type":"request/open.v1",COMMON,REQUEST,"lease_seconds":1,"files":[null]}""")]
    [InlineData("""{"type":"request/open.v1",COMMON,REQUEST,"lease_seconds":9007199254740993}""")]
    public async Task What_nobody_can_have_signed_is_malformed(string command) =>
        Assert.Contains("no signature can be over", await TestBroker.RefusedAsync("malformed", await SendAsync(command)), StringComparison.Ordinal);

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"ledger":"broker.test/ledger"}""")]
    [InlineData("""{"type":null}""")]
    [InlineData("""{"type":1}""")]
    [InlineData("""{"type":"trust/propose.v1",COMMON,"change":{}}""")]
    [InlineData("""{"type":"trust/propose.v1",COMMON,"change":null}""")]
    [InlineData("""{"type":"trust/propose.v1",COMMON,"change":{"type":"policy/set","policy":[null]}}""")]
    [InlineData("""{"type":"trust/propose.v1",COMMON,"change":{"type":"policy/set","policy":1.5}}""")]
    [InlineData("""{"type":"revoke.v1",COMMON,"target":"\ud800","reason":"r"}""")]
    public async Task What_is_no_command_is_malformed(string command) => await TestBroker.RefusedAsync("malformed", await SendAsync(command));

    [Fact]
    public async Task An_unknown_member_is_malformed()
    {
        var signed = broker.Ada.Sign(broker.Propose(broker.Ada, new RemovePerson(broker.Ben.Id)));
        var body = System.Text.Encoding.UTF8.GetString(signed.ToBytes()).Replace("{\"command\":{", "{\"command\":{\"urgent\":true,", StringComparison.Ordinal);
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        await TestBroker.RefusedAsync("malformed", await broker.Client.PostAsync("/v1/commands", content));
    }

    [Fact]
    public async Task What_one_person_was_told_stands_after_a_restart()
    {
        var person = await broker.EnrolAsync(Groups.Operators);
        var size = broker.State.Size;
        await broker.StartAgainAsync();
        Assert.Equal(size, broker.State.Size);
        Assert.NotNull(broker.State.Access.ActivePerson(person.Id));
    }

    /// <summary>A command as nobody's program writes it, under a signature that is none.</summary>
    private async Task<HttpResponseMessage> SendAsync(string command)
    {
        const string digest = "0000000000000000000000000000000000000000000000000000000000000000";
        command = command
            .Replace("COMMON", $"\"ledger\":\"{TestBroker.Origin}\",\"id\":\"00000000000000000000000000000000\",\"by\":\"{broker.Ada.Id}\",\"at\":\"2026-01-01T00:00:00Z\"", StringComparison.Ordinal)
            .Replace("REQUEST", $"\"model\":\"m\",\"version\":1,\"model_digest\":\"{digest}\",\"machine\":\"m\",\"measurement\":\"{digest}\",\"purpose\":\"p\",\"expires\":\"2026-01-01T00:00:00Z\"", StringComparison.Ordinal)
            .Replace("KEY", broker.Ada.Key.PublicKey.ToString(), StringComparison.Ordinal);
        using var content = new StringContent($"{{\"command\":{command},\"signature\":\"\"}}", System.Text.Encoding.UTF8, "application/json");
        return await broker.Client.PostAsync("/v1/commands", content);
    }
}
