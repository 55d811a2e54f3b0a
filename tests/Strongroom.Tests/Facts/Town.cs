using System.Security.Cryptography;
using System.Text;
using Strongroom.Attestation;
using BundledFile = Strongroom.Attestation.Appraisal.BundledFile;
using VendorRoots = Strongroom.Attestation.Appraisal.VendorRoots;
using EndorsementBundle = Strongroom.Attestation.Appraisal.EndorsementBundle;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Ledger;
using Strongroom.Policy;
using Strongroom.Sealing;
using Strongroom.Tests.Attestation;
using Strongroom.Tests.Ledger;

namespace Strongroom.Tests.Facts;

/// <summary>
/// A ledger with people, a model, a machine and a policy that asks for two owners; every record in it went through the rules. Tests drive it as a broker
/// would, and look at what the rules say.
/// </summary>
internal sealed class Town
{
    public const string Origin = "example.org/strongroom";
    public const string Purpose = "tell stories";

    public static readonly DateTimeOffset Noon = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);
    public static readonly IReadOnlyDictionary<string, string> Boot = new Dictionary<string, string> { ["kernel"] = "6.18", ["image"] = "good" };

    private readonly Dictionary<string, Ed25519PrivateKey> keys = [];

    private Town()
    {
    }

    public LedgerState State { get; private set; } = LedgerState.Empty;

    public DateTimeOffset Now { get; set; } = Noon;

    public VerifierKey LedgerKey { get; } = TestKeys.Signer(Origin).Verifier;

    public VerifierKey WitnessKey { get; } = TestKeys.Cosigner("witness.example/1").Verifier;

    public List<byte[]> Entries { get; } = [];

    /// <summary>The vendors of TEEs; a test that has one puts its own here.</summary>
    public VendorRoots Roots { get; set; } = VendorRoots.Pinned;

    /// <summary>As a broker reads what is on record.</summary>
    public RecordedEndorsements OnRecord => State.Endorsements.Latest is { Digest: var digest } ? RecordedEndorsements.Read(Blobs[digest], Roots) : RecordedEndorsements.None;

    public Dictionary<Digest, ReadOnlyMemory<byte>> Blobs { get; } = [];

    public string Ada { get; } = Ids.NewPerson();
    public string Ben { get; } = Ids.NewPerson();
    public string Operator { get; } = Ids.NewPerson();
    public string Owner1 { get; } = Ids.NewPerson();
    public string Owner2 { get; } = Ids.NewPerson();
    public string Owner3 { get; } = Ids.NewPerson();
    public string Outsider { get; } = Ids.NewPerson();

    public Ed25519PrivateKey MachineKey { get; } = NewKey();

    public string Machine => EnrolledMachine.IdOf(MachineKey.PublicKey.Span);

    public Digest Measured { get; } = Measurement.Of("development", Boot);

    public Digest ModelDigest => ManifestOf("storyteller", 1).ModelDigest;

    public Ed25519PrivateKey Publisher { get; } = NewKey();

    public Ed25519PrivateKey Collector { get; } = NewKey();

    /// <summary>What an enclave declares that pins this ledger, its witness, its broker and the model's publisher.</summary>
    public Digest Configuration => Pinned().Digest();

    public Digest BrokerKey { get; } = Digest.Of("broker key"u8);

    public HpkePrivateKey Enclave { get; } = HpkePrivateKey.Generate();

    /// <summary>Founded by two administrators, and nothing more.</summary>
    public static Town Founded(bool development = true)
    {
        var town = new Town();
        foreach (var person in (string[])[town.Ada, town.Ben, town.Operator, town.Owner1, town.Owner2, town.Owner3, town.Outsider]) town.keys[person] = NewKey();
        town.Append(town.FoundedBy(town.Ada, town.Ben, development));
        return town;
    }

    /// <summary>Everything that a release needs, requests and approvals apart.</summary>
    public static Town Furnished(ReleasePolicy? policy = null)
    {
        var town = Founded();
        town.Enrol(town.Operator, Groups.Operators);
        foreach (var owner in (string[])[town.Owner1, town.Owner2, town.Owner3]) town.Enrol(owner, "owners");
        town.Enrol(town.Outsider);
        town.Agree(new AddPublisher("acme", town.Publisher.PublicKey));
        town.Agree(new SetReference("good-boot", "development", Boot, 1));
        town.Agree(new SetPolicy(Document(policy ?? Policy())));
        town.Write(town.AddModel());
        town.Write(town.EnrolMachine());
        return town;
    }

    public static ReleasePolicy Policy(long owners = 2, long leaseSeconds = 3600, long starts = 1) => ReleasePolicy.From(
    [
        new("stories", ["storyteller"], [Purpose], [new("development", ["good-boot"], 60, starts, DangerDevelopmentEvidence: true)], [new("owners", owners)], ["secret"],
            CheckTree: true, leaseSeconds, MaximumRequestSeconds: 86_400, MaximumApprovalSeconds: 86_400),
    ]);

    public Configuration Pinned(params IReadOnlyList<Ed25519PublicKey> publishers) =>
        new(Origin, $"{LedgerKey}", [$"{WitnessKey}"], BrokerKey, publishers.Count > 0 ? publishers : [Publisher.PublicKey]);

    public static CanonicalDocument Document(ReleasePolicy policy) => CanonicalDocument.Parse(policy.Canonical.Span);

    public static Ed25519PrivateKey NewKey() => Ed25519PrivateKey.FromSeed(RandomNumberGenerator.GetBytes(32));

    public Ed25519PrivateKey KeyOf(string person) => keys[person];

    public Genesis FoundedBy(string first, string second, bool development = true)
    {
        var founding = new Founding(
            Origin, $"{LedgerKey}", [$"{WitnessKey}"], BrokerKey, [new(first, keys[first].PublicKey), new(second, keys[second].PublicKey)],
            development ? true : null);
        return new(Now, founding, [keys[first].Sign(founding.ToBeSigned()), keys[second].Sign(founding.ToBeSigned())]);
    }

    /// <summary>As its publisher signed it; puts the manifest where a broker would.</summary>
    public AddModel AddModel(long version = 1, string model = "storyteller")
    {
        var manifest = ManifestOf(model, version);
        Blobs[Digest.Of(manifest.Bytes.Span)] = manifest.Bytes;
        return new(Origin, Command.NewId(), Operator, Now, model, version, "acme", manifest.ModelDigest, Digest.Of(manifest.Bytes.Span), Digest.Of("recipients"u8));
    }

    public Manifest ManifestOf(string model, long version, Ed25519PrivateKey? signer = null) => Manifest.Sign(
        signer ?? Publisher, model, version, Noon, [new("model.safetensors", 100, SealedLayout.SealedLength(100), Digest.Of("tree"u8))]);

    public EnrolMachine EnrolMachine(Ed25519PrivateKey? key = null)
    {
        var bytes = (key ?? MachineKey).PublicKey.Span;
        Blobs[Measured] = Measurement.From("development", Boot).ToBytes();
        return new(Origin, Command.NewId(), Operator, Now, EnrolledMachine.IdOf(bytes), "development", bytes.ToArray(), [], 13, Measurement: Measured);
    }

    /// <summary>Enrols a TPM on these certificates, which are put where a broker would; nothing checks them here.</summary>
    public EnrolMachine EnrolTpm(TestTpm tpm, byte[] endorsement, params byte[][] intermediates)
    {
        foreach (var certificate in (byte[][])[endorsement, .. intermediates]) Blobs[Digest.Of(certificate)] = certificate;
        var machine = tpm.Machine;
        return new(
            Origin, Command.NewId(), Operator, Now, machine.Id, "tpm", machine.AttestationKey, machine.Pcrs, machine.ApplicationPcr, Digest.Of(endorsement),
            Intermediates: [.. intermediates.Select(der => Digest.Of(der))]);
    }

    /// <summary>A bundle as its collector signed it, put where a broker would.</summary>
    public RecordEndorsements Endorse(DateTimeOffset? collected = null, Ed25519PrivateKey? signer = null, string collector = "lab", params IEnumerable<BundledFile> files)
    {
        var bundle = EndorsementBundle.Sign(collected ?? Now, files, signer ?? Collector);
        Blobs[Digest.Of(bundle)] = bundle;
        return new(Origin, Command.NewId(), Operator, Now, collector, Timestamp.WholeSecond(collected ?? Now), Digest.Of(bundle));
    }

    public OpenRequest Open(string? by = null) => new(
        Origin, Command.NewId(), by ?? Operator, Now, "storyteller", 1, ModelDigest, Machine, Measured, Purpose, 3600, Now.AddHours(12));

    public Approval Approve(string person, string request, Answer answer = Answer.Approve)
    {
        var asked = State.Requests.Requests[request].Asked;
        return new(
            Origin, Command.NewId(), person, Now, answer, request, asked.Digest, State.Access.Policy!.Digest, asked.ModelDigest, asked.Machine, asked.Measurement,
            asked.Purpose, asked.LeaseSeconds, asked.Expires);
    }

    public RetireMachine Retire(string machine) => new(Origin, Command.NewId(), Operator, Now, machine);

    public Revoke Revoke(string target, string? by = null) => new(Origin, Command.NewId(), by ?? Ada, Now, target, "it was time");

    public ProposeChange Propose(TrustChange change, string? by = null) => new(Origin, Command.NewId(), by ?? Ada, Now, change);

    public ApproveChange Approve(ProposeChange proposal, string? by = null) =>
        new(Origin, Command.NewId(), by ?? Ben, Now, Ids.Proposal(proposal), proposal.Digest());

    /// <summary>Opens a request and returns its id.</summary>
    public string Opened(string? by = null)
    {
        var open = Open(by);
        Write(open);
        return Ids.Request(open);
    }

    /// <summary>A request that the people have approved.</summary>
    public string Approved(params string[] people)
    {
        var request = Opened();
        foreach (var person in people) Write(Approve(person, request));
        return request;
    }

    public void Enrol(string person, params string[] groups) => Agree(new EnrolPerson(person, keys[person].PublicKey, groups));

    /// <summary>Ada proposes, Ben approves.</summary>
    public void Agree(TrustChange change)
    {
        var proposal = Propose(change);
        Write(proposal);
        Write(Approve(proposal));
    }

    public IReadOnlyList<string> Refusals(Command command, Ed25519PrivateKey? key = null) =>
        State.Refusals(SignedCommand.Sign(command, key ?? keys[command.By]), Now);

    public bool Try(Command command)
    {
        if (Refusals(command).Count > 0) return false;
        Write(command);
        return true;
    }

    public void Write(Command command)
    {
        var signed = SignedCommand.Sign(command, keys[command.By]);
        Assert.Empty(State.Refusals(signed, Now));
        Append(new CommandRecord(Timestamp.WholeSecond(Now), signed.Command, signed.Signature));
    }

    /// <summary>Written as a broker would that does not ask the rules.</summary>
    public void Force(Command command, Ed25519PrivateKey? key = null)
    {
        var signed = SignedCommand.Sign(command, key ?? keys[command.By]);
        Append(new CommandRecord(Timestamp.WholeSecond(Now), signed.Command, signed.Signature));
    }

    /// <summary>Written down as a refusal, as a broker does that asks the rules.</summary>
    public void Refuse(Command command) =>
        Append(CommandRefused.Of(State, SignedCommand.Sign(command, keys[command.By]), Timestamp.WholeSecond(Now)) ?? throw new InvalidOperationException("no refusal to record"));

    /// <param name="blobs">What a broker puts beside it.</param>
    public void Append(LedgerRecord record, params IReadOnlyList<ReadOnlyMemory<byte>> blobs)
    {
        Entries.Add(record.ToEntry());
        State = State.Apply(State.Size, record);
        foreach (var blob in blobs) Blobs[Digest.Of(blob.Span)] = blob;
    }

    public Transcript Transcript(string request, HpkePublicKey? key = null, Digest? configuration = null)
    {
        var asked = State.Requests.Requests[request].Asked;
        return new(
            Origin, RandomNumberGenerator.GetBytes(32), Timestamp.WholeSecond(Now), request, asked.ModelDigest, asked.Machine, key ?? Enclave.PublicKey, BrokerKey, "secret",
            configuration ?? Configuration, asked.Files);
    }

    public RenewalTranscript Renewal(Lease lease, HpkePublicKey? key = null) => new(
        Origin, RandomNumberGenerator.GetBytes(32), Timestamp.WholeSecond(Now), lease.Id, lease.Machine, key ?? lease.HpkeKey!, BrokerKey, lease.Configuration!.Value);

    public byte[] Evidence(Digest transcript, HpkePublicKey? key = null, IReadOnlyDictionary<string, string>? boot = null, int starts = 1, Digest? configuration = null) =>
        DevelopmentEvidence.Sign(MachineKey, transcript, boot ?? Boot, [.. Enumerable.Repeat(EnclaveStart.Of(key ?? Enclave.PublicKey, configuration ?? Configuration), starts)]);

    /// <summary>Decides as a broker does, and writes the decision unless it is one that is not written.</summary>
    public ReleaseDecision Ask(string request, HpkePublicKey? key = null, IReadOnlyDictionary<string, string>? boot = null)
    {
        var transcript = Transcript(request, key);
        return Ask(transcript, Evidence(transcript.Digest(), key, boot));
    }

    public ReleaseDecision Ask(Transcript transcript, byte[] evidence)
    {
        var result = AttestationResult.Of(State, transcript, evidence, OnRecord);
        var decision = ReleaseDecision.Make(State, transcript, result, Now);
        if (decision.Standing is null && !decision.IsRepeated) Append(decision.Record, result.Blobs);
        return decision;
    }

    /// <summary>Asks for a request that is approved, and returns the lease.</summary>
    public Lease Leased(string request)
    {
        var granted = Ask(request).Record.Grant!.Lease;
        return State.Release.Leases[granted];
    }

    public RenewalDecision Renew(Lease lease, IReadOnlyDictionary<string, string>? boot = null, HpkePublicKey? key = null)
    {
        var transcript = Renewal(lease, key);
        var result = AttestationResult.Of(State, transcript, Evidence(transcript.Digest(), key ?? lease.HpkeKey!, boot, configuration: lease.Configuration));
        var decision = RenewalDecision.Make(State, transcript, result, Now);
        if (!decision.IsRepeated) Append(decision.Record, result.Blobs);
        return decision;
    }

    public async Task<DecisionAudit> Audit(ReleasePolicy? candidate = null)
    {
        var audit = new DecisionAudit((digest, _) => ValueTask.FromResult(Blobs.TryGetValue(digest, out var bytes) ? bytes : (ReadOnlyMemory<byte>?)null), candidate, bytes => RecordedEndorsements.Read(bytes, Roots));
        foreach (var entry in Entries)
            if (!await audit.ReadAsync(entry, TestContext.Current.CancellationToken)) break;
        return audit;
    }

    /// <summary>Replaces one record of the ledger, as somebody could who holds the ledger's key and the witness's.</summary>
    public void Rewrite(int index, Func<LedgerRecord, LedgerRecord> change) => Entries[index] = change(LedgerRecord.Parse(Entries[index])).ToEntry();

    public static string Text(byte[] entry) => Encoding.UTF8.GetString(entry);
}
