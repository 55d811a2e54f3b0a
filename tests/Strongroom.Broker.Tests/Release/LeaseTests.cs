using System.Net;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Ledger;
using Strongroom.Protocol;

namespace Strongroom.Broker.Tests.Release;

/// <summary>A lease, not a gift.</summary>
public sealed class LeaseTests : IAsyncLifetime
{
    private readonly HpkePrivateKey enclave = HpkePrivateKey.Generate();
    private ReleaseScene scene = null!;
    private string lease = null!;

    public async ValueTask InitializeAsync()
    {
        scene = await ReleaseScene.StartAsync();
        await scene.ApproveBothAsync();
        await scene.ReleasedAsync(enclave);
        lease = scene.Broker.State.Release.Leases.Keys.Single();
    }

    public async ValueTask DisposeAsync()
    {
        enclave.Dispose();
        await scene.DisposeAsync();
    }

    [Fact]
    public async Task Fresh_evidence_renews_a_lease_and_proves_it()
    {
        scene.Broker.Clock.Wind(TimeSpan.FromSeconds(ReleaseScene.LeaseSeconds / 2));
        var reply = await TestBroker.MustAsync(HttpStatusCode.OK, await RenewAsync(), ProtocolJson.Default.RenewalReply);
        var receipt = LedgerReceipt.Check(reply.Entry, reply.Proof, scene.Broker.Host.Ledger.Trust);
        Assert.Equal(ReleaseScene.LeaseSeconds, Assert.IsType<RenewalDecided>(LedgerRecord.Parse(receipt.Entry.Span)).Seconds);
        Assert.Equal(scene.Broker.Clock.GetUtcNow().AddSeconds(ReleaseScene.LeaseSeconds), scene.Broker.State.Release.Find(lease)!.Expires);
    }

    [Fact]
    public async Task An_expired_lease_is_not_renewed()
    {
        scene.Broker.Clock.Wind(TimeSpan.FromSeconds(ReleaseScene.LeaseSeconds));
        Assert.Contains("expired", await TestBroker.RefusedAsync("release-denied", await RenewAsync()), StringComparison.Ordinal);
        Assert.Equal(LeaseStatus.Expired, Assert.Single(await scene.Broker.GetAsync("/v1/leases", ProtocolJson.Default.IReadOnlyListLeaseDetails)).Status);
    }

    [Fact]
    public async Task A_refused_renewal_is_recorded_once_and_not_again_after_a_restart()
    {
        await scene.SetPolicyAsync(ReleaseScene.Rule with { Approvals = [new("security", 2), new("owners", 1)] });
        await TestBroker.RefusedAsync("release-denied", await RenewAsync());
        var size = scene.Broker.State.Size;
        await TestBroker.RefusedAsync("release-denied", await RenewAsync());
        await scene.Broker.StartAgainAsync();
        await TestBroker.RefusedAsync("release-denied", await RenewAsync());
        Assert.Equal(size, scene.Broker.State.Size);
    }

    [Fact]
    public async Task A_lease_is_not_renewed_again_and_again_to_fill_the_ledger()
    {
        await TestBroker.MustAsync(HttpStatusCode.OK, await RenewAsync());
        var size = scene.Broker.State.Size;
        Assert.Contains("stands", await TestBroker.RefusedAsync("too-many", await RenewAsync()), StringComparison.Ordinal);
        Assert.Equal(size, scene.Broker.State.Size);
        scene.Broker.Clock.Wind(TimeSpan.FromSeconds(ReleaseScene.LeaseSeconds / 8));
        await TestBroker.MustAsync(HttpStatusCode.OK, await RenewAsync());
    }

    [Fact]
    public async Task A_machine_that_changed_is_not_renewed()
    {
        scene.Machine.Claims["image"] = "enclave-2";
        await TestBroker.RefusedAsync("release-denied", await RenewAsync());
    }

    [Fact]
    public async Task A_lease_whose_approver_left_is_over()
    {
        await scene.Broker.ChangeAsync(new RemovePerson(scene.Xena.Id));
        await TestBroker.RefusedAsync("release-denied", await RenewAsync());
    }

    [Fact]
    public async Task A_lease_is_not_renewed_under_a_policy_that_would_not_release()
    {
        await scene.SetPolicyAsync(ReleaseScene.Rule with { Approvals = [new("security", 2), new("owners", 1)] });
        await TestBroker.RefusedAsync("release-denied", await RenewAsync());
    }

