using System.Net;
using Strongroom.Attestation.Appraisal;
using Strongroom.Broker.Tests.Machines;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Keys;
using Strongroom.Ledger;
using Strongroom.Policy;
using Strongroom.Protocol;
using Strongroom.Sealing;
using Strongroom.Tests.Attestation;

namespace Strongroom.Broker.Tests.Release;

/// <summary>Everything up to the release itself: people, publisher, model, machine, policy, and a request that two people may approve.</summary>
internal sealed class ReleaseScene : IAsyncDisposable
{
    public const string Model = "storyteller";
    public const string Purpose = "inference";
    public const int LeaseSeconds = 600;

    private readonly Ed25519PrivateKey publisher = Ed25519PrivateKey.FromSeed(Digest.Of("publisher"u8).Span);

    private ReleaseScene(TestBroker broker) => Broker = broker;

    public TestBroker Broker { get; }

    public TestPerson Operator { get; private set; } = null!;

    public TestPerson Requester { get; private set; } = null!;

    public TestPerson Xena { get; private set; } = null!;

    public TestPerson Yuri { get; private set; } = null!;

    public TestMachine Machine { get; } = new();

    public Secret ModelKey { get; } = Secret.Random(ContentKeys.SizeInBytes);

    public Manifest Manifest { get; private set; } = null!;

    public OpenRequest Request { get; private set; } = null!;

    /// <summary>What an enclave declares whose pins follow from this broker's ledger.</summary>
    public Digest Configuration => Broker.State.Founding is { } founding
        ? new Configuration(founding.Ledger, founding.LedgerKey, founding.Witnesses, founding.BrokerKey, [publisher.PublicKey]).Digest()
        : throw new InvalidOperationException("the ledger is empty");

    public string RequestId => Ids.Request(Request);

    public static PolicyRule Rule { get; } = new(
        "storyteller", [Model], [Purpose], [new("development", ["enclaves"], 60, 4, DangerDevelopmentEvidence: true)], [new("security", 2)], ["secret", "locked"],
        CheckTree: false, MaximumLeaseSeconds: 3600, MaximumRequestSeconds: 86_400, MaximumApprovalSeconds: 86_400, Files: ["*"]);

    public static async Task<ReleaseScene> StartAsync(Limits? limits = null, bool now = false, string? directory = null, VendorRoots? roots = null)
    {
        var scene = new ReleaseScene(await TestBroker.StartAsync(limits, now: now, directory: directory, roots: roots));
        await scene.PrepareAsync();
        return scene;
    }

    public Task SetPolicyAsync(params IReadOnlyList<PolicyRule> rules) => Broker.ChangeAsync(new SetPolicy(CanonicalDocument.Parse(ReleasePolicy.From(rules).Canonical.Span)));

    public OpenRequest NewRequest(IReadOnlyList<string>? files = null)
    {
        var (ledger, id, by, at) = Broker.By(Requester);
        return new(ledger, id, by, at, Model, 1, Manifest.ModelDigest, Machine.Id, Machine.Measurement, Purpose, LeaseSeconds, at.AddHours(8), files);
    }

