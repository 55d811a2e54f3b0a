using System.Net;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;
using Strongroom.Sealing;

namespace Strongroom.Broker.Tests.Release;

/// <summary>Keys for machines with a TEE, over HTTP, with evidence of the test vendors.</summary>
public sealed class TeeReleaseTests : IDisposable
{
    private readonly HpkePrivateKey enclave = HpkePrivateKey.Generate();

    public void Dispose() => enclave.Dispose();

    [Theory]
    [InlineData("sev-snp")]
    [InlineData("tdx")]
    [InlineData("nitro")]
    public async Task A_tee_gets_a_key_renews_its_lease_and_an_auditor_agrees(string kind)
    {
        await using var scene = await TeeScene.StartAsync(kind);
        var grant = await TestBroker.MustAsync(HttpStatusCode.OK, await scene.AskAsync(enclave), ProtocolJson.Default.GrantReply);
        using (var keys = scene.Scene.Open(grant, enclave)) Assert.Equal(3 * ContentKeys.SizeInBytes, keys.Length);
        var lease = Assert.Single(scene.Broker.State.Release.Leases.Keys);
        scene.Broker.Clock.Wind(TimeSpan.FromMinutes(5));
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.RenewAsync(lease));
        Assert.Null(grant.Development);
        var audit = await scene.AuditAsync();
        Assert.Empty(audit.Deviations);
        Assert.Equal((2, 1), (audit.Recomputed, audit.Grants));
    }

    [Fact]
    public async Task Another_chip_is_refused()
    {
        await using var scene = await TeeScene.StartAsync("sev-snp");
        scene.Machine.Snp!.Fill(0x1A0, 64, 0x34);
        scene.Machine.Snp.Key = scene.Machine.Snp.Key with { HardwareId = scene.Machine.Snp.Report[0x1A0..0x1E0] };
        await EndorsedAndRefusedAsync(scene, "identity: the evidence is of another machine");
    }

    [Fact]
    public async Task A_machine_with_one_gpu_exchanged_is_refused()
    {
        await using var scene = await TeeScene.StartAsync("sev-snp");
        scene.Machine.Gpus[1] = scene.Machine.Gpus[1] with { Serial = "414300000000000000" };
        await EndorsedAndRefusedAsync(scene, "identity: the evidence is of another machine");
    }

    [Fact]
    public async Task Evidence_of_another_exchange_is_refused()
    {
        await using var scene = await TeeScene.StartAsync("tdx");
        var (one, other) = (await scene.Scene.ChallengeAsync(enclave), await scene.Scene.ChallengeAsync(enclave));
        Assert.Contains("composite.2.bound", await TestBroker.RefusedAsync("evidence-refused", await scene.Scene.AnswerAsync(one.Id, scene.Evidence(other))), StringComparison.Ordinal);
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.Scene.AnswerAsync(one.Id, scene.Evidence(one))); // a wrong answer spent nothing
    }

    [Fact]
    public async Task A_release_on_stale_endorsements_is_put_off_and_not_recorded()
    {
        await using var scene = await TeeScene.StartAsync("tdx");
        scene.Broker.Clock.Wind(TimeSpan.FromDays(8));
        await scene.Scene.OpenAsync(scene.Scene.NewRequest() with { Machine = scene.Identity.MachineId(), Measurement = scene.Measured });
        await scene.Scene.ApproveBothAsync();
        var before = scene.Broker.State.Size;
        Assert.Contains("endorsements are missing or stale", await TestBroker.RefusedAsync("unavailable", await scene.AskAsync(enclave)), StringComparison.Ordinal);
        Assert.Equal(before, scene.Broker.State.Size);
        await scene.EndorseAsync();
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.AskAsync(enclave));
    }

    [Theory]
    [InlineData("lease", "the lease was ended")]
    [InlineData("request", "the request was revoked")]
    [InlineData("machine", "was retired or revoked")]
    public async Task What_was_revoked_is_told_though_no_endorsements_bear_a_verdict(string what, string because)
    {
        await using var scene = await TeeScene.StartAsync("tdx");
        const long month = 30 * 86_400;
        await scene.Scene.SetPolicyAsync(ReleaseScene.Rule with { Machines = [new("tdx", ["guests"], 60, 1)], MaximumLeaseSeconds = month, MaximumRequestSeconds = month });
        await scene.Scene.OpenAsync(scene.Scene.NewRequest() with
        {
            Machine = scene.Identity.MachineId(), Measurement = scene.Measured, LeaseSeconds = month, Expires = Timestamp.WholeSecond(scene.Now).AddSeconds(month),
        });
        await scene.Scene.ApproveBothAsync();
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.AskAsync(enclave));
        var lease = scene.Broker.State.Release.Leases.Keys.Single();
        scene.Broker.Clock.Wind(TimeSpan.FromDays(8)); // the lease stands, and endorsements are stale
        await TestBroker.RefusedAsync("unavailable", await scene.RenewAsync(lease));
        var (ledger, id, by, at) = scene.Broker.By(scene.Scene.Operator);
        var target = what switch { "lease" => lease, "request" => scene.Scene.RequestId, _ => scene.Identity.MachineId() };
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.Broker.SendAsync(scene.Scene.Operator.Sign(new Revoke(ledger, id, by, at, target, "rack opened"))));
        var before = scene.Broker.State.Size;
        Assert.Contains(because, await TestBroker.RefusedAsync("release-denied", await scene.RenewAsync(lease)), StringComparison.Ordinal);
        if (what != "lease") Assert.Contains(because, await TestBroker.RefusedAsync("release-denied", await scene.AskAsync(enclave)), StringComparison.Ordinal);
        Assert.Equal(before, scene.Broker.State.Size);
    }

    [Fact]
    public async Task What_has_expired_is_told_before_any_evidence_is_looked_at()
    {
        await using var scene = await TeeScene.StartAsync("tdx");
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.AskAsync(enclave));
        scene.Broker.Clock.Wind(TimeSpan.FromDays(8)); // and endorsements are stale
        Assert.Contains("the lease has expired", await TestBroker.RefusedAsync("release-denied", await scene.RenewAsync(scene.Broker.State.Release.Leases.Keys.Single())), StringComparison.Ordinal);
        var challenge = await scene.Scene.ChallengeAsync(enclave);
        Assert.Contains("the request expired", await TestBroker.RefusedAsync("release-denied", await scene.Scene.AnswerAsync(challenge.Id, [1, 2, 3])), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_chip_whose_makers_key_was_taken_back_after_the_grant_is_not_renewed()
    {
        await using var scene = await TeeScene.StartAsync("sev-snp");
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.AskAsync(enclave));
        scene.Broker.Clock.Wind(TimeSpan.FromMinutes(5));
        await scene.EndorseAsync(scene.Machine.Snp!.Amd.List(scene.Now.AddMinutes(-1), scene.Now.AddDays(30), [2]));
        Assert.Contains("cpu.snp.6", await TestBroker.RefusedAsync("evidence-refused", await scene.RenewAsync(scene.Broker.State.Release.Leases.Keys.Single())), StringComparison.Ordinal);
        Assert.Empty((await scene.AuditAsync()).Deviations);
    }

    private async Task EndorsedAndRefusedAsync(TeeScene scene, string because)
    {
        scene.Broker.Clock.Wind(TimeSpan.FromSeconds(1));
        await scene.EndorseAsync();
        Assert.Contains(because, await TestBroker.RefusedAsync("evidence-refused", await scene.AskAsync(enclave)), StringComparison.Ordinal);
        Assert.Empty(scene.Broker.State.Release.Leases);
    }
}
