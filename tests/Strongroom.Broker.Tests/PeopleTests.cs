using System.Net;
using System.Text;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Tests;

/// <summary>Names: for those who sign, and gone when deleted.</summary>
public sealed class PeopleTests : IAsyncLifetime
{
    private TestBroker broker = null!;

    public async ValueTask InitializeAsync() => broker = await TestBroker.StartAsync();

    public ValueTask DisposeAsync() => broker.DisposeAsync();

    [Fact]
    public async Task Names_are_shown_to_enrolled_people_and_to_nobody_else()
    {
        await broker.NameAsync(broker.Ada, "Ada Lovelace");
        Assert.All(await broker.GetAsync("/v1/persons", ProtocolJson.Default.IReadOnlyListPersonDetails), person => Assert.Null(person.Name));
        Assert.Contains(await broker.GetAsync("/v1/persons", ProtocolJson.Default.IReadOnlyListPersonDetails, broker.Ben), person => person.Name == "Ada Lovelace");
        await TestBroker.RefusedAsync("unsigned", await broker.SendSignedAsync(HttpMethod.Get, "/v1/persons", new TestPerson()));
    }

    [Fact]
    public async Task A_deleted_name_is_gone_from_the_disk()
    {
        await broker.NameAsync(broker.Ada, "Ada Lovelace");
        Assert.True(OnDisk("Ada Lovelace"));
        await TestBroker.MustAsync(HttpStatusCode.NoContent, await broker.SendSignedAsync(HttpMethod.Delete, $"/v1/persons/{broker.Ada.Id}/name", broker.Ada));
        Assert.False(OnDisk("Ada Lovelace"));
        Assert.All(await broker.GetAsync("/v1/persons", ProtocolJson.Default.IReadOnlyListPersonDetails, broker.Ben), person => Assert.Null(person.Name));
    }

    [Fact]
    public async Task A_broker_without_its_names_knows_its_people()
    {
        await broker.NameAsync(broker.Ada, "Ada Lovelace");
        await broker.StopAsync();
        foreach (var file in Directory.GetFiles(broker.Directory, "names.db*")) File.Delete(file);
        await broker.StartAgainAsync();
        Assert.Equal(2, (await broker.GetAsync("/v1/persons", ProtocolJson.Default.IReadOnlyListPersonDetails, broker.Ben)).Count);
    }

    [Fact]
    public async Task A_name_is_not_written_without_a_signature() => await TestBroker.RefusedAsync(
        "unsigned",
        await broker.Client.PutAsync($"/v1/persons/{broker.Ada.Id}/name", new StringContent("""{"name":"X"}""", Encoding.UTF8, "application/json")));

    [Fact]
    public async Task A_name_is_not_written_by_somebody_else()
    {
        var operatorOnly = await broker.EnrolAsync(Groups.Operators);
        await TestBroker.RefusedAsync("refused", await broker.SendSignedAsync(HttpMethod.Put, $"/v1/persons/{broker.Ada.Id}/name", operatorOnly, """{"name":"X"}"""));
    }

    [Fact]
    public async Task A_signature_for_one_request_does_not_serve_another()
    {
        var header = broker.Header(HttpMethod.Put, $"/v1/persons/{broker.Ada.Id}/name", broker.Ada, """{"name":"Ada"}""");
        await TestBroker.RefusedAsync("unsigned", await broker.SendAsync(HttpMethod.Put, $"/v1/persons/{broker.Ada.Id}/name", header, """{"name":"Eve"}"""));
        await TestBroker.RefusedAsync("unsigned", await broker.SendAsync(HttpMethod.Put, $"/v1/persons/{broker.Ben.Id}/name", header, """{"name":"Ada"}"""));
        await TestBroker.RefusedAsync("unsigned", await broker.SendAsync(HttpMethod.Delete, $"/v1/persons/{broker.Ada.Id}/name", header));
        broker.Clock.Wind(Command.ClockWindow + TimeSpan.FromSeconds(1));
        await TestBroker.RefusedAsync("unsigned", await broker.SendAsync(HttpMethod.Put, $"/v1/persons/{broker.Ada.Id}/name", header, """{"name":"Ada"}"""));
    }

    private bool OnDisk(string text) => Directory.GetFiles(broker.Directory).Any(file => File.ReadAllBytes(file).AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0);
}
