using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Enclave.Gateway;
using Strongroom.Facts;
using Strongroom.Ledger;
using Strongroom.Protocol;

namespace Strongroom.System.Tests.Enclave;

/// <summary>A broker, ledger and witness that say what the test wants, over real TLS with real keys: so that an enclave can be shown every lie.</summary>
internal sealed class ScriptedBroker : IAsyncDisposable
{
    public const string Origin = "example.org/scripted";
    public const string Request = "request-00112233445566778899aabbccddeeff";

    private readonly ConcurrentDictionary<string, Transcript> challenges = new();
    private readonly ConcurrentDictionary<string, RenewalTranscript> renewals = new();
    private readonly Ed25519PrivateKey ledgerKey = NewKey(), witnessKey = NewKey();
    private readonly TaskCompletionSource<string> revoked = new();
    private readonly X509Certificate2 certificate = ServerCertificate.Create(["127.0.0.1"], DateTimeOffset.UtcNow);
    private readonly TaskCompletionSource renewed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TinyModel model;
    private WebApplication? app;

    public ScriptedBroker(TinyModel model, Ed25519PublicKey machine)
    {
        (this.model, Machine) = (model, EnrolledMachine.IdOf(machine.Span));
        Ledger = new(ledgerKey, Origin);
        Witness = new(witnessKey, "example.org/witness");
    }

    public NoteSigner Ledger { get; }

    public Cosigner Witness { get; }

    public string Address => app!.Address();

    public BrokerPin Pin => BrokerPin.Of(certificate);

    /// <summary>Of the enclave that asked last.</summary>
    public HpkePublicKey? EnclaveKey { get; private set; }

    /// <summary>What an enclave is told first: approvals are missing, so many times.</summary>
    public int PendingAnswers { get; set; }

    public long LeaseSeconds { get; set; } = 600;

    public bool CheckTree { get; set; }

    /// <summary>Id of the machine that every transcript names.</summary>
    public string Machine { get; set; }

    /// <summary>Looks at evidence and the digest of the transcript that it should be for, as a broker's verifier would; by default nobody does.</summary>
    public Action<byte[], Digest> Judge { get; set; } = (_, _) => { };

    /// <summary>Changes the transcript of every challenge.</summary>
    public Func<Transcript, Transcript> Challenge { get; set; } = transcript => transcript;

    /// <summary>Changes the decision before it is proved.</summary>
    public Func<ReleaseDecided, LedgerRecord> Decide { get; set; } = decided => decided;

    /// <summary>Changes the grant after it was proved.</summary>
    public Func<GrantReply, GrantReply> Grant { get; set; } = grant => grant;

    /// <summary>Seconds of each renewal; null refuses.</summary>
    public Func<long?> Renew { get; set; } = () => 600;

    /// <summary>Completes with the first renewal.</summary>
    public Task Renewed => renewed.Task;

    /// <summary>Released file keys, in the order of the manifest.</summary>
    public byte[]? Keys { get; set; }

    public static Ed25519PrivateKey NewKey() => Ed25519PrivateKey.FromSeed(RandomNumberGenerator.GetBytes(32));

    public async Task StartAsync()
    {
        app = TlsListener.Create(new(IPAddress.Loopback, 0), certificate, 1 << 20, 64);
        app.Run(AnswerAsync);
        await app.StartAsync();
    }

    public void Revoke(string reason) => revoked.SetResult(reason);

    /// <summary>Proof that an entry is the second of two in the ledger, cosigned.</summary>
    public string Prove(ReadOnlySpan<byte> entry, bool cosigned = true)
    {
        var first = MerkleTree.LeafHash("first"u8);
        var head = new Checkpoint(Origin, 2, MerkleTree.NodeHash(first, MerkleTree.LeafHash(entry)));
        var note = Ledger.Sign(head.Text);
        return new LedgerProof(1, [first], cosigned ? note.With([Witness.Cosign(head, DateTimeOffset.UtcNow)]) : note).ToString();
    }

    public async ValueTask DisposeAsync()
    {
        revoked.TrySetResult("the test is over");
        if (app is not null) await app.DisposeAsync();
        ledgerKey.Dispose();
        witnessKey.Dispose();
        certificate.Dispose();
    }

