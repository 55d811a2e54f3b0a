using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Strongroom.Broker.Tests.Release;
using Strongroom.Crypto;

namespace Strongroom.Broker.Tests;

/// <summary>Every list is read page by page, and a page costs what it shows.</summary>
public sealed class PageTests : IAsyncLifetime
{
    private ReleaseScene scene = null!;

    public async ValueTask InitializeAsync()
    {
        scene = await ReleaseScene.StartAsync();
        for (var i = 0; i < 3; i++)
        {
            using var enclave = HpkePrivateKey.Generate();
            await scene.OpenAsync(scene.NewRequest());
            await scene.ApproveBothAsync();
            await scene.ReleasedAsync(enclave);
            await scene.EnrolAsync(new TestMachine());
            await scene.Broker.SendAsync(scene.Broker.Ada.Sign(scene.Broker.Propose(scene.Broker.Ada, new Facts.SetGroups(scene.Xena.Id, ["security"]))));
        }
        for (var version = 2; version < 5; version++) await scene.AddAsync(await scene.UploadAsync(version));
    }

    public ValueTask DisposeAsync() => scene.DisposeAsync();

    [Theory]
    [InlineData("models", 4)]
    [InlineData("machines", 4)]
    [InlineData("requests", 4)]
    [InlineData("leases", 3)]
    [InlineData("persons", 6)]
    [InlineData("proposals", 3)]
    public async Task A_list_read_page_by_page_misses_nothing(string list, int count)
    {
        var whole = await ReadAsync($"/v1/{list}");
        Assert.Equal(count, whole.Count);
        List<string> pages = [];
        for (var page = await ReadAsync($"/v1/{list}?limit=1"); page.Count > 0; page = await ReadAsync($"/v1/{list}?limit=1&after={page[^1]!["index"]}"))
        {
            Assert.InRange(page.Count, 1, 2); // the two founders came with one record
            pages.AddRange(page.Select(item => item!.ToJsonString()));
        }
        Assert.Equal(whole.Select(item => item!.ToJsonString()), pages);
    }

    [Theory]
    [InlineData("limit=0")]
    [InlineData("limit=501")]
    [InlineData("limit=all")]
    [InlineData("after=-1")]
    [InlineData("after=request-1")]
    public async Task A_page_that_cannot_be_is_malformed(string query) =>
        await TestBroker.RefusedAsync("malformed", await scene.Broker.Client.GetAsync($"/v1/requests?{query}"));

    private async Task<JsonArray> ReadAsync(string path) => (await scene.Broker.Client.GetFromJsonAsync<JsonArray>(path))!;
}
