using System.Net;
using Strongroom.Attestation;
using Strongroom.Broker.Tests.Release;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Tests.References;

/// <summary>What good machines measure, and what machines measured, as anybody reads it.</summary>
public sealed class ReferenceTests : IAsyncLifetime
{
    private ReleaseScene scene = null!;

    public async ValueTask InitializeAsync() => scene = await ReleaseScene.StartAsync();

    public ValueTask DisposeAsync() => scene.DisposeAsync();

    [Fact]
    public async Task What_a_release_was_allowed_on_is_read_under_its_digest()
    {
        using var enclave = HpkePrivateKey.Generate();
        await TestBroker.RefusedAsync("not-found", await ReadAsync(scene.Machine.Measurement));
        await scene.ApproveBothAsync();
        await scene.ReleasedAsync(enclave);
        var read = await new BrokerClient(scene.Broker.Client).MeasurementAsync(scene.Machine.Measurement);
        Assert.Equal(scene.Machine.Claims, read?.Claims);
        Assert.Equal("development", read?.Kind);
    }

    [Fact]
    public async Task Nothing_else_that_lies_beside_the_ledger_is_shown_as_a_measurement()
    {
        await TestBroker.RefusedAsync("not-found", await ReadAsync(Digest.Of(scene.Manifest.Bytes.Span)));
        await TestBroker.RefusedAsync("malformed", await scene.Broker.Client.GetAsync("/v1/measurements/00"));
        Assert.Null(await new BrokerClient(scene.Broker.Client).MeasurementAsync(Digest.Of("nothing"u8)));
    }

    [Fact]
    public async Task The_sets_on_record_are_listed_in_the_order_in_which_they_came_into_force()
    {
        await scene.Broker.ChangeAsync(new SetReference("rack", "tpm", new Dictionary<string, string> { ["pcr0"] = "00|11" }, 3));
        Assert.Equal(["enclaves 1", "rack 3"], await ListedAsync());
        await scene.Broker.ChangeAsync(new SetReference("enclaves", "development", new Dictionary<string, string> { ["image"] = "2" }, 2));
        Assert.Equal(["rack 3", "enclaves 2"], await ListedAsync());
        await scene.Broker.ChangeAsync(new RemoveReference("rack"));
        Assert.Equal(["enclaves 2"], await ListedAsync());
    }

    [Fact]
    public async Task A_request_says_where_its_model_was_released_last()
    {
        using var enclave = HpkePrivateKey.Generate();
        Assert.Null((await DetailsAsync(scene.RequestId)).LastRelease);
        await scene.ApproveBothAsync();
        await scene.ReleasedAsync(enclave);
        var released = scene.Broker.State.Release.Leases.Values.Single().Index;
        Assert.Null((await DetailsAsync(scene.RequestId)).LastRelease); // its own release is nothing to compare it with
        await scene.OpenAsync(scene.NewRequest());
        Assert.Equal(released, (await DetailsAsync(scene.RequestId)).LastRelease);
    }

    private Task<HttpResponseMessage> ReadAsync(Digest digest) => scene.Broker.Client.GetAsync($"/v1/measurements/{digest}");

    private async Task<IEnumerable<string>> ListedAsync() =>
        (await scene.Broker.GetAsync("/v1/references", ProtocolJson.Default.IReadOnlyListReferenceDetails)).Select(set => $"{set.Name} {set.Version}");

    private Task<RequestDetails> DetailsAsync(string request) => scene.Broker.GetAsync($"/v1/requests/{request}", ProtocolJson.Default.RequestDetails);
}
