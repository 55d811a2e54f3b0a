using System.Net;
using System.Security.Authentication;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Strongroom.Attestation;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Kbs;
using Strongroom.Broker.Tests.Release;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Policy;
using Strongroom.Protocol;
using Strongroom.Tests.Attestation.Kbs;
using Strongroom.Tests.Crypto;
using Whole = Strongroom.Tests.Attestation.Composite.TestMachine;

namespace Strongroom.Broker.Tests.Kbs;

/// <summary>A broker with a TEE on record, a policy that allows guests, and a request that people may approve; and what a guest's components send.</summary>
internal sealed class KbsScene : IAsyncDisposable
{
    private readonly Ed25519PrivateKey collector = Ed25519PrivateKey.FromSeed(Digest.Of("collector"u8).Span);
    private HttpClient? client;

    private KbsScene(ReleaseScene scene, string kind) => (Scene, Machine) = (scene, Whole.Of(kind, scene.Broker.Clock.GetUtcNow()));

    public ReleaseScene Scene { get; }

    public TestBroker Broker => Scene.Broker;

    public Whole Machine { get; }

    public DateTimeOffset Now => Broker.Clock.GetUtcNow();

    public string Resource => $"{ReleaseScene.Model}/1/{Scene.RequestId}";

    public static async Task<KbsScene> StartAsync(string kind = "sev-snp")
    {
        var scene = new KbsScene(await ReleaseScene.StartAsync(), kind);
        await scene.PrepareAsync();
        return scene;
    }

    /// <summary>The program once more on the same directory.</summary>
    public async Task StartAgainAsync()
    {
        Broker.Roots = Machine.Roots;
        await Broker.StartAgainAsync();
        client?.Dispose();
        client = new HttpClient(Cookieless()) { BaseAddress = Broker.Host.Address };
    }

    public static PolicyRule Rule(string kind, bool allowed = true) => ReleaseScene.Rule with
    {
        Machines = [new(kind, ["guests"], 60, 1, DangerKbsGuests: allowed ? true : null)], Memory = ["secret"],
    };

    public async Task EndorseAsync()
    {
        var bundle = EndorsementBundle.Sign(Now, Machine.Files(Now).Select(file => new BundledFile(file.Bytes.ToArray(), file.Name)), collector);
        var (ledger, id, by, at) = Broker.By(Scene.Operator);
        await WriteAsync(new RecordEndorsements(ledger, id, by, at, "lab", Now, Digest.Of(bundle)), bundle);
    }

    public async Task<(byte[] Nonce, string Cookie)> AuthAsync(string? tee = null)
    {
        using var response = await SendAsync(HttpMethod.Post, "auth", new() { ["version"] = "0.4.0", ["tee"] = tee ?? (Machine.Kind == "tdx" ? "tdx" : "snp"), ["extra-params"] = new JsonObject { ["supported-hash-algorithms"] = new JsonArray("sha384") } });
        await TestBroker.MustAsync(HttpStatusCode.OK, response);
        var cookie = Assert.Single(response.Headers.GetValues("Set-Cookie"));
        Assert.Contains("path=/kbs; secure; samesite=strict; httponly", cookie, StringComparison.OrdinalIgnoreCase);
        var challenge = JsonElement.Parse(await response.Content.ReadAsStringAsync());
        Assert.Equal("", challenge.GetProperty("extra-params").GetString());
        return (challenge.GetProperty("nonce").GetBytesFromBase64(), cookie.Split(';')[0]);
    }

    public Task<HttpResponseMessage> AttestAsync(string? cookie, byte[] nonce, GuestEvidence evidence, JsonObject key) => SendAsync(HttpMethod.Post, "attest", Attestation(nonce, evidence, key), cookie);

    public static JsonObject Attestation(byte[] nonce, GuestEvidence evidence, JsonObject key) => new()
    {
        ["init-data"] = null, // as guests without it write it
        ["runtime-data"] = new JsonObject { ["nonce"] = Convert.ToBase64String(nonce), ["tee-pubkey"] = key.DeepClone() },
        ["tee-evidence"] = new JsonObject { ["primary_evidence"] = JsonNode.Parse(evidence.PrimaryEvidence), ["additional_evidence"] = evidence.AdditionalEvidence },
    };

