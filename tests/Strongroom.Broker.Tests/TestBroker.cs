using System.Net;
using System.Net.Http.Json;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Serialization.Metadata;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Ledger;
using Strongroom.Protocol;

namespace Strongroom.Broker.Tests;

/// <summary>A broker as it ships, over TLS, in a directory of its own; only the clock and the line to the witness are ours.</summary>
internal sealed class TestBroker : IAsyncDisposable
{
    public const string Origin = "broker.test/ledger";

    private readonly X509Certificate2 certificate;
    private HttpClient? client;

    private TestBroker(string directory, X509Certificate2 certificate)
    {
        (Directory, this.certificate) = (directory, certificate);
        Witness = new(Clock);
    }

    public HandWoundClock Clock { get; } = new();

    public TestWitness Witness { get; private set; }

    public string Directory { get; }

    public TestPerson Ada { get; } = new(Groups.Administrators);

    public TestPerson Ben { get; } = new(Groups.Administrators);

    public BrokerHost Host { get; private set; } = null!; // set by the start

    public HttpClient Client => client!;

    public Digest BrokerKey => Digest.Of(certificate.PublicKey.ExportSubjectPublicKeyInfo());

    /// <summary>The vendors of TEEs; null for the real ones.</summary>
    public VendorRoots? Roots { get; set; }

    public LedgerState State => Host.Journal.State;

    /// <param name="directory">Made here, and deleted with the broker; null for one in the temporary directory.</param>
    public static async Task<TestBroker> StartAsync(Limits? limits = null, bool development = true, bool now = false, string? directory = null, VendorRoots? roots = null)
    {
        var place = directory is null ? System.IO.Directory.CreateTempSubdirectory("strongroom-broker-") : System.IO.Directory.CreateDirectory(directory);
        var broker = new TestBroker(place.FullName, NewCertificate()) { Roots = roots };
        if (now) broker.Clock.SetToNow();
        broker.WriteDirectory(development);
        await broker.StartAgainAsync(limits, development);
        return broker;
    }

    /// <summary>The program once more on the same directory.</summary>
    public async Task StartAgainAsync(Limits? limits = null, bool development = true)
    {
        await StopAsync();
        var directory = BrokerDirectory.Open(new(Directory, null, null, null, development));
        Host = await BrokerHost.StartAsync(directory, Clock, limits ?? Generous, Witness.Line, CancellationToken.None, Roots is null ? null : bytes => RecordedEndorsements.Read(bytes, Roots));
        client = new HttpClient(Pinned(SslProtocols.Tls13)) { BaseAddress = Host.Address };
    }

    /// <summary>Talks to a broker in another process from now on.</summary>
    public void Attach(Uri address)
    {
        client?.Dispose();
        client = new HttpClient(Pinned(SslProtocols.Tls13)) { BaseAddress = address };
    }

    public async Task StopAsync()
    {
        client?.Dispose();
        if (Host is not null) await Host.DisposeAsync();
    }

    /// <summary>Tests that are not about rates are not slowed by them.</summary>
    public static Limits Generous { get; } = new(100_000, 100_000, 100_000, 100_000);

    public SocketsHttpHandler Pinned(SslProtocols protocols) => new()
    {
        SslOptions = new()
        {
            EnabledSslProtocols = protocols,
            RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null && shown.GetRawCertData().AsSpan().SequenceEqual(certificate.RawData),
        },
    };

    /// <summary>Common members of a command: this ledger, a new id, who, now.</summary>
    public (string Ledger, string Id, string By, DateTimeOffset At) By(TestPerson person) => (Origin, Command.NewId(), person.Id, Clock.GetUtcNow());

    public Task<HttpResponseMessage> SendAsync(SignedCommand command) => PostAsync("/v1/commands", command, ProtocolJson.Default.SignedCommand);

    public Task<HttpResponseMessage> PostAsync<T>(string path, T body, JsonTypeInfo<T> type) => Client.PostAsJsonAsync(path, body, type);