    [Fact]
    public async Task A_challenge_of_one_lease_does_not_renew_another()
    {
        var challenge = await ChallengeAsync();
        var other = "lease-" + new string('0', 32);
        await TestBroker.RefusedAsync("challenge-spent", await AnswerAsync(other, challenge.Id, scene.Machine.Evidence(challenge.Transcript)));
        await TestBroker.MustAsync(HttpStatusCode.OK, await AnswerAsync(lease, challenge.Id, scene.Machine.Evidence(challenge.Transcript)));
    }

    [Fact]
    public async Task A_renewal_challenge_is_answered_once()
    {
        var challenge = await ChallengeAsync();
        var evidence = scene.Machine.Evidence(challenge.Transcript);
        await TestBroker.MustAsync(HttpStatusCode.OK, await AnswerAsync(lease, challenge.Id, evidence));
        await TestBroker.RefusedAsync("challenge-spent", await AnswerAsync(lease, challenge.Id, evidence));
    }

    [Fact]
    public async Task Old_evidence_does_not_renew()
    {
        var old = scene.Machine.Evidence((await ChallengeAsync()).Transcript);
        var challenge = await ChallengeAsync();
        await TestBroker.RefusedAsync("evidence-refused", await AnswerAsync(lease, challenge.Id, old));
    }

    [Fact]
    public async Task A_renewal_challenge_does_not_release_a_key()
    {
        var challenge = await ChallengeAsync();
        await TestBroker.RefusedAsync("challenge-spent", await scene.AnswerAsync(challenge.Id, scene.Machine.Evidence(challenge.Transcript)));
    }

    [Theory]
    [InlineData("lease")]
    [InlineData("request")]
    [InlineData("machine")]
    [InlineData("model")]
    public async Task Revoking_what_a_lease_rests_on_is_told_to_the_enclave_at_once(string what)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var client = new BrokerClient(scene.Broker.Client);
        await using var events = client.LeaseEventsAsync(lease, patience.Token).GetAsyncEnumerator(patience.Token);
        Assert.True(await events.MoveNextAsync());
        Assert.Equal(LeaseEventKind.Stands, events.Current.Kind);

        var target = what switch { "lease" => lease, "request" => scene.RequestId, "machine" => scene.Machine.Id, _ => Ids.Model(ReleaseScene.Model, 1) };
        var (ledger, id, by, at) = scene.Broker.By(scene.Operator);
        var reply = await TestBroker.MustAsync(
            HttpStatusCode.OK, await scene.Broker.SendAsync(scene.Operator.Sign(new Revoke(ledger, id, by, at, target, "rack opened"))), ProtocolJson.Default.CommandReply);

        do Assert.True(await events.MoveNextAsync());
        while (events.Current.Kind == LeaseEventKind.Stands);
        Assert.Equal((LeaseEventKind.Revoked, lease, (long?)reply.Index, "rack opened"), (events.Current.Kind, events.Current.Lease, events.Current.Index, events.Current.Reason));
        Assert.False(await events.MoveNextAsync());
        await TestBroker.RefusedAsync("release-denied", await RenewAsync());
    }

    [Fact]
    public async Task A_revoked_lease_is_not_given_again_to_the_same_key()
    {
        var (ledger, id, by, at) = scene.Broker.By(scene.Operator);
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.Broker.SendAsync(scene.Operator.Sign(new Revoke(ledger, id, by, at, lease, "rack opened"))));
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.AskAsync(enclave)); // pending: the approvals are spent
    }

    [Fact]
    public async Task There_is_no_stream_and_no_challenge_for_a_lease_that_never_was()
    {
        var path = $"/v1/leases/lease-{new string('0', 32)}";
        await TestBroker.RefusedAsync("not-found", await scene.Broker.Client.GetAsync(path + "/events"));
        await TestBroker.RefusedAsync("not-found", await scene.Broker.PostAsync(path + "/challenges", new(scene.Configuration), ProtocolJson.Default.RenewalChallengeRequest));
    }

    private async Task<RenewalChallenge> ChallengeAsync() => await TestBroker.MustAsync(
        HttpStatusCode.OK,
        await scene.Broker.PostAsync($"/v1/leases/{lease}/challenges", new(scene.Configuration), ProtocolJson.Default.RenewalChallengeRequest),
        ProtocolJson.Default.RenewalChallenge);

    private Task<HttpResponseMessage> AnswerAsync(string to, string challenge, byte[] evidence) =>
        scene.Broker.PostAsync($"/v1/leases/{to}/renewals", new EvidenceSubmission(challenge, evidence), ProtocolJson.Default.EvidenceSubmission);

    private async Task<HttpResponseMessage> RenewAsync()
    {
        var challenge = await ChallengeAsync();
        return await AnswerAsync(lease, challenge.Id, scene.Machine.Evidence(challenge.Transcript));
    }
}