    private async Task AnswerAsync(HttpContext http)
    {
        http.ShowedKey(); // an enclave has none to show a broker
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        var (path, json) = (http.Request.Path.Value!.Split('/')[1..], body.ToArray());
        byte[]? reply = path switch
        {
            ["v1", "challenges"] => Challenged(CanonicalJson.Read(json, ProtocolJson.Default.ChallengeRequest)),
            ["v1", "releases"] => Released(http, CanonicalJson.Read(json, ProtocolJson.Default.EvidenceSubmission, 1 << 20)),
            ["v1", "leases", var lease, "challenges"] => RenewalChallenged(lease, CanonicalJson.Read(json, ProtocolJson.Default.RenewalChallengeRequest)),
            ["v1", "leases", _, "renewals"] => AnswerRenewal(http, CanonicalJson.Read(json, ProtocolJson.Default.EvidenceSubmission, 1 << 20)),
            ["v1", "leases", var lease, "events"] => await FollowAsync(http, lease),
            _ => throw new InvalidOperationException(http.Request.Path),
        };
        if (reply is not null) await http.Response.Body.WriteAsync(reply);
    }

    private byte[] Challenged(ChallengeRequest asked)
    {
        EnclaveKey = asked.HpkeKey;
        var transcript = Challenge(new(
            Origin, RandomNumberGenerator.GetBytes(32), Now(), asked.Request,
            model.Manifest.ModelDigest, Machine, asked.HpkeKey, Pin.Key, asked.Memory, asked.Configuration));
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        challenges[id] = transcript;
        return CanonicalJson.Serialize(new(id, transcript, transcript.Issued.AddMinutes(1), [], 13), ProtocolJson.Default.Challenge);
    }

    private byte[] Released(HttpContext http, EvidenceSubmission submission)
    {
        challenges.TryRemove(submission.Challenge, out var transcript);
        if (PendingAnswers-- > 0)
        {
            http.Response.StatusCode = 202;
            return CanonicalJson.Serialize(new(["2 approvals by group security"], 1), ProtocolJson.Default.PendingReply);
        }
        Judge(submission.Evidence.ToArray(), transcript!.Digest());
        var lease = new GrantedLease(Ids.Lease(transcript.Digest()), [1], "rule", LeaseSeconds, transcript.Issued.AddSeconds(LeaseSeconds), CheckTree);
        var entry = Decide(new(
            transcript.Issued, Outcome.Allowed, transcript, model.Manifest.Name, model.Manifest.Version, Digest.Of(submission.Evidence.Span), submission.Evidence.Length,
            Digest.Of("policy"u8), Digest.Of("measurement"u8), Development: true, Grant: lease)).ToEntry();
        var sealedKeys = Hpke.Seal(transcript.HpkeKey, ReleaseDecided.HpkeInfo(MerkleTree.LeafHash(entry)), [], Keys ?? model.FileKeys);
        return CanonicalJson.Serialize(Grant(new(entry, Prove(entry), sealedKeys, true)), ProtocolJson.Default.GrantReply);
    }

    private byte[] RenewalChallenged(string lease, RenewalChallengeRequest asked)
    {
        var transcript = new RenewalTranscript(
            Origin, RandomNumberGenerator.GetBytes(32), Now(), lease, Machine, EnclaveKey!, Pin.Key, asked.Configuration);
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        renewals[id] = transcript;
        return CanonicalJson.Serialize(new(id, transcript, Now().AddMinutes(1), [], 13), ProtocolJson.Default.RenewalChallenge);
    }

    private byte[] AnswerRenewal(HttpContext http, EvidenceSubmission submission)
    {
        renewals.TryRemove(submission.Challenge, out var transcript);
        if (Renew() is not { } seconds)
        {
            http.Response.StatusCode = 403;
            return CanonicalJson.Serialize(new(Title: "denied", Reasons: ["the policy has changed"]), ProtocolJson.Default.ProblemReply);
        }
        Judge(submission.Evidence.ToArray(), transcript!.Digest());
        var entry = new RenewalDecided(
            Now(), Outcome.Allowed, transcript, Digest.Of(submission.Evidence.Span), submission.Evidence.Length, Development: true, Seconds: seconds, Expires: Now().AddSeconds(seconds)).ToEntry();
        renewed.TrySetResult();
        return CanonicalJson.Serialize(new(entry, Prove(entry), true), ProtocolJson.Default.RenewalReply);
    }

    private async Task<byte[]?> FollowAsync(HttpContext http, string lease)
    {
        http.Response.ContentType = "text/event-stream";
        await http.Response.Body.FlushAsync();
        var reason = await revoked.Task.WaitAsync(http.RequestAborted);
        var said = CanonicalJson.Serialize(new(LeaseEventKind.Revoked, lease, 5, reason), ProtocolJson.Default.LeaseEvent);
        return [.. "event: revoked\ndata: "u8, .. said, .. "\n\n"u8];
    }

    private static DateTimeOffset Now() => DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());
}
