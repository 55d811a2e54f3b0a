using System.Net;
using Strongroom.Broker.Tests.Release;
using Strongroom.Bytes;
using Strongroom.Protocol;

namespace Strongroom.Broker.Tests.Machines;

/// <summary>How a machine with a TEE introduces itself, over HTTP.</summary>
public sealed class TeeMachineTests : IAsyncLifetime
{
    private TeeScene scene = null!;

    public async ValueTask InitializeAsync()
    {
        scene = await TeeScene.StartAsync("sev-snp", enrolled: false);
        await scene.EndorseAsync();
    }

    public ValueTask DisposeAsync() => scene.DisposeAsync();

    [Fact]
    public async Task It_is_listed_with_its_chip_and_its_devices()
    {
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.EnrolAsync());
        var machine = (await scene.Broker.GetAsync("/v1/machines", ProtocolJson.Default.IReadOnlyListMachineDetails)).Single(each => each.Kind == "sev-snp");
        Assert.Equal((scene.Identity.MachineId(), scene.Measured, scene.Identity.Cpu), (machine.Machine, machine.Measurement, machine.Identity?.Cpu));
        Assert.Equal(scene.Identity.Devices, machine.Identity!.Devices);
    }

    [Fact]
    public async Task A_machine_that_is_another_than_its_evidence_is_refused()
    {
        var challenge = await scene.IntroduceAsync();
        var evidence = scene.Machine.Evidence(challenge.Transcript!.Digest(), scene.Now);
        var other = scene.Identity with { Devices = [] };
        await RefusedAsync("refused", $"the evidence is of {scene.Identity.MachineId()}", await scene.EnrolAsync(
            challenge, scene.Enrolment(challenge.Transcript, evidence) with { AttestationKey = other.ToBytes(), Machine = other.MachineId() }, evidence));
    }

    [Fact]
    public async Task Evidence_for_another_challenge_is_refused()
    {
        var (one, other) = (await scene.IntroduceAsync(), await scene.IntroduceAsync());
        var evidence = scene.Machine.Evidence(other.Transcript!.Digest(), scene.Now);
        await RefusedAsync("refused", "composite.2.bound", await scene.EnrolAsync(one, scene.Enrolment(one.Transcript!, evidence), evidence));
        await RefusedAsync("evidence-refused", "another challenge than this one", await scene.EnrolAsync(one, scene.Enrolment(other.Transcript, evidence), evidence));
    }

    [Fact]
    public async Task A_challenge_is_over_after_an_hour()
    {
        var challenge = await scene.IntroduceAsync();
        var evidence = scene.Machine.Evidence(challenge.Transcript!.Digest(), scene.Now);
        scene.Broker.Clock.Wind(TimeSpan.FromHours(1));
        await TestBroker.RefusedAsync("challenge-spent", await scene.EnrolAsync(challenge, scene.Enrolment(challenge.Transcript, evidence), evidence));
    }

    [Fact]
    public async Task Evidence_that_is_missing_or_none_is_malformed_and_other_evidence_refused()
    {
        var challenge = await scene.IntroduceAsync();
        var evidence = scene.Machine.Evidence(challenge.Transcript!.Digest(), scene.Now);
        await TestBroker.RefusedAsync("malformed", await scene.EnrolAsync(challenge, scene.Enrolment(challenge.Transcript, evidence), null));
        var junk = "{}"u8.ToArray();
        await TestBroker.RefusedAsync("malformed", await scene.EnrolAsync(challenge, scene.Enrolment(challenge.Transcript, junk), junk));
        await RefusedAsync("refused", "what comes with the command is not what it names", await scene.EnrolAsync(challenge, scene.Enrolment(challenge.Transcript, evidence), junk));
    }

    [Fact]
    public async Task Nothing_is_decided_on_endorsements_that_are_stale()
    {
        scene.Broker.Clock.Wind(TimeSpan.FromDays(8));
        var before = scene.Broker.State.Size;
        await RefusedAsync("unavailable", "endorsements are missing or stale", await scene.EnrolAsync());
        Assert.Equal(before, scene.Broker.State.Size);
        await scene.EndorseAsync();
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.EnrolAsync());
    }

    [Fact]
    public async Task A_kind_without_its_own_key_is_malformed()
    {
        foreach (var kind in (string[])["tpm", "development"])
            await TestBroker.RefusedAsync(kind == "tpm" ? "evidence-refused" : "malformed", await scene.Broker.PostAsync("/v1/machines/challenges", new(kind), ProtocolJson.Default.EnrolmentRequest));
    }

    private static async Task RefusedAsync(string problem, string because, HttpResponseMessage response) =>
        Assert.Contains(because, await TestBroker.RefusedAsync(problem, response), StringComparison.Ordinal);
}
