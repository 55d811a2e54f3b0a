using System.Net;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Tests.Release;

/// <summary>Whose word counts, for what, how often.</summary>
public sealed class ApprovalTests : IAsyncLifetime
{
    private readonly HpkePrivateKey enclave = HpkePrivateKey.Generate();
    private ReleaseScene scene = null!;

    public async ValueTask InitializeAsync() => scene = await ReleaseScene.StartAsync();

    public async ValueTask DisposeAsync()
    {
        enclave.Dispose();
        await scene.DisposeAsync();
    }

    [Fact]
    public async Task Nobody_approves_a_request_of_their_own() =>
        Assert.Contains("request of their own", await TestBroker.RefusedAsync("refused", await scene.ApproveAsync(scene.Requester)), StringComparison.Ordinal);

    [Fact]
    public async Task Nobody_approves_twice()
    {
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.ApproveAsync(scene.Xena));
        Assert.Contains("nobody approves twice", await TestBroker.RefusedAsync("refused", await scene.ApproveAsync(scene.Xena)), StringComparison.Ordinal);
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.AskAsync(enclave));
    }

    [Fact]
    public async Task The_approval_of_a_leaver_does_not_count()
    {
        await scene.ApproveBothAsync();
        await scene.Broker.ChangeAsync(new RemovePerson(scene.Xena.Id));
        var pending = await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.AskAsync(enclave), ProtocolJson.Default.PendingReply);
        Assert.Contains(pending.Missing, missing => missing.Contains("no longer enrolled", StringComparison.Ordinal));
        Assert.Contains("not an enrolled person", await TestBroker.RefusedAsync("refused", await scene.ApproveAsync(scene.Xena)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_approval_of_who_lost_the_role_does_not_count()
    {
        await scene.ApproveBothAsync();
        await scene.Broker.ChangeAsync(new SetGroups(scene.Yuri.Id, ["visitors"]));
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.AskAsync(enclave));
    }

    [Fact]
    public async Task An_approval_for_another_request_does_not_count()
    {
        await scene.ApproveBothAsync();
        var approved = scene.Approval(scene.Xena);
        await scene.OpenAsync(scene.NewRequest());
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.AskAsync(enclave));
        // Signed for the first request's content, sent for the second.
        var moved = approved with { Id = Command.NewId(), Request = scene.RequestId };
        Assert.Contains("another content", await TestBroker.RefusedAsync("refused", await scene.Broker.SendAsync(scene.Xena.Sign(moved))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model")]
    [InlineData("machine")]
    [InlineData("measurement")]
    [InlineData("purpose")]
    [InlineData("lease")]
    [InlineData("policy")]
    public async Task An_approval_that_was_shown_something_else_is_refused(string what)
    {
        var approval = scene.Approval(scene.Xena);
        var other = Digest.Of("other"u8);
        approval = what switch
        {
            "model" => approval with { ModelDigest = other },
            "machine" => approval with { Machine = "machine-" + new string('0', 32) },
            "measurement" => approval with { Measurement = other },
            "purpose" => approval with { Purpose = "training" },
            "lease" => approval with { LeaseSeconds = 1 },
            _ => approval with { PolicyDigest = other },
        };
        Assert.Contains($"signed for another {what}", await TestBroker.RefusedAsync("refused", await scene.Broker.SendAsync(scene.Xena.Sign(approval))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_expired_approval_does_not_count()
    {
        await scene.ApproveBothAsync();
        scene.Broker.Clock.Wind(TimeSpan.FromHours(4));
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.AskAsync(enclave));
    }

    [Fact]
    public async Task An_expired_request_is_denied()
    {
        await scene.ApproveBothAsync();
        scene.Broker.Clock.Wind(TimeSpan.FromHours(8));
        await TestBroker.RefusedAsync("release-denied", await scene.AskAsync(enclave));
    }

    [Fact]
    public async Task One_refusal_denies()
    {
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.ApproveAsync(scene.Xena));
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.Broker.SendAsync(scene.Yuri.Sign(scene.Approval(scene.Yuri, Answer.Refuse))));
        await TestBroker.RefusedAsync("release-denied", await scene.AskAsync(enclave));
    }

    [Fact]
    public async Task A_replayed_approval_is_refused()
    {
        var signed = scene.Xena.Sign(scene.Approval(scene.Xena));
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.Broker.SendAsync(signed));
        Assert.Contains("written once", await TestBroker.RefusedAsync("refused", await scene.Broker.SendAsync(signed)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_says_how_it_stands_and_shows_names_to_people_alone()
    {
        var path = $"/v1/requests/{scene.RequestId}";
        await scene.Broker.NameAsync(scene.Requester, "Rita Levi");
        var pending = await scene.Broker.GetAsync(path, ProtocolJson.Default.RequestDetails);
        Assert.Equal((RequestStatus.Pending, null), (pending.Status, pending.OpenedByName));
        await scene.ApproveBothAsync();
        var ready = await scene.Broker.GetAsync(path, ProtocolJson.Default.RequestDetails, scene.Xena);
        Assert.Equal((RequestStatus.Ready, "Rita Levi"), (ready.Status, ready.OpenedByName));
        Assert.Equal(scene.Request.Digest(), ready.Digest);
        Assert.All(ready.Approvals, approval => Assert.True(approval.Counts));
        Assert.NotEmpty((await scene.Broker.GetAsync(path + "/explanation", ProtocolJson.Default.ExplanationReply)).Checks);
    }
}
