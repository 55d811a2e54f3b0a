using System.Net;
using Strongroom.Attestation;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;
using VendorMachine = Strongroom.Tests.Attestation.Composite.TestMachine;

namespace Strongroom.Broker.Tests.Release;

/// <summary>A broker whose machine has a TEE: endorsements on record, introduced by its own evidence over HTTP, and a request that people approved.</summary>
internal sealed class TeeScene : IAsyncDisposable
{
    private readonly Ed25519PrivateKey collector = Ed25519PrivateKey.FromSeed(Digest.Of("collector"u8).Span);

    private TeeScene(ReleaseScene scene, VendorMachine machine) => (Scene, Machine) = (scene, machine);

    public ReleaseScene Scene { get; }

    public TestBroker Broker => Scene.Broker;

    public VendorMachine Machine { get; }

    public DateTimeOffset Now => Broker.Clock.GetUtcNow();

    public MachineIdentity Identity { get; private set; } = null!;

    public IReadOnlyDictionary<string, string> Claims { get; private set; } = null!;

    public Digest Measured => Measurement.Of(Machine.Kind, Claims);

    public static async Task<TeeScene> StartAsync(string kind, bool enrolled = true)
    {
        var machine = VendorMachine.Of(kind, new HandWoundClock().GetUtcNow());
        var scene = new TeeScene(await ReleaseScene.StartAsync(roots: machine.Roots), machine);
        await scene.Broker.ChangeAsync(new AddCollector("lab", scene.collector.PublicKey));
        var transcript = Digest.Of("introduction"u8);
        var found = TeeEnrolment.Check(kind, machine.Evidence(transcript, scene.Now), transcript, machine.Endorsements(scene.Now), scene.Now, machine.Roots);
        (scene.Identity, scene.Claims) = (found.Identity!, found.Claims);
        if (enrolled) await scene.EnrolAndApproveAsync();
        return scene;
    }

    /// <summary>Puts on record what the machine's vendors say now.</summary>
    public async Task EndorseAsync(params byte[][] besides)
    {
        var (ledger, id, by, at) = Broker.By(Scene.Operator);
        var bundle = EndorsementBundle.Sign(
            at, [.. Machine.Files(at).Select(file => new BundledFile(file.Bytes.ToArray(), file.Name)), .. besides.Select((bytes, i) => new BundledFile(bytes, $"besides-{i}"))], collector);
        var record = new RecordEndorsements(ledger, id, by, at, "lab", Timestamp.WholeSecond(at), Digest.Of(bundle));
        await TestBroker.MustAsync(HttpStatusCode.OK, await Broker.PostAsync("/v1/endorsements", new(Scene.Operator.Sign(record), bundle), ProtocolJson.Default.EndorsementUpload));
    }

    public async Task<EnrolmentChallenge> IntroduceAsync(string? kind = null) => await TestBroker.MustAsync(
        HttpStatusCode.OK, await Broker.PostAsync("/v1/machines/challenges", new(kind ?? Machine.Kind), ProtocolJson.Default.EnrolmentRequest), ProtocolJson.Default.EnrolmentChallenge);

    public EnrolMachine Enrolment(EnrolmentTranscript transcript, byte[] evidence)
    {
        var (ledger, id, by, at) = Broker.By(Scene.Operator);
        return new(
            ledger, id, by, at, Identity.MachineId(), Machine.Kind, Identity.ToBytes(), [], 0, Measurement: Measured, Evidence: Digest.Of(evidence), Transcript: transcript);
    }

    public Task<HttpResponseMessage> EnrolAsync(EnrolmentChallenge challenge, EnrolMachine command, byte[]? evidence) =>
        Broker.PostAsync("/v1/machines", new(Scene.Operator.Sign(command), challenge.Challenge, Measurement: Measurement.From(Machine.Kind, Claims).ToBytes(), Evidence: evidence), ProtocolJson.Default.MachineEnrolment);

    /// <summary>As its operator does it.</summary>
    public async Task<HttpResponseMessage> EnrolAsync()
    {
        var challenge = await IntroduceAsync();
        var evidence = Machine.Evidence(challenge.Transcript!.Digest(), Now);
        return await EnrolAsync(challenge, Enrolment(challenge.Transcript, evidence), evidence);
    }

    public byte[] Evidence(Challenge challenge) => Machine.Evidence(challenge.Transcript.Digest(), Now);

    public async Task<HttpResponseMessage> AskAsync(HpkePrivateKey enclave)
    {
        var challenge = await Scene.ChallengeAsync(enclave);
        return await Scene.AnswerAsync(challenge.Id, Evidence(challenge));
    }

    public async Task<HttpResponseMessage> RenewAsync(string lease)
    {
        var challenge = await TestBroker.MustAsync(
            HttpStatusCode.OK, await Broker.PostAsync($"/v1/leases/{lease}/challenges", new(Scene.Configuration), ProtocolJson.Default.RenewalChallengeRequest), ProtocolJson.Default.RenewalChallenge);
        return await Broker.PostAsync(
            $"/v1/leases/{lease}/renewals", new EvidenceSubmission(challenge.Id, Machine.Evidence(challenge.Transcript.Digest(), Now)), ProtocolJson.Default.EvidenceSubmission);
    }

    /// <summary>What an auditor finds who has the ledger and what lies beside it.</summary>
    public async Task<DecisionAudit> AuditAsync()
    {
        var audit = new DecisionAudit(async (digest, cancel) => await Broker.Host.Ledger.ReadBlobAsync(digest, cancel), endorsements: bytes => RecordedEndorsements.Read(bytes, Machine.Roots));
        await foreach (var entry in Broker.Host.Ledger.ReadEntriesAsync(0, Broker.State.Size)) Assert.True(await audit.ReadAsync(entry));
        return audit;
    }

    public async ValueTask DisposeAsync()
    {
        await Scene.DisposeAsync();
        collector.Dispose();
    }

    private async Task EnrolAndApproveAsync()
    {
        await EndorseAsync();
        await Broker.ChangeAsync(new SetReference("guests", Machine.Kind, Claims, 1));
        await Scene.SetPolicyAsync(ReleaseScene.Rule with { Machines = [new(Machine.Kind, ["guests"], 60, 1)] });
        await TestBroker.MustAsync(HttpStatusCode.OK, await EnrolAsync());
        await Scene.OpenAsync(Scene.NewRequest() with { Machine = Identity.MachineId(), Measurement = Measured });
        await Scene.ApproveBothAsync();
    }
}