    public async Task OpenAsync(OpenRequest request)
    {
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await Broker.SendAsync(Requester.Sign(request)));
        Request = request;
    }

    public Approval Approval(TestPerson person, Answer answer = Answer.Approve) => Approval(person, Request, answer);

    public Approval Approval(TestPerson person, OpenRequest request, Answer answer = Answer.Approve)
    {
        var (ledger, id, by, at) = Broker.By(person);
        return new(
            ledger, id, by, at, answer, Ids.Request(request), request.Digest(), Broker.State.Access.Policy!.Digest, request.ModelDigest, request.Machine,
            request.Measurement, request.Purpose, request.LeaseSeconds, at.AddHours(4));
    }

    public Task<HttpResponseMessage> ApproveAsync(TestPerson person) => Broker.SendAsync(person.Sign(Approval(person)));

    public async Task ApproveBothAsync()
    {
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await ApproveAsync(Xena));
        await TestBroker.MustAsync(HttpStatusCode.OK, await ApproveAsync(Yuri));
    }

    public async Task<Challenge> ChallengeAsync(HpkePrivateKey enclave, string memory = "secret", string? request = null, Digest? configuration = null) =>
        await TestBroker.MustAsync(
            HttpStatusCode.OK,
            await Broker.PostAsync("/v1/challenges", new(request ?? RequestId, enclave.PublicKey, memory, configuration ?? Configuration), ProtocolJson.Default.ChallengeRequest),
            ProtocolJson.Default.Challenge);

    public Task<HttpResponseMessage> AnswerAsync(string challenge, byte[] evidence) =>
        Broker.PostAsync("/v1/releases", new EvidenceSubmission(challenge, evidence), ProtocolJson.Default.EvidenceSubmission);

    /// <summary>A fresh challenge, honestly answered.</summary>
    public async Task<HttpResponseMessage> AskAsync(HpkePrivateKey enclave)
    {
        var challenge = await ChallengeAsync(enclave);
        return await AnswerAsync(challenge.Id, Machine.Evidence(challenge.Transcript));
    }

    /// <summary>What an enclave does with a grant: proof first, then what the leaf says, then the key.</summary>
    public Secret Open(GrantReply grant, HpkePrivateKey enclave)
    {
        var receipt = LedgerReceipt.Check(grant.Entry, grant.Proof, Broker.Host.Ledger.Trust);
        var decided = Assert.IsType<ReleaseDecided>(LedgerRecord.Parse(receipt.Entry.Span));
        Assert.Equal(enclave.PublicKey, decided.Transcript.HpkeKey);
        return Hpke.Open(enclave, [.. "strongroom/release/v1\n"u8, .. receipt.LeafHash.Span], [], grant.SealedKeys.Span);
    }

    public async Task<GrantReply> ReleasedAsync(HpkePrivateKey enclave) =>
        await TestBroker.MustAsync(HttpStatusCode.OK, await AskAsync(enclave), ProtocolJson.Default.GrantReply);

    public async ValueTask DisposeAsync()
    {
        await Broker.DisposeAsync();
        publisher.Dispose();
        ModelKey.Dispose();
    }

    public async Task<ModelUpload> UploadAsync(long version, Ed25519PrivateKey? signer = null, string? custody = null)
    {
        ManifestFile File(string name) => new(name, 100, SealedLayout.SealedLength(100), Digest.Of("tree"u8));
        Manifest = Manifest.Sign(signer ?? publisher, Model, version, Broker.Clock.GetUtcNow(), [File("config.json"), File("model.safetensors"), File("tokenizer.json")]);
        using var keys = KeyProvider.Open("file:" + (custody ?? Path.Combine(Broker.Directory, "custody.key")));
        var recipients = Recipients.Create(ModelKey, Manifest.ModelDigest, [await keys.WrapModelKeyAsync(ModelKey, Manifest.ModelDigest)]);
        var (ledger, id, by, at) = Broker.By(Operator);
        var add = new AddModel(ledger, id, by, at, Model, version, "ours", Manifest.ModelDigest, Digest.Of(Manifest.Bytes.Span), Digest.Of(recipients.Bytes.Span));
        return new(Operator.Sign(add), Manifest.Bytes, recipients.Bytes);
    }

    public Task<HttpResponseMessage> AddAsync(ModelUpload upload) => Broker.PostAsync("/v1/models", upload, ProtocolJson.Default.ModelUpload);

    public async Task<HttpResponseMessage> EnrolAsync(TestMachine machine, Func<EnrolMachine, EnrolMachine>? changed = null)
    {
        var challenge = await TestBroker.MustAsync(
            HttpStatusCode.OK,
            await Broker.PostAsync("/v1/machines/challenges", new("development", machine.Key.PublicKey.Span.ToArray()), ProtocolJson.Default.EnrolmentRequest),
            ProtocolJson.Default.EnrolmentChallenge);
        var (ledger, id, by, at) = Broker.By(Operator);
        var enrol = new EnrolMachine(ledger, id, by, at, challenge.Machine!, "development", machine.Key.PublicKey.Span.ToArray(), [], 13);
        return await Broker.PostAsync("/v1/machines", new(Operator.Sign(changed?.Invoke(enrol) ?? enrol), challenge.Challenge), ProtocolJson.Default.MachineEnrolment);
    }

    /// <summary>A machine with a TPM, a policy that takes its evidence, and a request for it.</summary>
    public async Task EnrolAsync(SoftwareTpm tpm, TestMaker maker)
    {
        await Broker.ChangeAsync(new AddRoot("tpm-ek", maker.Root));
        await Broker.ChangeAsync(new SetReference("rack", "tpm", tpm.Claims, 1));
        await SetPolicyAsync(Rule with { Machines = [new("tpm", ["rack"], 60, 1)] });
        await AdmitAsync(tpm);
        await OpenAsync(NewRequest() with { Machine = tpm.Machine.Id, Measurement = tpm.Measurement });
    }

    /// <summary>One more machine with a TPM of a maker on record.</summary>
    public async Task AdmitAsync(SoftwareTpm tpm)
    {
        var challenge = await TestBroker.MustAsync(
            HttpStatusCode.OK,
            await Broker.PostAsync("/v1/machines/challenges", new("tpm", tpm.AttestationKey, tpm.Certificates), ProtocolJson.Default.EnrolmentRequest),
            ProtocolJson.Default.EnrolmentChallenge);
        var (ledger, id, by, at) = Broker.By(Operator);
        var machine = tpm.Machine;
        var enrol = new EnrolMachine(ledger, id, by, at, machine.Id, "tpm", tpm.AttestationKey, machine.Pcrs, machine.ApplicationPcr, Digest.Of(tpm.Certificates[0].Span),
            Intermediates: [.. tpm.Certificates.Skip(1).Select(der => Digest.Of(der.Span))]);
        await TestBroker.MustAsync(
            HttpStatusCode.OK,
            await Broker.PostAsync(
                "/v1/machines", new(Operator.Sign(enrol), challenge.Challenge, tpm.Activate(challenge.Credential!.Value.Span)), ProtocolJson.Default.MachineEnrolment));
    }

    private async Task PrepareAsync()
    {
        Operator = await Broker.EnrolAsync(Groups.Operators);
        Requester = await Broker.EnrolAsync(Groups.Requesters, "security");
        Xena = await Broker.EnrolAsync("security");
        Yuri = await Broker.EnrolAsync("security");
        await Broker.ChangeAsync(new AddPublisher("ours", publisher.PublicKey));
        await Broker.ChangeAsync(new SetReference("enclaves", "development", Machine.Claims, 1));
        await SetPolicyAsync(Rule);
        await TestBroker.MustAsync(HttpStatusCode.OK, await EnrolAsync(Machine));
        await TestBroker.MustAsync(HttpStatusCode.OK, await AddAsync(await UploadAsync(1)));
        await OpenAsync(NewRequest());
    }
}