    /// <summary>Begins a session as a guest does, and returns its cookie and its token.</summary>
    public async Task<(string Cookie, string Token)> SessionAsync(TestGuest guest)
    {
        var (nonce, cookie) = await AuthAsync();
        using var response = await AttestAsync(cookie, nonce, guest.Answer(nonce, Now), guest.Key.Jwk);
        await TestBroker.MustAsync(HttpStatusCode.OK, response);
        return (cookie, JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty("token").GetString()!);
    }

    public Task<HttpResponseMessage> GetAsync(string resource, string? cookie, string? token = null) => SendAsync(HttpMethod.Get, $"resource/{resource}", null, cookie, token);

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, JsonObject? body, string? cookie = null, string? token = null)
    {
        using var request = new HttpRequestMessage(method, $"/kbs/v0/{path}") { Content = body is null ? null : new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json") };
        if (cookie is not null) request.Headers.Add("Cookie", cookie);
        if (token is not null) request.Headers.Authorization = new("Bearer", token);
        return await client!.SendAsync(request);
    }

    /// <summary>What another implementation reads in the answer: the keys, and what they are for.</summary>
    public static async Task<(byte[] Keys, string Resource)> OpenAsync(HttpResponseMessage response, GuestKey key)
    {
        await TestBroker.MustAsync(HttpStatusCode.OK, response);
        var message = JsonSerializer.Deserialize<Jwe>(await response.Content.ReadAsStringAsync(), new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower })!;
        var opened = Assert.Single(Jwcrypto.Open((key, message)));
        Assert.True(opened.TryGetProperty("content", out var content), opened.ToString());
        return (Convert.FromHexString(content.GetString()!), opened.GetProperty("resource").GetString()!);
    }

    /// <summary>The whole ledger, read as by somebody who believes nobody.</summary>
    public async Task<DecisionAudit> AuditAsync()
    {
        var audit = new DecisionAudit(async (digest, cancel) => await Broker.Host.Ledger.ReadBlobAsync(digest, cancel), endorsements: bytes => RecordedEndorsements.Read(bytes, Machine.Roots));
        await foreach (var entry in Broker.Host.Ledger.ReadEntriesAsync(0, Broker.State.Size)) await audit.ReadAsync(entry);
        return audit;
    }

    public async ValueTask DisposeAsync()
    {
        client?.Dispose();
        collector.Dispose();
        await Scene.DisposeAsync();
    }

    private SocketsHttpHandler Cookieless()
    {
        var handler = Broker.Pinned(SslProtocols.Tls13);
        handler.UseCookies = false; // which session a request is of, the test says
        return handler;
    }

    private async Task PrepareAsync()
    {
        await StartAgainAsync();
        await Broker.ChangeAsync(new AddCollector("lab", collector.PublicKey));
        await EndorseAsync();
        var transcript = new EnrolmentTranscript(TestBroker.Origin, new byte[32], Now, Machine.Kind, Broker.BrokerKey);
        var evidence = Machine.Evidence(transcript.Digest(), Now);
        var bundle = await Broker.Host.Ledger.ReadBlobAsync(Broker.State.Endorsements.Latest!.Digest, CancellationToken.None);
        var found = RecordedEndorsements.Read(bundle!.Value, Machine.Roots).Enrolment(Machine.Kind, evidence, transcript.Digest(), Now);
        var measured = Measurement.From(Machine.Kind, found.Claims);
        await Broker.ChangeAsync(new SetReference("guests", Machine.Kind, found.Claims, 1));
        await Scene.SetPolicyAsync(Rule(Machine.Kind));
        var (ledger, id, by, at) = Broker.By(Scene.Operator);
        await WriteAsync(
            new EnrolMachine(ledger, id, by, at, found.Identity!.MachineId(), Machine.Kind, found.Identity.ToBytes(), [], 0, Measurement: measured.Digest(), Evidence: Digest.Of(evidence), Transcript: transcript),
            evidence, measured.ToBytes());
        await Scene.OpenAsync(Scene.NewRequest() with { Machine = found.Identity.MachineId(), Measurement = measured.Digest() });
    }

    /// <summary>Straight into the ledger: how these commands come by HTTP is shown elsewhere, and the audit finds whether they should have been written.</summary>
    private async Task WriteAsync(Command command, params ReadOnlyMemory<byte>[] blobs)
    {
        var signed = Scene.Operator.Sign(command);
        await Broker.Host.Journal.WriteAsync((_, now) => new(new CommandRecord(now, signed.Command, signed.Signature), blobs), CancellationToken.None);
    }
}
