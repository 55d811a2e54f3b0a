using System.Net;
using System.Security.Cryptography;
using Strongroom.Broker.Tests.Release;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Keys;
using Strongroom.Protocol;

namespace Strongroom.Broker.Tests.Models;

/// <summary>Which models can be asked for.</summary>
public sealed class ModelTests : IAsyncLifetime
{
    private ReleaseScene scene = null!;

    public async ValueTask InitializeAsync() => scene = await ReleaseScene.StartAsync();

    public ValueTask DisposeAsync() => scene.DisposeAsync();

    [Fact]
    public async Task A_newer_version_is_added_and_its_manifest_served_as_signed()
    {
        var upload = await scene.UploadAsync(2);
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.AddAsync(upload));
        Assert.Equal(upload.Manifest.ToArray(), await scene.Broker.Client.GetByteArrayAsync($"/v1/models/{ReleaseScene.Model}/2/manifest"));
        var models = await scene.Broker.GetAsync("/v1/models", ProtocolJson.Default.IReadOnlyListModelDetails);
        Assert.Equal([1, 2], models.Select(model => model.Version));
    }

    [Fact]
    public async Task An_older_version_is_refused()
    {
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.AddAsync(await scene.UploadAsync(3)));
        Assert.Contains("versions only rise", await TestBroker.RefusedAsync("refused", await scene.AddAsync(await scene.UploadAsync(2))), StringComparison.Ordinal);
        Assert.Contains("versions only rise", await TestBroker.RefusedAsync("refused", await scene.AddAsync(await scene.UploadAsync(3))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_older_version_is_not_released_once_a_newer_one_is_there()
    {
        await scene.ApproveBothAsync();
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.AddAsync(await scene.UploadAsync(2)));
        using var enclave = HpkePrivateKey.Generate();
        Assert.Contains("not the newest", await TestBroker.RefusedAsync("release-denied", await scene.AskAsync(enclave)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_withdrawn_version_is_not_released()
    {
        await scene.ApproveBothAsync();
        var (ledger, id, by, at) = scene.Broker.By(scene.Operator);
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.Broker.SendAsync(scene.Operator.Sign(new Revoke(ledger, id, by, at, Ids.Model(ReleaseScene.Model, 1), "recalled"))));
        using var enclave = HpkePrivateKey.Generate();
        Assert.Contains("withdrawn", await TestBroker.RefusedAsync("release-denied", await scene.AskAsync(enclave)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_manifest_by_another_key_than_the_publishers_is_refused()
    {
        using var stranger = Ed25519PrivateKey.FromSeed(RandomNumberGenerator.GetBytes(32));
        Assert.Contains("not signed by the key on record", await TestBroker.RefusedAsync("refused", await scene.AddAsync(await scene.UploadAsync(2, stranger))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_manifest_that_was_changed_is_refused()
    {
        var upload = await scene.UploadAsync(2);
        var changed = System.Text.Encoding.UTF8.GetString(upload.Manifest.Span).Replace("tokenizer.json", "tokenizex.json", StringComparison.Ordinal);
        await TestBroker.RefusedAsync("refused", await scene.AddAsync(upload with { Manifest = System.Text.Encoding.UTF8.GetBytes(changed) }));
    }

    [Fact]
    public async Task What_an_operator_signed_as_a_manifest_and_is_none_is_malformed()
    {
        var upload = await scene.UploadAsync(2);
        var none = "{}"u8.ToArray();
        var signed = scene.Operator.Sign((AddModel)upload.Command.Command with { ManifestDigest = Digest.Of(none) });
        await TestBroker.RefusedAsync("malformed", await scene.AddAsync(upload with { Command = signed, Manifest = none }));
    }

    [Fact]
    public async Task Files_other_than_the_command_names_are_refused()
    {
        var (second, third) = (await scene.UploadAsync(2), await scene.UploadAsync(3));
        Assert.Contains("not what it names", await TestBroker.RefusedAsync("refused", await scene.AddAsync(third with { Manifest = second.Manifest })), StringComparison.Ordinal);
        await TestBroker.RefusedAsync("refused", await scene.AddAsync(third with { Recipients = second.Recipients }));
    }

    [Fact]
    public async Task A_model_whose_key_this_broker_cannot_unwrap_is_refused()
    {
        var other = Path.Combine(scene.Broker.Directory, "other.key");
        DirectoryKeys.WriteCustodyKey(other);
        Assert.Contains("not sealed to the custody key", await TestBroker.RefusedAsync("refused", await scene.AddAsync(await scene.UploadAsync(2, custody: other))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_is_not_added_by_a_bare_command() =>
        await TestBroker.RefusedAsync("malformed", await scene.Broker.SendAsync((await scene.UploadAsync(2)).Command));

    [Fact]
    public async Task A_shelf_that_was_changed_releases_nothing()
    {
        await scene.ApproveBothAsync();
        await scene.Broker.StopAsync();
        using (var shelf = Table.Open(Path.Combine(scene.Broker.Directory, "models.db")))
        {
            foreach (var (key, value) in shelf.All())
            {
                value[^3] ^= 1;
                shelf.Put(key, value);
            }
        }
        await scene.Broker.StartAgainAsync();
        using var enclave = HpkePrivateKey.Generate();
        var response = await scene.AskAsync(enclave);
        Assert.False(response.IsSuccessStatusCode);
    }

    [Fact]
    public void No_wrapped_key_is_in_the_ledger()
    {
        using var custody = KeyProvider.Open("file:" + Path.Combine(scene.Broker.Directory, "custody.key"));
        foreach (var file in Directory.GetFiles(scene.Broker.Directory, "ledger.db*"))
            Assert.True(File.ReadAllBytes(file).AsSpan().IndexOf("\"wrapped\""u8) < 0);
    }
}
