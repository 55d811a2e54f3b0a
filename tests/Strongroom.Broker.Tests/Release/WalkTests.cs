using System.Net;
using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Ledger;
using Strongroom.Protocol;

namespace Strongroom.Broker.Tests.Release;

/// <summary>The walk of one key as people, enclave and auditor see it: through the client, the checks of the enclave, and the audit of the ledger that came of it.</summary>
public sealed class WalkTests : IAsyncLifetime
{
    private readonly HpkePrivateKey enclave = HpkePrivateKey.Generate();
    private ReleaseScene scene = null!;
    private BrokerClient client = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private LedgerTrust Trust => scene.Broker.Host.Ledger.Trust;

    public async ValueTask InitializeAsync()
    {
        scene = await ReleaseScene.StartAsync();
        client = new(scene.Broker.Client, new(TestBroker.Origin, scene.Requester.Id, scene.Requester.Key, scene.Broker.Clock));
    }

    public async ValueTask DisposeAsync()
    {
        enclave.Dispose();
        await scene.DisposeAsync();
    }

    [Fact]
    public async Task What_a_broker_wrote_is_what_an_auditor_computes()
    {
        var refused = await Assert.ThrowsAsync<RefusedException>(() => client.SendAsync(scene.Requester.Sign(scene.Approval(scene.Requester)), Cancel));
        Assert.Contains("nobody approves a request of their own", refused.Reasons);
        Assert.IsType<ReleaseReply.Pending>((await AskAsync()).Reply);
        Assert.NotNull((await client.SendAsync(scene.Xena.Sign(scene.Approval(scene.Xena)), Cancel)).Missing);
        Assert.Null((await client.SendAsync(scene.Yuri.Sign(scene.Approval(scene.Yuri)), Cancel)).Missing);
        Assert.Equal(RequestStatus.Ready, (await client.RequestAsync(scene.RequestId, Cancel)).Status);

        var (reply, transcript) = await AskAsync();
        var release = GrantedRelease.Check(Assert.IsType<ReleaseReply.Granted>(reply).Reply, [transcript], Trust, DangerousEvidence.Development);
        using (var keys = release.OpenKeys(enclave)) Assert.Equal(3 * 32, keys.Length);

        scene.Broker.Clock.Wind(TimeSpan.FromMinutes(5));
        Assert.Equal(ReleaseScene.LeaseSeconds, (await RenewAsync(release.Lease.Lease)).Seconds);
        var (ledger, id, by, at) = scene.Broker.By(scene.Operator);
        await client.SendAsync(scene.Operator.Sign(new Revoke(ledger, id, by, at, release.Lease.Lease, "the walk is over")), Cancel);
        await Assert.ThrowsAsync<RefusedException>(() => RenewAsync(release.Lease.Lease));
        await foreach (var said in client.LeaseEventsAsync(release.Lease.Lease, Cancel)) Assert.Equal((LeaseEventKind.Revoked, "the walk is over"), (said.Kind, said.Reason));

        scene.Machine.Claims["image"] = "enclave-2";
        await Assert.ThrowsAsync<RefusedException>(AskAsync);

        var audit = await AuditAsync();
        Assert.Empty(audit.Deviations);
        Assert.Equal((4, 1), (audit.Recomputed, audit.Grants)); // pending, granted, renewed, denied; what no evidence could have renewed leaves no record
        Assert.Equal(scene.Broker.State.Size, audit.State.Size);
    }

    [Fact]
    public async Task Every_list_of_the_broker_is_one_that_the_client_reads()
    {
        await scene.Broker.NameAsync(scene.Xena, "Xena");
        Assert.Contains(await client.PersonsAsync(Cancel), person => person is { Name: "Xena", Active: true });
        await Assert.ThrowsAsync<RefusedException>(() => client.SetNameAsync(scene.Xena.Id, "Zoe", Cancel));
        await client.SetNameAsync(scene.Requester.Id, "Rae", Cancel);
        await client.ForgetNameAsync(scene.Requester.Id, Cancel);
        Assert.Single(await client.ModelsAsync(Cancel));
        Assert.Single(await client.MachinesAsync(Cancel));
        Assert.Single(await client.RequestsAsync(Cancel));
        Assert.Empty(await client.LeasesAsync(Cancel));
        Assert.Empty(await client.ProposalsAsync(Cancel));
        Assert.NotEmpty((await client.ExplanationAsync(scene.RequestId, Cancel)).Checks);
        Assert.Equal(scene.Broker.State.Access.Policy!.Digest, (await client.PolicyAsync(Cancel)).Digest);
        Assert.Equal(scene.Manifest.Bytes.ToArray(), await client.ManifestAsync(ReleaseScene.Model, 1, Cancel));
        Assert.Equal(TestBroker.Origin, (await client.HealthAsync(Cancel)).Ledger);
        await Assert.ThrowsAsync<RefusedException>(() => client.RequestAsync("request-x", Cancel));
    }

    private async Task<(ReleaseReply Reply, Transcript Transcript)> AskAsync()
    {
        var challenge = await client.ChallengeAsync(new ChallengeRequest(scene.RequestId, enclave.PublicKey, "secret", scene.Configuration), Cancel);
        return (await client.ReleaseAsync(new(challenge.Id, scene.Machine.Evidence(challenge.Transcript)), Cancel), challenge.Transcript);
    }

    private async Task<GrantedRenewal> RenewAsync(string lease)
    {
        var challenge = await client.ChallengeAsync(lease, new RenewalChallengeRequest(scene.Configuration), Cancel);
        var reply = await client.RenewAsync(lease, new(challenge.Id, scene.Machine.Evidence(challenge.Transcript)), Cancel);
        return GrantedRenewal.Check(reply, challenge.Transcript, Trust);
    }

    private Task<DecisionAudit> AuditAsync()
    {
        var ledger = scene.Broker.Host.Ledger;
        return DecisionAudit.ReplayAsync(ledger.ReadEntriesAsync(0, ledger.Size, Cancel), async (digest, cancel) => await ledger.ReadBlobAsync(digest, cancel), cancel: Cancel);
    }
}
