using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;
using Strongroom.Tests.Facts;

namespace Strongroom.Tests.Protocol;

/// <summary>What the client says, and what it makes of the answers, spec/release-protocol.md "Answers".</summary>
public sealed class BrokerClientTests
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Sends_a_command_as_canonical_json()
    {
        var town = Town.Furnished();
        var broker = new Broker(HttpStatusCode.Accepted, """{"index":7,"subject":"request-1","missing":["two owners"]}""");
        var command = SignedCommand.Sign(town.Open(), town.KeyOf(town.Operator));
        var reply = await broker.Client.SendAsync(command, Cancel);
        Assert.Equal(("request-1", "two owners"), (reply.Subject, Assert.Single(reply.Missing!)));
        Assert.Equal("POST https://broker.example/v1/commands", broker.Asked);
        Assert.Equal(command.ToBytes(), broker.Body);
    }

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(409)]
    public async Task A_no_is_a_refusal_with_every_reason(int status)
    {
        var broker = new Broker((HttpStatusCode)status, """{"type":"/problems#refused","title":"The rules say no","status":403,"detail":"a; b","reasons":["a","b"]}""");
        Assert.Equal(["a", "b"], (await Assert.ThrowsAsync<RefusedException>(() => broker.Client.ModelsAsync(Cancel))).Reasons);
    }

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    public async Task A_measurement_that_the_broker_will_not_show_is_not_called_unknown(int status)
    {
        var digest = Digest.Of("measured"u8);
        Assert.Null(await new Broker(HttpStatusCode.NotFound, "{}").Client.MeasurementAsync(digest, Cancel));
        await Assert.ThrowsAsync<RefusedException>(() => new Broker((HttpStatusCode)status, """{"title":"no"}""").Client.MeasurementAsync(digest, Cancel));
    }

    [Theory]
    [InlineData(429)]
    [InlineData(408)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task What_will_pass_is_unavailable_and_never_a_decision(int status) =>
        await Assert.ThrowsAsync<UnavailableException>(() => new Broker((HttpStatusCode)status, "<html>").Client.ModelsAsync(Cancel));

    [Theory]
    [InlineData(400)]
    [InlineData(413)]
    [InlineData(415)]
    public async Task What_the_broker_does_not_understand_is_malformed(int status) =>
        await Assert.ThrowsAsync<MalformedException>(() => new Broker((HttpStatusCode)status, """{"title":"no"}""").Client.ModelsAsync(Cancel));

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"status":"ok","ledger":"x","size":1,"surprise":1}""")]
    [InlineData("""{"status":"ok","ledger":"x","size":1,"size":1}""")]
    public async Task A_reply_that_is_none_is_malformed(string reply) =>
        await Assert.ThrowsAsync<MalformedException>(() => new Broker(HttpStatusCode.OK, reply).Client.HealthAsync(Cancel));

    [Fact]
    public async Task A_list_is_read_to_its_end()
    {
        var asked = new List<string>();
        var machines = await Pages(asked, from => Enumerable.Range(from, Math.Min(500, 1203 - from))).MachinesAsync(Cancel);
        Assert.Equal(Enumerable.Range(0, 1203).Select(i => (long)i), machines.Select(machine => machine.Index));
        Assert.Equal(["?limit=500", "?limit=500&after=499", "?limit=500&after=999"], asked);
    }

    [Fact]
    public async Task A_list_that_does_not_go_on_is_malformed() =>
        await Assert.ThrowsAsync<MalformedException>(() => Pages([], _ => Enumerable.Range(0, 500)).MachinesAsync(Cancel));

    [Fact]
    public async Task A_list_without_an_end_is_malformed()
    {
        var asked = new List<string>();
        var broker = Pages(asked, from => Enumerable.Range(from, 500), maxListSizeInBytes: 500_000);
        Assert.Contains("does not end", (await Assert.ThrowsAsync<MalformedException>(() => broker.MachinesAsync(Cancel))).Message, StringComparison.Ordinal);
        Assert.InRange(asked.Count, 2, 20);
    }

    private static BrokerClient Pages(List<string> asked, Func<int, IEnumerable<int>> page, long maxListSizeInBytes = 10_000_000) => new(new(new Lists(query =>
    {
        asked.Add(query);
        var from = query.Split("after=") is [_, var after] ? int.Parse(after) + 1 : 0;
        return $"[{string.Join(',', page(from).Select(i => $$"""{"machine":"m","kind":"tpm","active":true,"at":"2026-01-31T12:00:00Z","index":{{i}},"pcrs":[],"application_pcr":13}"""))}]";
    })) { BaseAddress = new("https://broker.example") }) { MaxListSizeInBytes = maxListSizeInBytes };

    private sealed class Lists(Func<string, string> answer) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(answer(request.RequestUri!.Query)) });
    }

    [Fact]
    public async Task A_broker_that_does_not_answer_is_unavailable() =>
        await Assert.ThrowsAsync<UnavailableException>(() => new Broker(new HttpRequestException("refused")).Client.HealthAsync(Cancel));

    [Fact]
    public async Task Pending_and_granted_are_told_apart_by_the_status_alone()
    {
        var submission = new EvidenceSubmission("c", "e"u8.ToArray());
        var pending = await new Broker(HttpStatusCode.Accepted, """{"missing":["one owner"],"retry_after_seconds":5}""").Client.ReleaseAsync(submission, Cancel);
        Assert.Equal(["one owner"], Assert.IsType<ReleaseReply.Pending>(pending).Reply.Missing);
        var granted = await new Broker(HttpStatusCode.OK, """{"entry":"e30=","proof":"p","sealed_keys":"AA=="}""").Client.ReleaseAsync(submission, Cancel);
        Assert.Equal("p", Assert.IsType<ReleaseReply.Granted>(granted).Reply.Proof);
        await Assert.ThrowsAsync<MalformedException>(() =>
            new Broker(HttpStatusCode.OK, """{"missing":["one owner"],"retry_after_seconds":5}""").Client.ReleaseAsync(submission, Cancel));
    }

    [Fact]
    public async Task Reads_the_events_of_a_lease_until_it_is_over()
    {
        var broker = new Broker(HttpStatusCode.OK, "event: stands\ndata: {\"kind\":\"stands\",\"lease\":\"l\"}\n\n: comment\n\nevent: revoked\ndata: {\"kind\":\"revoked\",\"lease\":\"l\",\"index\":9,\"reason\":\"r\"}\n\n");
        var events = new List<LeaseEvent>();
        await foreach (var one in broker.Client.LeaseEventsAsync("l", Cancel)) events.Add(one);
        Assert.Equal([new(LeaseEventKind.Stands, "l"), new(LeaseEventKind.Revoked, "l", 9, "r")], events);
    }

    [Fact]
    public async Task Signs_reads_so_that_the_rules_accept_them()
    {
        var town = Town.Furnished();
        var broker = new Broker(HttpStatusCode.OK, "[]", new(Town.Origin, town.Owner1, town.KeyOf(town.Owner1), new Clock(town.Now)));
        await broker.Client.PersonsAsync(Cancel);
        var read = SignedRead.Parse(broker.Authorization!["Strongroom ".Length..]);
        Assert.Empty(read.Refusals(town.State, "GET", "/v1/persons?limit=500", Digest.Of([]), town.Now));
    }

    [Fact]
    public void The_pin_is_the_key_and_not_the_certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var first = Certificate(key, "CN=a");
        using var renewed = Certificate(key, "CN=b");
        using var foreign = Certificate(other, "CN=a");
        var pin = BrokerPin.Of(first);
        Assert.True(pin.Matches(renewed));
        Assert.False(pin.Matches(foreign));
        Assert.False(pin.Matches(null));
        Assert.Equal(Digest.Of(key.ExportSubjectPublicKeyInfo()), pin.Key);
    }

    private static X509Certificate2 Certificate(ECDsa key, string name) =>
        new CertificateRequest(name, key, HashAlgorithmName.SHA256).CreateSelfSigned(Town.Noon, Town.Noon.AddYears(1));

    private sealed class Clock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }

    /// <summary>A broker that always gives the same answer and remembers the last question.</summary>
    private sealed class Broker : HttpMessageHandler
    {
        private readonly Func<HttpResponseMessage> answer;

        public Broker(HttpStatusCode status, string reply, ReadSigner? signer = null) : this(() => new(status) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(reply)) }, signer)
        {
        }

        public Broker(Exception failure) : this(() => throw failure, null)
        {
        }

        private Broker(Func<HttpResponseMessage> answer, ReadSigner? signer)
        {
            this.answer = answer;
            Client = new(new HttpClient(this) { BaseAddress = new("https://broker.example/") }, signer);
        }

        public BrokerClient Client { get; }

        public string? Asked { get; private set; }

        public string? Authorization { get; private set; }

        public byte[] Body { get; private set; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            (Asked, Authorization) = ($"{request.Method} {request.RequestUri}", request.Headers.Authorization?.ToString());
            if (request.Content is not null) Body = await request.Content.ReadAsByteArrayAsync(cancellationToken);
            return answer();
        }
    }
}