    public async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, TestPerson? reader = null) =>
        await MustAsync(HttpStatusCode.OK, reader is null ? await Client.GetAsync(path) : await SendSignedAsync(HttpMethod.Get, path, reader), type);

    public async Task NameAsync(TestPerson person, string name) =>
        await MustAsync(HttpStatusCode.NoContent, await SendSignedAsync(HttpMethod.Put, $"/v1/persons/{person.Id}/name", person, $$"""{"name":"{{name}}"}"""));

    public Task<HttpResponseMessage> SendSignedAsync(HttpMethod method, string path, TestPerson person, string? body = null) =>
        SendAsync(method, path, Header(method, path, person, body), body);

    public string Header(HttpMethod method, string path, TestPerson person, string? body = null) =>
        SignedRead.Sign(Origin, person.Id, Clock.GetUtcNow(), method.Method, path, System.Text.Encoding.UTF8.GetBytes(body ?? ""), person.Key).ToHeader();

    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string header, string? body = null) => Client.SendAsync(new(method, path)
    {
        Headers = { Authorization = new(SignedRead.Scheme, header) },
        Content = body is null ? null : new StringContent(body, System.Text.Encoding.UTF8, "application/json"),
    });

    /// <summary>One administrator proposes, the other approves.</summary>
    public async Task ChangeAsync(TrustChange change)
    {
        var propose = Propose(Ada, change);
        await MustAsync(HttpStatusCode.Accepted, await SendAsync(Ada.Sign(propose)));
        await MustAsync(HttpStatusCode.OK, await SendAsync(Ben.Sign(Approve(Ben, propose))));
    }

    public ProposeChange Propose(TestPerson person, TrustChange change)
    {
        var (ledger, id, by, at) = By(person);
        return new(ledger, id, by, at, change);
    }

    public ApproveChange Approve(TestPerson person, ProposeChange proposal)
    {
        var (ledger, id, by, at) = By(person);
        return new(ledger, id, by, at, Ids.Proposal(proposal), proposal.Digest());
    }

    public async Task<TestPerson> EnrolAsync(params string[] groups)
    {
        var person = new TestPerson(groups);
        await ChangeAsync(new EnrolPerson(person.Id, person.Key.PublicKey, groups));
        return person;
    }

    public async Task<LedgerRecord> EntryAsync(long index)
    {
        await foreach (var entry in Host.Ledger.ReadEntriesAsync(index, index + 1)) return LedgerRecord.Parse(entry.Span);
        throw new InvalidOperationException($"there is no entry {index}");
    }

    public static async Task<T> MustAsync<T>(HttpStatusCode status, HttpResponseMessage response, JsonTypeInfo<T> type)
    {
        await MustAsync(status, response);
        return (await response.Content.ReadFromJsonAsync(type))!;
    }

    public static async Task MustAsync(HttpStatusCode status, HttpResponseMessage response)
    {
        if (response.StatusCode != status) Assert.Fail($"{(int)response.StatusCode} instead of {(int)status}: {await response.Content.ReadAsStringAsync()}");
    }

    /// <summary>The refusal, whose type is <paramref name="problem"/>, as one line of all its reasons.</summary>
    public static async Task<string> RefusedAsync(string problem, HttpResponseMessage response)
    {
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var reply = (await response.Content.ReadFromJsonAsync(ProtocolJson.Default.ProblemReply))!;
        Assert.Equal($"/problems#{problem}", reply.Type);
        Assert.Equal((int)response.StatusCode, reply.Status);
        return reply.Detail ?? "";
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        certificate.Dispose();
        Witness.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private void WriteDirectory(bool development)
    {
        var ledgerKey = DirectoryKeys.WriteLedgerKey(Path.Combine(Directory, "ledger.key"));
        var witness = Witness.Cosigner.Verifier.ToString();
        var founding = new Founding(
            Origin, new VerifierKey(Origin, NoteAlgorithm.Ed25519, ledgerKey).ToString(), [witness], BrokerKey,
            [new(Ada.Id, Ada.Key.PublicKey), new(Ben.Id, Ben.Key.PublicKey)], development ? true : null);
        var genesis = new Genesis(Clock.GetUtcNow(), founding, [Ada.Key.Sign(founding.ToBeSigned()), Ben.Key.Sign(founding.ToBeSigned())]);
        var configuration = new BrokerConfiguration(BrokerConfiguration.Kind, Origin, "127.0.0.1:0", [new("https://witness.test", witness)], "file:custody.key");
        Write("genesis.json", genesis.ToEntry());
        Write("broker.json", configuration.ToBytes());
        Write("tls.pem", System.Text.Encoding.ASCII.GetBytes(certificate.ExportCertificatePem()));
        Write("tls.key", System.Text.Encoding.ASCII.GetBytes(certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()));
        DirectoryKeys.WriteCustodyKey(Path.Combine(Directory, "custody.key"));
    }

    public void Write(string name, byte[] content)
    {
        var path = Path.Combine(Directory, name);
        File.WriteAllBytes(path, content);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private static X509Certificate2 NewCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=broker.test", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
    }
}
