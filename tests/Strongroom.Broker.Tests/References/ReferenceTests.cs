using System.Net;
using System.Security.Cryptography;
using Strongroom.Attestation;
using Strongroom.Broker.Tests.Release;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;
using Strongroom.Tests.Attestation.Corim;

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

    [Fact]
    public async Task Reference_values_of_a_CoRIM_go_on_record_with_it()
    {
        var (set, corim) = Vouched();
        var propose = scene.Broker.Propose(scene.Broker.Ada, set);
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await ProposeAsync(propose, corim));
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.Broker.SendAsync(scene.Broker.Ben.Sign(scene.Broker.Approve(scene.Broker.Ben, propose))));
        Assert.Equal(["enclaves 1", "images 1"], await ListedAsync());
        Assert.Equal(corim, await new BrokerClient(scene.Broker.Client).BlobAsync(set.Corim!.File));
    }

    [Fact]
    public async Task Reference_values_that_no_CoRIM_vouches_for_are_not_proposed_in_its_name()
    {
        var (set, corim) = Vouched();
        var weaker = set with { Values = new Dictionary<string, string>(set.Values) { ["tcb.snp"] = ">=1" } };
        Assert.Contains("the CoRIM says >=22", await TestBroker.RefusedAsync("refused", await ProposeAsync(scene.Broker.Propose(scene.Broker.Ada, weaker), corim)), StringComparison.Ordinal);
        var another = await ProposeAsync(scene.Broker.Propose(scene.Broker.Ada, set), [1]);
        Assert.Contains("is not what it names", await TestBroker.RefusedAsync("refused", another), StringComparison.Ordinal);
        var bare = await scene.Broker.SendAsync(scene.Broker.Ada.Sign(scene.Broker.Propose(scene.Broker.Ada, set)));
        Assert.Contains("POST /v1/references", await TestBroker.RefusedAsync("malformed", bare), StringComparison.Ordinal);
        await TestBroker.RefusedAsync("malformed", await ProposeAsync(scene.Broker.Propose(scene.Broker.Ada, set with { Corim = null }), corim));
        var stranger = await ProposeAsync(scene.Broker.Propose(scene.Operator, set), corim);
        Assert.Contains("administrators", await TestBroker.RefusedAsync("refused", stranger), StringComparison.Ordinal);
        await TestBroker.RefusedAsync("too-large", await ProposeAsync(scene.Broker.Propose(scene.Broker.Ada, set), new byte[600_000]));
    }

    private (SetReference Set, byte[] Corim) Vouched()
    {
        using var maker = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var now = scene.Broker.Clock.GetUtcNow();
        var corim = TestCorim.Sign(TestCorim.Of("image", 3, null, TestCorim.Triple("AMD", "SEV-SNP", "tcb.snp", TestCorim.AtLeast(22))), maker, now);
        var (source, values) = CorimRules.Read(corim, maker.ExportSubjectPublicKeyInfo(), "sev-snp", null, now);
        return (new("images", "sev-snp", values, 1, source), corim);
    }

    private Task<HttpResponseMessage> ProposeAsync(ProposeChange propose, byte[] corim)
    {
        var person = ((TestPerson[])[scene.Broker.Ada, scene.Operator]).Single(each => each.Id == propose.By);
        return scene.Broker.PostAsync("/v1/references", new(person.Sign(propose), corim), ProtocolJson.Default.ReferenceUpload);
    }

    private Task<HttpResponseMessage> ReadAsync(Digest digest) => scene.Broker.Client.GetAsync($"/v1/measurements/{digest}");

    private async Task<IEnumerable<string>> ListedAsync() =>
        (await scene.Broker.GetAsync("/v1/references", ProtocolJson.Default.IReadOnlyListReferenceDetails)).Select(set => $"{set.Name} {set.Version}");

    private Task<RequestDetails> DetailsAsync(string request) => scene.Broker.GetAsync($"/v1/requests/{request}", ProtocolJson.Default.RequestDetails);
}
